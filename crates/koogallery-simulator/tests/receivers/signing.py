"""Signatures of calls and answers, written from the protocol notes."""

import base64
import hashlib
import hmac


def _hmac(key, message):
    key, message = (text.encode() if isinstance(text, str) else text for text in (key, message))
    return hmac.new(key, message, hashlib.sha256)


def hmac_hex(key, message):
    return _hmac(key, message).hexdigest()


def v2_signature(key, nonce, timestamp, payload):
    """Returns the signature of a V2.0 call in lower-case hex; `payload` is the body or its canonical form."""
    return hmac_hex(key, key + nonce + timestamp + hmac_hex(key, payload))


def kit_v2_signature(key, nonce, timestamp, payload):
    """Returns the `x-sign` of a V2 Kit call in lower-case hex: it has no inner digest."""
    payload = payload.encode() if isinstance(payload, str) else payload
    return hmac_hex(key, (key + nonce + timestamp).encode() + payload)


def same_hex(given, expected):
    """Compares hex digits in either letter case, in constant time."""
    return hmac.compare_digest(given.lower().encode(), expected.lower().encode())


def same_text(given, expected):
    """Compares texts in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _sorted_pairs(pairs):
    return "&".join(f"{name}={value}" for name, value in sorted(pairs, key=lambda pair: utf16_order(pair[0])))


def v1_token(key, time_stamp, pairs):
    """Returns the `authToken` of a V1.0 call over decoded names and values, all but the token itself."""
    return base64.b64encode(_hmac(key + time_stamp, _sorted_pairs(pairs)).digest()).decode()


def body_sign(key, body):
    """Returns the value of the `Body-Sign` header for the bytes of an answer."""
    signature = base64.b64encode(_hmac(key, body).digest()).decode()
    return f'sign_type="HMAC-SHA256", signature="{signature}"'


def utf16_order(name):
    """Orders names by UTF-16 code units, as Java's strings are."""
    return name.encode("utf-16-be", "surrogatepass")
