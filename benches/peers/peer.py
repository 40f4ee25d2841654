"""The algorithms in the way that samples for Python write them, and the signer of the official SDK where it is installed.

The argument is a file with a name and a value on each line; a line of JSON is printed for each row.
"""

import base64
import hashlib
import hmac
import json
import secrets
import string
import sys
import time
from urllib.parse import parse_qsl

with open(sys.argv[1], encoding="utf-8") as file:
    INPUT = dict(line.rstrip("\n").split(" ", 1) for line in file)

KEY, BODY, ANSWER, PLAIN, SEALED = (INPUT[name] for name in ("key", "body", "answer", "plain", "sealed"))


def verify_v2(body):
    parameters = dict(parse_qsl(INPUT["v2_query"]))
    digest = hmac.new(KEY.encode(), body.encode(), hashlib.sha256).hexdigest()
    text = KEY + parameters["nonce"] + parameters["timestamp"] + digest
    found = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(found, parameters["signature"].lower())


def canonical(members):
    present = {name: value for name, value in members.items() if value is not None}
    return json.dumps(present, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_v2():
    members = json.loads(BODY)
    return members if verify_v2(canonical(members)) else None


def verify_v1(query):
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    token = parameters.pop("authToken")
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    found = hmac.new((KEY + parameters["timeStamp"]).encode(), text.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(found).decode(), token)


def body_sign(body):
    found = hmac.new(KEY.encode(), body.encode(), hashlib.sha256).digest()
    return f'sign_type="HMAC-SHA256", signature="{base64.b64encode(found).decode()}"'


def field_key():
    """Returns what Java's KeyGenerator draws from SHA1PRNG."""
    state = bytearray(hashlib.sha1(KEY.encode()).digest())
    stream = b""
    while len(stream) < 32:
        out = hashlib.sha1(state).digest()
        stream += out
        carry = 1
        for index in range(20):
            signed = (state[index] ^ 0x80) - 0x80 + (out[index] ^ 0x80) - 0x80 + carry
            state[index] = signed & 0xFF
            carry = signed >> 8
    return stream[:32]


BY = "Python, as in the samples"
ROWS = [
    ("v2-verify", BY, lambda: verify_v2(BODY)),
    ("v2-read", BY, read_v2),
    ("v2-canonical", BY, lambda: canonical(json.loads(BODY))),
    ("v1-exchange", BY, lambda: verify_v1(INPUT["v1_query"]) and body_sign(ANSWER)),
    ("body-sign", BY, lambda: body_sign(ANSWER)),
]


def check(is_right, what):
    if not is_right:
        raise SystemExit(f"{what} differs from what the crate computes")


check(verify_v2(BODY) and not verify_v2(BODY + " "), "V2.0")
check(canonical(json.loads(BODY)) == BODY, "the canonical form")
check(verify_v1(INPUT["v1_query"]), "V1.0")
check(body_sign(ANSWER) == INPUT["body_sign"], "Body-Sign")


def add_cipher():
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    characters = string.digits + string.ascii_letters

    def encrypt(secret):
        iv = "".join(secrets.choice(characters) for _ in range(16))
        padder = PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv.encode())).encryptor()
        sealed = encryptor.update(padder.update(PLAIN.encode()) + padder.finalize()) + encryptor.finalize()
        return iv + base64.b64encode(sealed).decode()

    def decrypt(secret, sealed):
        decryptor = Cipher(algorithms.AES(secret), modes.CBC(sealed[:16].encode())).decryptor()
        padded = decryptor.update(base64.b64decode(sealed[16:])) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()

    kept = field_key()
    check(decrypt(kept, SEALED) == PLAIN, "decryption")
    check(decrypt(kept, encrypt(kept)) == PLAIN, "encryption")
    ROWS.extend([
        ("encrypt-new-key", BY, lambda: encrypt(field_key())),
        ("encrypt-kept-key", "Python", lambda: encrypt(kept)),
        ("decrypt-new-key", BY, lambda: decrypt(field_key(), SEALED)),
        ("decrypt-kept-key", "Python", lambda: decrypt(kept, SEALED)),
    ])


def add_sdk():
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    signer = Signer(BasicCredentials(INPUT["ak"], INPUT["sk"]))
    query = parse_qsl(INPUT["api_query"])

    def sign(headers):
        request = SdkRequest(
            method="GET", schema="https", host=INPUT["api_host"], resource_path=INPUT["api_path"],
            query_params=query, header_params=headers,
        )
        return signer.sign(request).header_params["Authorization"]

    check(sign({"X-Sdk-Date": INPUT["api_date"]}) == INPUT["authorization"], "AK/SK")
    ROWS.append(("aksk-get", "the official SDK for Python", lambda: sign({})))


for what, add in (("cryptography", add_cipher), ("huaweicloudsdkcore", add_sdk)):
    try:
        add()
    except ImportError as error:
        print(f"{what}: {error}", file=sys.stderr)


def nanoseconds(work, batch):
    began = time.perf_counter_ns()
    for _ in range(batch):
        work()
    return (time.perf_counter_ns() - began) / batch


measured = []
for group, by, work in ROWS:
    end = time.perf_counter() + int(INPUT["warm_up_ms"]) / 1000
    batch = 1
    while time.perf_counter() < end:
        cost = nanoseconds(work, batch)
        batch = max(1, min(100_000, int(int(INPUT["sample_us"]) * 1000 / cost)))
    measured.append((group, by, work, batch, []))
for _ in range(int(INPUT["rounds"])):
    for _, _, work, batch, samples in measured:
        samples.append(nanoseconds(work, batch))
for group, by, _, _, samples in measured:
    samples.sort()
    print(json.dumps({"group": group, "by": by, "median": samples[len(samples) // 2], "best": samples[0]}))
