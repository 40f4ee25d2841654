"""Signs requests as the marketplace and its sellers do, from the descriptions in `docs/openapi`, with the standard library only."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import secrets
import time
import urllib.parse


def digest(key, message):
    key, message = (text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text for text in (key, message))
    return hmac.new(key, message, hashlib.sha256)


def base64_of(key, message):
    return base64.b64encode(digest(key, message).digest()).decode()


def now_millis():
    return str(int(time.time() * 1000))


def now_compact(hours=0):
    """Returns the time with milliseconds, in the zone that is so many hours ahead of UTC."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return now.strftime("%Y%m%d%H%M%S%f")[:17]


def body_sign(key, body):
    return f'sign_type="HMAC-SHA256", signature="{base64_of(key, body)}"'


def callback_v2(key, url, body):
    """Returns the address with `signature`, `timestamp` and `nonce`."""
    nonce, timestamp = secrets.token_hex(16), now_millis()
    signature = digest(key, key + nonce + timestamp + digest(key, body).hexdigest()).hexdigest()
    query = urllib.parse.urlencode({"signature": signature, "timestamp": timestamp, "nonce": nonce})
    return url._replace(query=query)


def kit_v2(key, body):
    """Returns the headers `x-sign`, `x-timestamp` and `x-nonce`."""
    nonce, timestamp = secrets.token_hex(32), now_millis()
    signature = digest(key, (key + nonce + timestamp).encode() + body).hexdigest().upper()
    return {"x-sign": signature, "x-timestamp": timestamp, "x-nonce": nonce}


def auth_token(key, url):
    """Returns the address with `authToken`, and with the time of now where it has a `timeStamp`."""
    pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True, errors="surrogateescape")
    pairs = [(name, now_compact() if name == "timeStamp" else value) for name, value in pairs if name != "authToken"]
    pairs.append(("authToken", token(key, dict(pairs).get("timeStamp", ""), pairs)))
    return url._replace(query=urllib.parse.urlencode(pairs, errors="surrogateescape"))


def auth_token_body(key, body):
    """Returns the body, with the time of now where it has a `timeStamp`, and the header `authToken`."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        return body, {"authToken": token(key, "", [])}
    if isinstance(members.get("timeStamp"), str):
        members["timeStamp"] = now_compact(8)
    shown = [(name, value if isinstance(value, str) else compact(value)) for name, value in members.items() if value is not None]
    shown = [(name, value) for name, value in shown if value.strip()]
    stamp = members.get("timeStamp")
    return compact(members).encode(), {"authToken": token(key, stamp if isinstance(stamp, str) else "", shown)}


def compact(value):
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def token(key, stamp, pairs):
    ordered = sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
    text = "&".join(f"{name}={value}" for name, value in ordered)
    return base64_of(key + stamp, text.encode("utf-8", "surrogateescape"))


def usage_push(key, body):
    """Returns the headers of a usage push, and the body with its members in natural order, which is the one that is signed."""
    try:
        body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except ValueError:
        pass
    ts, nonce = now_millis(), secrets.token_hex(16)
    signature = base64_of(key, f"ts={ts}&nonce={nonce}&body=".encode() + body)
    return body, {"ts": ts, "nonce": nonce, "signature": signature}


def aksk(access, secret, method, url, body):
    """Returns the headers of AK/SK: `X-Sdk-Date` and `Authorization` over host and date."""
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")

    def escaped(text):
        return urllib.parse.quote(text, safe="-_.~")

    path = "".join(f"{escaped(urllib.parse.unquote(part))}/" for part in url.path.rstrip("/").split("/"))
    pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
    query = "&".join(f"{name}={value}" for name, value in sorted((escaped(name), escaped(value)) for name, value in pairs))
    signed = "host;x-sdk-date"
    canonical = "\n".join(
        [method, path, query, f"host:{url.netloc}", f"x-sdk-date:{date}", "", signed, hashlib.sha256(body).hexdigest()]
    )
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = digest(secret, text).hexdigest()
    return {
        "X-Sdk-Date": date,
        "Authorization": f"SDK-HMAC-SHA256 Access={access}, SignedHeaders={signed}, Signature={signature}",
    }


# The key of each family, where a server has all of them.
KEYS = {
    "saas-v2": "KOOGALLERY_BASIC_KEY",
    "saas-v1": "KOOGALLERY_V1_KEY",
    "license-online": "KOOGALLERY_LICENSE_KEY",
    "license-code": "KOOGALLERY_LICENSE_KEY",
    "license-v1": "KOOGALLERY_V1_KEY",
    "order-notify": "KOOGALLERY_GENERAL_KEY",
    "kit-v1": "KOOGALLERY_V1_KEY",
    "kit-v2": "KOOGALLERY_KIT_KEY",
}


def sign(family, request):
    """Signs a prepared request of `requests`."""
    url = urllib.parse.urlsplit(request.url)
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    key = os.environ[KEYS.get(family, "KOOGALLERY_BASIC_KEY")]
    headers, signed_body = {}, body
    if family == "open-api" and url.path.endswith("/v1/isv/usage-data") and not url.path.startswith("/rest/"):
        signed_body, headers = usage_push(key, body)
    elif family == "open-api":
        access, secret = os.environ["KOOGALLERY_AK"], os.environ["KOOGALLERY_SK"]
        headers = aksk(access, secret, request.method, url, body)
    elif family == "kit-v2":
        headers = kit_v2(key, body)
    elif family == "kit-v1":
        signed_body, headers = auth_token_body(key, body)
    elif family in ("saas-v1", "license-v1"):
        url = auth_token(key, url)
    else:
        url = callback_v2(key, url, body)
    request.url = urllib.parse.urlunsplit(url)
    if signed_body is not body:
        request.prepare_body(signed_body, None)
    request.headers.update(headers)
    return request
