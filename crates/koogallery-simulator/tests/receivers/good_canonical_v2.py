"""SaaS V2.0, all activities, right by the documents.

Verifies as the marketplace's own sample project does: only over the canonical form rebuilt from the parsed body.
"""

import good_v2

if __name__ == "__main__":
    good_v2.main(__doc__, False, good_v2.HANDLERS)
