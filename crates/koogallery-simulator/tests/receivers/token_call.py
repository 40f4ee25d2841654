"""Verifies V1.0 calls: the token in the query of a GET, or in a header over the members of a Kit body."""

import datetime
import re

import signing
from fields import Refused, invalid, valid_digits
from serving import strict_pairs
from strict_json import compact, parse_object

# The documents name no window; a call may be repeated for hours.
WINDOW = datetime.timedelta(hours=12)


def open_get(key, request):
    """Returns the parameters of a genuine call, and its token; raises Refused."""
    if len(request.query) > 32 * 1024:
        raise invalid("the query is too long")
    try:
        pairs = strict_pairs(request.query)
    except ValueError as error:
        raise invalid("the query is not UTF-8") from error
    call = dict(pairs)
    if len(call) != len(pairs):
        raise invalid("a parameter is repeated")
    token = call.pop("authToken", "")
    _verify(key, token, call.get("timeStamp", ""), call.items(), datetime.timedelta())
    return call, token


def open_kit(key, request):
    """Returns the members of a genuine Kit call; raises Refused."""
    if request.too_large:
        raise invalid("the body is too large")
    tokens = request.header_values("authToken")
    try:
        members = parse_object(request.body)
    except ValueError as error:
        raise invalid(f"the body is not valid: {error}") from error
    token = tokens[0] if len(tokens) == 1 else ""
    if len(token) > 2 and token[0] == token[-1] == '"':
        token = token[1:-1]
    signed = [(name, _shown(value)) for name, value in members.items() if value is not None and _shown(value).strip()]
    time_stamp = members.get("timeStamp")
    _verify(key, token, time_stamp if isinstance(time_stamp, str) else "", signed, datetime.timedelta(hours=8))
    return members


def _shown(value):
    return str(value) if isinstance(value, str) else compact(value)


def _verify(key, token, time_stamp, pairs, zone):
    if not time_stamp:
        raise Refused("000001", "timeStamp is missing")
    if not re.fullmatch(r"[A-Za-z0-9+/]{43}=", token):
        raise Refused("000001", "authToken is missing or not valid")
    try:
        expected = signing.v1_token(key, time_stamp, pairs)
    except UnicodeEncodeError as error:
        raise invalid("a value is not text") from error
    if not signing.same_text(token, expected):
        raise Refused("000001", "authToken is wrong")
    time = valid_digits(time_stamp, "timeStamp", (17,)) - zone
    if abs(datetime.datetime.now(datetime.timezone.utc) - time) > WINDOW:
        raise Refused("000001", "timeStamp is more than 12 hours off")
