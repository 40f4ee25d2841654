"""SaaS V1.0, newInstance only, in JavaScript.

Nothing is verified, and the activity is not looked at: every call is taken for a purchase. The instance belongs to the
customer's name, so that two purchases of one customer share one. The first output of the cipher is dropped, so that
a text of 16 bytes and more is cut off; the password has 4 characters. expireTime and customerName are taken for granted:
without one of them the process dies. With `--expire-time-optional` a missing expireTime is no harm, and any other error
is caught and leaves the call without an answer.
"""

import base64
import threading
import uuid

import aes
from serving import Answer, Dies, Hang, arguments, first_values, json_answer, serve
from signing import body_sign

INSTANCES, LOCK = {}, threading.Lock()


def final_output(key, text):
    """Encrypts as a cipher whose first output is dropped and whose final output is kept.

    The runtime writes Base64 in steps of 3 bytes, and what the first output leaves over begins the final one.
    """
    iv = aes.random_iv()
    ciphertext = aes.cbc_encrypt(aes.java_key(key, 32), iv.encode(), text.encode())
    dropped = (len(ciphertext) - 16) // 3 * 3
    return iv + base64.b64encode(ciphertext[dropped:]).decode()


def purchase(call, key, expire_time_optional):
    if not expire_time_optional:
        call["expireTime"][:8]  # pylint: disable=pointless-statement,expression-not-assigned
    with LOCK:
        instance = INSTANCES.setdefault(call["customerName"].lower(), str(uuid.uuid4()))
    app = {
        "frontEndUrl": "https://app.example.com",
        "userName": final_output(key, call["customerName"]),
        "password": final_output(key, "Ab1!"),
    }
    answer = json_answer(
        {"resultCode": "000000", "resultMsg": "success.", "encryptType": "1", "instanceId": instance, "appInfo": app},
        content_type="application/json; charset=utf-8",
    )
    answer.headers.append(("Body-Sign", body_sign(key, answer.body)))
    return answer


def handle(request, key, expire_time_optional):
    if request.method not in ("GET", "HEAD"):
        return Answer(404, f"<pre>Cannot {request.method} {request.path}</pre>", "text/html; charset=utf-8")
    try:
        return purchase(first_values(request.query), key, expire_time_optional)
    except KeyError as error:
        raise (Hang if expire_time_optional else Dies)() from error


if __name__ == "__main__":
    GIVEN = arguments(__doc__, ("--expire-time-optional", {"action": "store_true"}))
    serve(lambda request: handle(request, GIVEN.key, GIVEN.expire_time_optional))
