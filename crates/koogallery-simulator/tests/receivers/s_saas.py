"""SaaS V2.0, six activities, in Java: behaves as the marketplace's own sample project, with handlers to be filled in.

The signature is verified over the canonical form rebuilt from the parsed body, which is right. The window has one side,
the nonce is not kept, a time stamp that is no number ends in a stack trace, the body is bound to a map of texts (so that
changeInstanceCheck is HTTP 400), an unknown activity crashes, and the handlers do nothing: businessId is echoed as the
instance id, every instance is known, missing fields are not noticed, a memo holds characters that are not ASCII.
"""

import time

import java_app
from serving import arguments, first_values, json_answer
from signing import same_hex, v2_signature
from strict_json import canonical

MESSAGES = {"000000": "success.", "000001": "token is invalid", "000002": "param is invalid"}


def answer(code, **members):
    members = {"resultCode": code, "resultMsg": MESSAGES[code], **members}
    return json_answer(members, content_type=java_app.JSON, ascii_only=False)


def refused(given, timestamp, nonce, expected):
    """Returns the code of a refusal, or None; `expected` makes the signature of a time stamp and a nonce."""
    if not timestamp or time.time() * 1000 - java_app.parse_long(timestamp) > 60_000:
        return "000002"
    if not nonce:
        return "000002"
    if not given or not same_hex(given, expected(nonce, timestamp)):
        return "000001"
    return None


def new_instance(call):
    return answer("000000", instanceId=call.get("businessId"))


def query_instance(call):
    ids = [one for one in (call.get("instanceId") or "").split(",") if one.strip()]
    if not ids or len(ids) > 100:
        return answer("000002")
    app = {"frontEndUrl": "https://app.example.com", "userName": "admin", "password": "Init#2025-pw", "memo": "备注"}
    return answer("000000", info=[{"instanceId": one, "appInfo": app} for one in ids])


def done(_call):
    return answer("000000")


HANDLERS = {
    "newInstance": new_instance,
    "queryInstance": query_instance,
    "refreshInstance": done,
    "updateInstanceStatus": done,
    "releaseInstance": done,
    "upgradeInstance": done,
}


def handle(request, key):
    call = java_app.read_json(request, of_texts=True)
    query = first_values(request.query)
    given, timestamp, nonce = (query.get(name) for name in ("signature", "timestamp", "nonce"))
    code = refused(given, timestamp, nonce, lambda nonce, time: v2_signature(key, nonce, time, canonical(call)))
    return answer(code) if code else HANDLERS[call.get("activity")](call)


if __name__ == "__main__":
    KEY = arguments(__doc__).key
    java_app.serve_servlet(lambda request: handle(request, KEY))
