"""SaaS V2.0, all activities, in TypeScript.

The signature is verified rightly, but the database object lacks the methods that are called: every call that is
rightly signed ends in HTTP 500 with the unknown code 000999. Any other is refused with HTTP 401 and code 000003.
"""

import p4
from serving import arguments


class NoDatabase:
    """Has no method at all."""


if __name__ == "__main__":
    p4.main(arguments(__doc__).key, NoDatabase())
