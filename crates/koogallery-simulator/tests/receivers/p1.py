"""SaaS V2.0, newInstance only, in TypeScript.

The time stamp in milliseconds is compared as if it were seconds, and the inner digest is a plain SHA-256 without the
key. So every real call is refused, with HTTP 401 and code 000003. The activity is not looked at.
"""

import threading

import route_app
from serving import arguments, serve

INSTANCES, LOCK = {}, threading.Lock()


def handle(request, key, unit):
    if request.method in ("GET", "HEAD"):
        return route_app.no_loader()
    call, payload = route_app.parsed(request)
    if not route_app.verified(key, request, payload, route_app.plain_digest_signature, unit):
        return route_app.refusal()
    with LOCK:
        line = (call["orderId"], call["orderLineId"])
        instance = INSTANCES.setdefault(line, call["businessId"])
    return route_app.answer(200, {"resultCode": "000000", "resultMsg": "success", "instanceId": instance})


def main(description, unit):
    key = arguments(description).key
    serve(lambda request: handle(request, key, unit), route_app.crash)


if __name__ == "__main__":
    main(__doc__, unit=1)
