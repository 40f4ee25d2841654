"""SaaS V1.0, four activities, in Java.

businessId is echoed as the instance id; times are read with a pattern of 12 hours, so that 12:30 is stored as 00:30; a
purchase without expireTime is 000005, as is a missing token; encryptType is a number; a success has no resultMsg, and
that of a refusal is Chinese; the password is 123456. `--filled` adds a missing expireTime to every purchase.
`/admin/instances` lists the instances, without their orders.
"""

import datetime
import json
import threading

import aes
import java_app
from filling import filled
from serving import Answer, arguments, first_values, json_answer
from signing import body_sign, same_text, v1_token

INSTANCES, LOCK = {}, threading.Lock()
KNOWN = ("newInstance", "refreshInstance", "expireInstance", "releaseInstance")


def signed(key, code, message=None, **members):
    members = {"resultCode": code, "resultMsg": message, **members}
    answer = json_answer(members, content_type=java_app.JSON, ascii_only=False)
    answer.headers.append(("Body-Sign", body_sign(key, answer.body)))
    return answer


def stored_time(text):
    """Reads a time as the pattern `yyyyMMddhhmmss` does: hour 12 is hour 0."""
    time = datetime.datetime.strptime(text[:14], "%Y%m%d%H%M%S")
    return (time.replace(hour=0) if time.hour == 12 else time).strftime("%Y%m%d%H%M%S")


def answer_to(call, key):
    token = call.pop("authToken")
    if not same_text(token, v1_token(key, call["timeStamp"], call.items())):
        return signed(key, "000001", "鉴权失败")
    activity = call["activity"]
    if activity not in KNOWN:
        raise ValueError(activity)
    if activity == "newInstance":
        return create(call, key)
    if call.get("testFlag") == "1":
        return signed(key, "000000")
    with LOCK:
        instance = INSTANCES.get(call["instanceId"])
        if instance is None:
            return signed(key, "000003", "实例不存在")
        if activity == "refreshInstance":
            instance.update(expireTime=stored_time(call["expireTime"]), state="active")
        else:
            instance["state"] = "frozen" if activity == "expireInstance" else "released"
    return signed(key, "000000")


def create(call, key):
    expire_time, instance = stored_time(call["expireTime"]), call["businessId"]
    for name in ("orderId", "customerId", "productId"):
        if not call.get(name):
            return signed(key, "000002", "参数错误")
    if call.get("testFlag") != "1":
        with LOCK:
            INSTANCES[instance] = {"instanceId": instance, "state": "active", "expireTime": expire_time}
    app = {
        "frontEndUrl": "https://app.example.com",
        "userName": aes.encrypt_field(key, "admin"),
        "password": aes.encrypt_field(key, "123456"),
    }
    return signed(key, "000000", encryptType=1, instanceId=instance, appInfo=app)


def handle(request, key):
    if request.method != "GET":
        raise java_app.HttpError(405, f"Request method '{request.method}' not supported")
    if request.path == "/admin/instances":
        with LOCK:
            return Answer(200, json.dumps(list(INSTANCES.values())))
    try:
        return answer_to(first_values(request.query), key)
    except Exception:  # pylint: disable=broad-except
        return signed(key, "000005")


if __name__ == "__main__":
    GIVEN = arguments(__doc__, ("--filled", {"action": "store_true"}))

    def receive(request):
        return handle(request, GIVEN.key)

    def fields(activity):
        return {"expireTime": "20300101000000"} if activity == "newInstance" else {}

    java_app.serve_servlet(filled(receive, GIVEN.key, fields) if GIVEN.filled else receive)
