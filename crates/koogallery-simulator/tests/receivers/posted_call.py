"""Verifies calls that are posted and signed as V2.0 demands: the base callbacks, License, notifications and Kit V2."""

import collections
import re
import threading
import time

from fields import Refused, invalid
from serving import strict_pairs
from signing import kit_v2_signature, same_hex, v2_signature
from strict_json import canonical, parse_object

WINDOW_MS = 60_000
MAX_BODY = 1024 * 1024


class PostedCalls:
    """Opens calls that are signed with one key.

    `raw_too` also accepts a signature over the body as it was received, besides that over its canonical form.
    """

    def __init__(self, key, kit=False, raw_too=True):
        self.key, self.kit, self.raw_too = key, kit, raw_too
        self.nonces = _Nonces()

    def open(self, request):
        """Returns the members of a genuine call; raises Refused."""
        if request.too_large:
            raise invalid("the body is too large")
        given, timestamp, nonce = self._values(request)
        _check_window(timestamp)
        if not nonce or not re.fullmatch(r"[!-~]{1,128}", nonce):
            raise invalid("the nonce is missing or not valid")
        if not given or not re.fullmatch(r"[0-9A-Fa-f]{64}", given):
            raise Refused("000001", "the signature is missing or not valid")
        members, problem = None, None
        try:
            members = parse_object(request.body)
        except ValueError as error:
            problem = str(error)
        if not self._signed(given, nonce, timestamp, request.body, members):
            raise Refused("000001", "the signature is wrong")
        if not self.nonces.first(nonce):
            raise Refused("000001", "the nonce was used before")
        if members is None:
            raise invalid(f"the body is not valid: {problem}")
        return members

    def _values(self, request):
        names = ("sign", "timestamp", "nonce") if self.kit else ("signature", "timestamp", "nonce")
        if self.kit:
            found = [request.header_values(f"x-{name}") for name in names]
        else:
            try:
                pairs = strict_pairs(request.query)
            except ValueError as error:
                raise invalid("the query is not UTF-8") from error
            found = [[value for other, value in pairs if other == name] for name in names]
        if any(len(values) > 1 for values in found):
            raise invalid("a value of the signature is repeated")
        return [values[0] if values else None for values in found]

    def _signed(self, given, nonce, timestamp, body, members):
        sign = kit_v2_signature if self.kit else v2_signature
        payloads = [body] if self.raw_too else []
        if members is not None:
            try:
                payloads.append(canonical(members).encode())
            except UnicodeEncodeError:
                pass  # Half of a pair of surrogates has no bytes that could be signed.
        return any([same_hex(given, sign(self.key, nonce, timestamp, payload)) for payload in payloads])


def _check_window(timestamp):
    if not timestamp or not re.fullmatch(r"[0-9]{10}|[0-9]{13}", timestamp):
        raise invalid("the timestamp is missing or not valid")
    milliseconds = int(timestamp) if len(timestamp) == 13 else int(timestamp) * 1000
    if abs(time.time() * 1000 - milliseconds) > WINDOW_MS:
        raise invalid("the timestamp is more than 60 s off")


class _Nonces:
    """Remembers nonces for as long as a call with one can be inside the window."""

    def __init__(self):
        self.known, self.ages, self.lock = set(), collections.deque(), threading.Lock()

    def first(self, nonce):
        now = time.monotonic()
        with self.lock:
            while self.ages and now - self.ages[0][0] > 3 * WINDOW_MS / 1000:
                self.known.discard(self.ages.popleft()[1])
            if nonce in self.known:
                return False
            self.known.add(nonce)
            self.ages.append((now, nonce))
            return True
