"""What schemathesis needs to know of the marketplace: how calls are signed, and what an answer may be. The family is in
`OPENAPI_FAMILY`, the keys are where the programs have them."""

import json
import os
import pathlib

import requests
import schemathesis
from schemathesis import GenerationMode

import signing

FAMILY = os.environ["OPENAPI_FAMILY"]
# The marketplace answers these refusals with status 500; any other failure of a server is one.
REFUSED_WITH_500 = {"0100", "9001", "9002", "9003", "9004"}
# "The signature is wrong", and "a parameter is invalid".
CALLED_INVALID = {"000001", "000002"}


ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCHEMAS = json.loads((ROOT / f"docs/openapi/{FAMILY}.json").read_text())["components"]["schemas"]


class Signed(requests.auth.AuthBase):
    def __call__(self, request):
        return signing.sign(FAMILY, request)


schemathesis.auth.set_from_requests(Signed())


def code_of(response):
    try:
        answer = response.json()
    except ValueError:
        return None
    codes = [answer.get(name) for name in ("resultCode", "error_code")] if isinstance(answer, dict) else []
    return next((code for code in codes if code is not None), None)


@schemathesis.check
def no_failure(ctx, response, case):
    """No status of 500 and above, but for the refusals that are documented with it."""
    number = str(code_of(response)).rpartition(".")[2]
    assert response.status_code < 500 or number in REFUSED_WITH_500, f"status {response.status_code}: {response.text}"


def is_clear(message):
    """Whether a message has no word that the documents do not list, which nobody can act on, and no text that has to be JSON or
    encrypted, which a schema cannot demand."""
    if not isinstance(message, dict) or message.get("clientSecret"):
        return False
    if any(isinstance(message.get(name), str) for name in ("userList", "orgInfo", "orgInfoList")):
        return False
    entries = [entry for name in ("userList", "orgInfo", "orgInfoList") for entry in message.get(name) or []]
    # For JSON Schema 5.0 is a whole number; as a name it is none.
    if any(isinstance(entry.get(name), float) for entry in entries for name in ("userName", "orgCode")):
        return False
    if message.get("trialToFormal") not in (None, "", "0", "1") or FAMILY == "license-v1" and message.get("saasExtendParams"):
        return False
    for schema in SCHEMAS.values():
        for name, member in schema.get("properties", {}).items():
            words = member.get("anyOf", [{}])[0].get("enum")
            if words and member.get("x-class") == "effect" and name in message and message[name] not in words:
                return False
    return True


@schemathesis.check
def a_message_that_fits_is_understood(ctx, response, case):
    """What the schema allows is neither called invalid nor wrongly signed."""
    message = case.query if FAMILY in ("saas-v1", "license-v1") else case.body
    is_sound = case.meta and case.meta.generation.mode == GenerationMode.POSITIVE
    if FAMILY != "open-api" and is_sound and is_clear(message):
        assert code_of(response) not in CALLED_INVALID, f"{response.text} to {message}"


@schemathesis.check
def the_answer_is_signed(ctx, response, case):
    """`Body-Sign`, where the family has it, is that of the bytes received."""
    if FAMILY in ("saas-v1", "license-v1", "kit-v1") and response.status_code == 200:
        expected = signing.body_sign(os.environ[signing.KEYS[FAMILY]], response.content)
        given = response.headers.get("body-sign", [None])
        assert given in (expected, [expected]), f"{given} instead of {expected}"
