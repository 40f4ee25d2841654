"""SaaS V2.0, newInstance only, in TypeScript: p1.py with its window repaired.

The inner digest is still a plain SHA-256 without the key, so that every real call is refused, with HTTP 401 and code
000003.
"""

import p1

if __name__ == "__main__":
    p1.main(__doc__, unit=1000)
