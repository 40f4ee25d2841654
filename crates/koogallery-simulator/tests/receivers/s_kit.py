"""Kit V2, all five callbacks, in Java: behaves as the marketplace's own sample project, with handlers to be filled in.

The signature is verified over the canonical form rebuilt from the parsed body, which is right. The window has one side,
the nonce is not kept, a time stamp that is no number ends in an error page, missing fields are not noticed, and the
client secret is decrypted before the call is verified. With `--wrong-padding`, or without a private key, no client
secret can be decrypted, and each is refused with 000101.
"""

import java_app
import s_saas
from rsa_oaep import PrivateKey
from serving import arguments, json_answer
from signing import kit_v2_signature
from strict_json import canonical

PATHS = ("tenantSync", "applicationSync", "authSync", "singleOrgSync", "allOrgSync")


def decrypted(secret, private_key):
    try:
        return private_key is not None and private_key.decrypt(secret)
    except ValueError:
        return False


def handle(request, key, private_key):
    start, _, name = request.path.rpartition("/")
    if not start.endswith("/produceAPI/v2") or name not in PATHS:
        raise java_app.HttpError(404)
    call = java_app.read_json(request)
    secret = call.get("clientSecret") if name == "applicationSync" else None
    if secret and not decrypted(secret, private_key):
        members = {"resultCode": "000101", "resultMsg": "something wrong with appSecret"}
        return json_answer(members, content_type=java_app.JSON)
    given, timestamp, nonce = (request.header(f"x-{name}") for name in ("sign", "timestamp", "nonce"))
    payload = canonical(call)
    code = s_saas.refused(given, timestamp, nonce, lambda nonce, time: kit_v2_signature(key, nonce, time, payload))
    return s_saas.answer(code or "000000")


if __name__ == "__main__":
    GIVEN = arguments(
        __doc__,
        ("--kit-key", {"default": "kit-key-0123456789", "help": "access key of the Kit callbacks"}),
        ("--private-key", {"metavar": "FILE", "help": "RSA key in PEM, to decrypt client secrets"}),
        ("--wrong-padding", {"action": "store_true"}),
        key=False,
    )
    KEY = PrivateKey.read(GIVEN.private_key) if GIVEN.private_key and not GIVEN.wrong_padding else None
    java_app.serve_servlet(lambda request: handle(request, GIVEN.kit_key, KEY))
