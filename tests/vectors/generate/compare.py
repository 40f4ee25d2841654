#!/usr/bin/env python3
"""Checks the vectors; exits with 1 if anything differs.

Usage: python3 tests/vectors/generate/compare.py

1. java/*.json and python/*.json hold the same entries, value by value.
2. python/*.json is what vectors.py computes now.
3. Every entry of protocol/*.json occurs in java/*.json with the same values, so both programs
   reproduce it, and each value that must not be accepted is the mistake it is meant to be.
4. Properties of the list itself: the odd inputs really separate right from wrong.
"""

import base64
import hashlib
import hmac
import json
import sys
import urllib.parse
from pathlib import Path

sys.dont_write_bytecode = True
import vectors  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent

# The fields that identify an entry; all others are answers.
INPUTS = {
    "callback_v2.json": ("key", "nonce", "timestamp", "body"),
    "kit_v2.json": ("key", "nonce", "timestamp", "body"),
    "auth_token.json": ("key", "query", "plus_is_space"),
    "auth_token_body.json": ("key", "body"),
    "body_sign.json": ("key", "body"),
    "gateway_jwt.json": ("algorithm", "secret", "known_secret", "header", "payload"),
    "sha1prng.json": ("access_key",),
    "field_cipher.json": ("access_key", "encrypt_type", "iv", "plaintext"),
}

# Of these no values are printed anywhere.
NOT_IN_PROTOCOL = {"gateway_jwt.json"}

# Of these there is no twin in Java: tests/vectors.rs compares them with the library.
WITHOUT_TWIN = ("aksk.json",)

# Fields that only protocol/*.json has.
PROTOCOL_ONLY = {"name", "also_valid", "must_not", "key_display_base64"}

# Fields that protocol/*.json need not have.
NOT_PRINTED = {"raw_x_sign"}

failures = []


def check(condition, *message):
    if not condition:
        failures.append(" ".join(map(str, message)))


def load(directory, file):
    return json.loads((ROOT / directory / file).read_text(encoding="utf-8"))


def compare_entries(file, left_name, left, right_name, right):
    check(len(left) == len(right), file, left_name, len(left), "entries,", right_name, len(right))
    for index, (a, b) in enumerate(zip(left, right)):
        for field in sorted(a.keys() | b.keys()):
            values = a.get(field), b.get(field)
            check(
                values[0] == values[1] and type(values[0]) is type(values[1]),
                f"{file}[{index}].{field}: {left_name} {values[0]!r}, {right_name} {values[1]!r}",
            )


def check_protocol(file, printed, computed):
    index = {tuple(entry[field] for field in INPUTS[file]): entry for entry in computed}
    check(len(index) == len(computed), file, "has the same input twice")
    for number, entry in enumerate(printed):
        inputs = tuple(entry[field] for field in INPUTS[file])
        same = index.get(inputs)
        check(same is not None, f"protocol/{file}[{number}] is not among the computed vectors")
        for field in entry.keys() - PROTOCOL_ONLY:
            check(
                same is None or entry[field] == same[field],
                f"protocol/{file}[{number}].{field}: printed {entry[field]!r}, computed",
                same and repr(same[field]),
            )
        missing = same.keys() - entry.keys() - NOT_PRINTED if same else set()
        check(not missing, f"protocol/{file}[{number}] lacks", missing)


def check_callback(entries):
    for entry in entries:
        for upper in entry.get("also_valid", []):
            check(upper.lower() == entry["signature"], entry["name"], "also_valid")
        if "key_display_base64" in entry:
            key = base64.b64decode(entry["key_display_base64"], validate=True).decode()
            check(key == entry["key"], entry["name"], "key_display_base64")
        if "must_not" in entry:
            key, body = entry["key"], entry["body"]
            prefix = key + entry["nonce"] + entry["timestamp"]
            plain = hashlib.sha256(body.encode()).hexdigest()
            upper = vectors.hmac_sha256(key, body).hex().upper()
            wrong = [vectors.hmac_sha256(key, prefix + digest).hex() for digest in (plain, upper)]
            check(entry["must_not"] == wrong, entry["name"], "must_not, computed", wrong)


def check_kit(entries):
    for entry in entries:
        # The form of the base interfaces, with an inner HMAC, is another signature.
        if "must_not" in entry:
            fields = ("key", "nonce", "timestamp", "canonical")
            wrong = vectors.callback_signature(*(entry[field] for field in fields)).upper()
            check(entry["must_not"] == [wrong], entry["name"], "must_not, computed", wrong)


def check_auth_token(entries):
    for entry in entries:
        name = entry["name"]
        # Verify from the receiver's side with the parser of the library.
        query = entry["query"]
        form = query if entry["plus_is_space"] else query.replace("+", "%2B")
        pairs = urllib.parse.parse_qsl(form, keep_blank_values=True, strict_parsing=True)
        check(("authToken", entry["auth_token"]) in pairs, name, "authToken of the query")
        signed = vectors.sign_query(entry["key"], entry["plus_is_space"], query)
        check(signed == (entry["signing_string"], entry["auth_token"]), name, "signed again")
        # The other reading of the plus sign must fail where the reading matters.
        _, other = vectors.sign_query(entry["key"], not entry["plus_is_space"], query)
        matters = "+" in query.replace("authToken=" + entry["auth_token"], "")
        check((other != entry["auth_token"]) == matters, name, "other reading of the plus sign")
    bare = [entry for entry in entries if entry["name"] == "plus_kept_nothing_escaped"]
    check(
        all("+" in entry["auth_token"] for entry in bare),
        "plus_kept_nothing_escaped: the authToken should contain a plus sign",
    )


def check_gateway_jwt(entries):
    for entry in entries:
        name, verdict = entry["name"], entry["verdict"]
        # Take the token apart from the receiver's side.
        signed, signature = entry["token"].rsplit(".", 1)
        parts = [part + "=" * (-len(part) % 4) for part in signed.split(".")]
        parts = [base64.urlsafe_b64decode(part).decode() for part in parts]
        check(parts == [entry["header"], entry["payload"]], name, "header and payload")
        expected = hmac.digest(entry["known_secret"].encode(), signed.encode(), "sha256")
        genuine = signature == base64.urlsafe_b64encode(expected).decode().rstrip("=")
        if verdict in ("valid", "expired", "too_old", "too_far_ahead", "missing"):
            check(genuine, name, "should be signed with the known secret")
        elif verdict in ("mismatch", "unknown_key"):
            check(not genuine, name, "should not be signed with the known secret")
    # Digits that only the URL-safe alphabet has.
    payloads = [entry["token"].split(".")[1] for entry in entries]
    check(any("-" in payload or "_" in payload for payload in payloads), "no URL-safe digits")


def check_sha1prng(entries):
    different = 0
    for entry in entries:
        unsigned = vectors.sha1prng_bytes(entry["access_key"], 32, signed=False).hex()
        different += unsigned != entry["aes256"]
        check(entry["aes256"].startswith(entry["aes128"]), entry["access_key"], "prefix")
        if "must_not" in entry:
            check(entry["must_not"] == [unsigned], entry["access_key"], "must_not", unsigned)
    return different


def check_field_cipher(entries):
    for entry in entries:
        size = len(entry["plaintext"].encode()) // 16 * 16 + 16
        expected = 16 + (size + 2) // 3 * 4
        check(len(entry["ciphertext"]) == expected, entry["plaintext"], "length")
        check(len(entry["ciphertext"]) <= 128, entry["plaintext"], "too long for a field")


def main():
    current = vectors.build()
    for file in INPUTS:
        java, python = (load(directory, file) for directory in ("java", "python"))
        printed = [] if file in NOT_IN_PROTOCOL else load("protocol", file)
        compare_entries(file, "java", java, "python", python)
        compare_entries(file, "python", python, "vectors.py", current[file])
        check_protocol(file, printed, java)
        names = [entry["name"] for entry in java if "name" in entry]
        check(len(set(names)) == len(names), file, "has the same name twice")
        if file == "callback_v2.json":
            check_callback(printed)
        elif file == "kit_v2.json":
            check_kit(printed)
        elif file == "auth_token.json":
            check_auth_token(java)
        elif file == "gateway_jwt.json":
            check_gateway_jwt(java)
        elif file == "sha1prng.json":
            check_sha1prng(printed)
            different = check_sha1prng(java)
            check(different >= 5, "too few access keys tell signed from unsigned carry")
            print(f"{file}: {different} keys tell signed from unsigned carry")
        elif file == "field_cipher.json":
            check_field_cipher(java)
        print(f"{file}: java {len(java)}, python {len(python)}, protocol {len(printed)}")
    for file in WITHOUT_TWIN:
        python = load("python", file)
        compare_entries(file, "python", python, "vectors.py", current[file])
        print(f"{file}: python {len(python)}")
    for failure in failures:
        print("DIFFERENT:", failure, file=sys.stderr)
    print("differences:", len(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
