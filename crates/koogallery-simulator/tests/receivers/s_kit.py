"""Kit V2, all five callbacks, in Java: behaves as the marketplace's own sample project, with handlers to be filled in.

The signature is verified over the canonical form rebuilt from the parsed body, which is right. The window has one side,
the nonce is not kept, a time stamp that is no number ends in an error page, missing fields are not noticed, and the
client secret is decrypted before the call is verified. With `--wrong-padding` no client secret can be decrypted, as by
a receiver that expects another padding, and each is refused with 000101.
"""

import java_app
import s_saas
from serving import arguments, json_answer
from signing import kit_v2_signature
from strict_json import canonical

PATHS = ("tenantSync", "applicationSync", "authSync", "singleOrgSync", "allOrgSync")


def handle(request, key, wrong_padding):
    start, _, name = request.path.rpartition("/")
    if not start.endswith("/produceAPI/v2") or name not in PATHS:
        raise java_app.HttpError(404)
    call = java_app.read_json(request)
    if name == "applicationSync" and call.get("clientSecret") and wrong_padding:
        return json_answer({"resultCode": "000101", "resultMsg": "something wrong with appSecret"}, content_type=java_app.JSON)
    given, timestamp, nonce = (request.header(f"x-{name}") for name in ("sign", "timestamp", "nonce"))
    payload = canonical(call)
    code = s_saas.refused(given, timestamp, nonce, lambda nonce, time: kit_v2_signature(key, nonce, time, payload))
    return s_saas.answer(code or "000000")


if __name__ == "__main__":
    GIVEN = arguments(
        __doc__,
        ("--kit-key", {"default": "kit-key-0123456789", "help": "access key of the Kit callbacks"}),
        ("--wrong-padding", {"action": "store_true"}),
        key=False,
    )
    java_app.serve_servlet(lambda request: handle(request, GIVEN.kit_key, GIVEN.wrong_padding))
