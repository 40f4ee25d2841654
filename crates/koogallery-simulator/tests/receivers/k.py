"""SaaS V2.0, all activities, in Java.

Nothing is verified; businessId is echoed as the instance id; every instance is known and shows one fixed account;
the scene of an unsubscribed renewal has a name of its own; an expireTime of
17 digits is refused; a call without activity ends in a null pointer.
"""

import datetime

import java_app
from serving import arguments, json_answer

SCENES = ("TRIAL_TO_FORMAL", "RENEWAL", "RENEWAL_CHANGE", "RENEWAL_UNSUBSCRIBE")
DONE = ("updateInstanceStatus", "releaseInstance", "upgradeInstance", "changeInstanceCheck")


def answer(code, message, **members):
    return json_answer({"resultCode": code, "resultMsg": message, **members}, content_type=java_app.JSON)


def refresh(call):
    if call.get("scene") not in SCENES:
        return answer("000002", "unknown scene")
    expire_time = call.get("expireTime") or ""
    try:
        if len(expire_time) != 14:
            raise ValueError(expire_time)
        datetime.datetime.strptime(expire_time, "%Y%m%d%H%M%S")
    except ValueError:
        return answer("000002", "expireTime is invalid")
    return answer("000000", "success")


def handle(request):
    call = java_app.read_json(request)
    activity = call["activity"]
    if activity == "newInstance":
        return answer("000000", "success", instanceId=call.get("businessId"))
    if activity == "queryInstance":
        account = {"frontEndUrl": "https://app.example.com", "userName": "demo-admin", "password": "Demo#2025-pw"}
        ids = (call.get("instanceId") or "").split(",")
        return answer("000000", "success", info=[{"instanceId": one, "appInfo": account} for one in ids])
    if activity == "refreshInstance":
        return refresh(call)
    return answer("000000", "success") if activity in DONE else answer("000002", "unknown activity")


if __name__ == "__main__":
    arguments(__doc__)
    java_app.serve_servlet(handle)
