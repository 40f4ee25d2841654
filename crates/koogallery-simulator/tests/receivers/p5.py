"""SaaS V2.0 without a database, in TypeScript.

Verifies rightly, refuses with HTTP 401 and code 000003. newInstance echoes businessId as the instance id, so that one
order gets a new instance with each try; queryInstance answers its members at the top, without `info`; every instance
is known; nothing that is missing in a call is noticed; the nonce is not kept.
"""

import route_app
from p4 import failure, success
from serving import arguments, serve

DONE = ("refreshInstance", "updateInstanceStatus", "releaseInstance", "upgradeInstance", "changeInstanceCheck")


def handle(request, key):
    if request.method in ("GET", "HEAD"):
        return route_app.no_loader()
    call, payload = route_app.parsed(request)
    if not route_app.verified(key, request, payload):
        return route_app.refusal()
    activity = call.get("activity")
    if activity == "newInstance":
        return success(instanceId=call.get("businessId"))
    if activity == "queryInstance":
        return success(instanceId=call.get("instanceId"), frontEndUrl="https://app.example.com", userName="tenant-admin")
    return success() if activity in DONE else failure("000001", "Unknown activity", 400)


if __name__ == "__main__":
    KEY = arguments(__doc__).key
    serve(lambda request: handle(request, KEY), route_app.crash)
