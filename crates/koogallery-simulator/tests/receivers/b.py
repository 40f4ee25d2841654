"""License V1, getLicense only, in Python.

The token is made over a fixed list of 16 parameters, so that an optional one that is absent is HTTP 500, as is a
missing token, and a parameter that is not in the list makes the token differ. Answers are text/html; a wrong token is
000002, and an unusable machine code 000001; there is no instanceId; error pages are not signed; a quotation mark breaks
a statement that is joined from the fields. `--filled` adds the optional parameters to every getLicense, all but
customerName.
"""

import ast
import base64
import html
import secrets
import threading

from filling import filled
from serving import Answer, arguments, json_answer, serve, strict_pairs
from signing import body_sign, v1_token

NAMES = (
    "activity", "amount", "businessId", "chargingMode", "customerId", "customerName", "expireTime", "orderId",
    "periodNumber", "periodType", "productId", "saasExtendParams", "skuCode", "testFlag", "timeStamp", "trialFlag",
)
LICENSES, LOCK = {}, threading.Lock()
HTML = "text/html; charset=UTF-8"


def signed(key, members):
    answer = json_answer(members, content_type=HTML)
    answer.headers.append(("Body-Sign", body_sign(key, answer.body)))
    return answer


def error_page(status, request):
    url = html.escape(f"{request.path}?{request.query}")
    return Answer(
        int(status[:3]),
        f"<!DOCTYPE HTML><html><head><title>Error: {status}</title></head><body><h1>Error: {status}</h1>"
        f"<p>Sorry, the requested URL <tt>{url}</tt> caused an error:</p></body></html>",
        HTML,
    )


def machine_code(extend_params):
    """Returns the identification code in the parameters, or None; they are read as an expression, not as JSON."""
    try:
        items = ast.literal_eval(base64.b64decode(extend_params).decode())
        return next(item["value"] for item in items if item["name"] == "identificationCode")
    except (ValueError, SyntaxError, TypeError, KeyError, StopIteration):
        return None


def handle(request, key):
    if request.method not in ("GET", "HEAD"):
        return error_page("405 Method Not Allowed", request)
    try:
        return answer_to(dict(strict_pairs(request.query)), key)
    except (LookupError, ValueError, RuntimeError):
        return error_page("500 Internal Server Error", request)


def answer_to(query, key):
    if query["activity"] != "getLicense":
        return signed(key, {"resultCode": "000002", "resultMsg": "activity error"})
    call = {name: query[name] for name in NAMES}
    if query["authToken"] != v1_token(key, call["timeStamp"], call.items()):
        return signed(key, {"resultCode": "000002", "resultMsg": "authToken error"})
    if not machine_code(call["saasExtendParams"]):
        return signed(key, {"resultCode": "000001", "resultMsg": "machine code error"})
    if any("'" in value for value in call.values()):
        raise RuntimeError("syntax error in the joined statement")
    with LOCK:
        issued = LICENSES.setdefault(call["orderId"], secrets.token_hex(16))
    return signed(key, {"resultCode": "000000", "resultMsg": "success.", "license": issued})


def fields(activity):
    if activity != "getLicense":
        return {}
    code = base64.b64encode(b'[{"name":"identificationCode","value":"0A1B2C3D"}]').decode()
    return {
        "amount": "1", "chargingMode": "1", "expireTime": "20300101000000", "periodNumber": "1",
        "periodType": "year", "saasExtendParams": code, "skuCode": "sku-1", "testFlag": "0", "trialFlag": "0",
    }


if __name__ == "__main__":
    GIVEN = arguments(__doc__, ("--filled", {"action": "store_true"}))

    def receive(request):
        return handle(request, GIVEN.key)

    serve(filled(receive, GIVEN.key, fields) if GIVEN.filled else receive)
