"""SaaS V1.0, four activities, in Java.

testFlag is demanded, though real calls lack it, and mobilePhone with every purchase: without one of them the framework
answers HTTP 400, unsigned. A purchase without customerName is a null pointer. The instance id is the row's number,
encrypted again with a fresh IV in every answer. An unknown instance and a missing token are HTTP 500. A renewal does
not change the stored expiry. `--filled` adds testFlag to every call, and mobilePhone and expireTime to purchases.
`/admin/instances` lists the rows.
"""

import json
import threading

import aes
import java_app
from filling import filled
from serving import Answer, arguments, first_values, json_answer
from signing import body_sign, same_text, v1_token

DEMANDED = {
    "newInstance": ("testFlag", "orderId", "businessId", "customerId", "productId", "mobilePhone"),
    "refreshInstance": ("testFlag", "instanceId", "expireTime", "orderId"),
    "expireInstance": ("testFlag", "instanceId"),
    "releaseInstance": ("testFlag", "instanceId"),
}


class Rows:
    def __init__(self):
        self.rows, self.lock = {}, threading.Lock()

    def of_order(self, call):
        with self.lock:
            found = next((row for row in self.rows.values() if row["orderId"] == call["orderId"]), None)
            if found is None:
                number = str(10_000 + len(self.rows))
                expire_time = call.get("expireTime")
                found = {"number": number, "orderId": call["orderId"], "state": "active", "expireTime": expire_time}
                self.rows[number] = found
            return found

    def listed(self, key):
        with self.lock:
            shown = [dict(row, instanceId=aes.encrypt_field(key, row["number"])) for row in self.rows.values()]
        return json.dumps(shown)


def signed(key, code, message, **members):
    answer = json_answer({"resultCode": code, "resultMsg": message, **members}, content_type=java_app.JSON)
    answer.headers.append(("Body-Sign", body_sign(key, answer.body)))
    return answer


def handle(request, key, rows):
    if request.method != "GET":
        raise java_app.HttpError(405, f"Request method '{request.method}' not supported")
    if request.path == "/admin/instances":
        return Answer(200, rows.listed(key))
    call = first_values(request.query)
    activity = call.get("activity")
    for name in DEMANDED.get(activity, ("testFlag",)):
        if name not in call:
            raise java_app.HttpError(400, f"Required String parameter '{name}' is not present")
    token = call.pop("authToken")
    if not same_text(token, v1_token(key, call.get("timeStamp", "null"), call.items())):
        return signed(key, "000001", "authToken error")
    if activity not in DEMANDED:
        return signed(key, "000002", "unknown activity")
    if activity == "newInstance":
        return create(key, rows, call)
    row = rows.rows[aes.decrypt_field(key, call["instanceId"])]
    if activity != "refreshInstance":
        row["state"] = "frozen" if activity == "expireInstance" else "released"
    return signed(key, "000000", "success.")


def create(key, rows, call):
    aes.decrypt_field(key, call["mobilePhone"])
    user = call["customerName"].strip()
    row = rows.of_order(call)
    app = {
        "frontEndUrl": "https://app.example.com",
        "userName": aes.encrypt_field(key, user),
        "password": aes.encrypt_field(key, "Init#2025-pw"),
    }
    instance = aes.encrypt_field(key, row["number"])
    return signed(key, "000000", "success.", encryptType="1", instanceId=instance, appInfo=app)


if __name__ == "__main__":
    GIVEN, ROWS = arguments(__doc__, ("--filled", {"action": "store_true"})), Rows()

    def receive(request):
        return handle(request, GIVEN.key, ROWS)

    def fields(activity):
        purchase = {"mobilePhone": aes.encrypt_field(GIVEN.key, "13800138000"), "expireTime": "20300101000000"}
        return {"testFlag": "0", **(purchase if activity == "newInstance" else {})}

    java_app.serve_servlet(filled(receive, GIVEN.key, fields) if GIVEN.filled else receive)
