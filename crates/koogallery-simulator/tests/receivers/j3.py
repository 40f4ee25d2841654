"""SaaS V1.0 with canned answers, in Java.

Nothing is verified, every purchase gets a random instance id, every activity is a success, and the fields are encrypted
with a key of 32 bits, which fails, so that there is an IV with nothing behind it.
"""

import uuid

import aes
import java_app
from serving import arguments, first_values, json_answer
from signing import body_sign


def handle(request, key):
    if request.method != "GET":
        raise java_app.HttpError(405, f"Request method '{request.method}' not supported")
    members = {"resultCode": "000000", "resultMsg": "success."}
    if first_values(request.query).get("activity") == "newInstance":
        app = {"frontEndUrl": "https://app.example.com", "userName": aes.random_iv(), "password": aes.random_iv()}
        members |= {"encryptType": "1", "instanceId": str(uuid.uuid4()), "appInfo": app}
    answer = json_answer(members, content_type=java_app.JSON)
    answer.headers.append(("Body-Sign", body_sign(key, answer.body)))
    return answer


if __name__ == "__main__":
    KEY = arguments(__doc__).key
    java_app.serve_servlet(lambda request: handle(request, KEY))
