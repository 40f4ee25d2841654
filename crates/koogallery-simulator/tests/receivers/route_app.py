"""The parts that p1.py to p5.py share: a route of a web framework in TypeScript.

The signature is verified over the body parsed and written again in received order, any refusal of a call is HTTP 401
with code 000003, and every method but GET reaches the route.
"""

import hashlib
import json
import time

from serving import Answer, first_values, json_answer
from signing import hmac_hex, v2_signature

JSON = "application/json; charset=utf-8"


def answer(status, members):
    return json_answer(members, status, JSON, ascii_only=False)


def refusal():
    return answer(401, {"resultCode": "000003", "resultMsg": "Invalid signature"})


def crash(_error):
    return Answer(500, "Unexpected Server Error", "text/plain; charset=utf-8")


def no_loader():
    return Answer(400, "Bad Request", "text/plain; charset=utf-8")


def parsed(request):
    """Returns the body as an object, and as it is written again: names in received order, no spaces."""
    members = json.loads(request.body.decode("utf-8", "replace"))
    return members, json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def plain_digest_signature(key, nonce, timestamp, payload):
    digest = hashlib.sha256(payload.encode()).hexdigest()
    return hmac_hex(key, key + nonce + timestamp + digest)


def verified(key, request, payload, signature=v2_signature, unit=1000):
    """Returns whether the call is signed and at most 60 s off; `unit` is the part of a second that it counts in."""
    query = first_values(request.query)
    given, timestamp, nonce = (query.get(name) for name in ("signature", "timestamp", "nonce"))
    if not given or not timestamp or not nonce:
        return False
    try:
        off = abs(time.time() * unit - float(timestamp))
    except ValueError:
        off = 0  # A comparison with NaN is false, so that the call passes.
    if off > 60 * unit:
        return False
    return given.lower() == signature(key, nonce, timestamp, payload)
