"""Writes the vectors of RSA-OAEP: openssl/client_secret.json with the openssl command, java/client_secret.json with Java.

Run from the root of the repository:

    python3 tests/vectors/generate/client_secret.py

OAEP is random, so every run writes other ciphertexts. That Java's are right is checked by decrypting them with openssl.
Test keys are made where they are missing. They are test data, which everybody has.
"""

import base64
import json
import pathlib
import subprocess
import sys

VECTORS = pathlib.Path("tests/vectors")
KEYS = VECTORS / "keys"
# Hashes of the label and of the mask.
VARIATIONS = {"sha256_mgf1sha1": ("sha256", "sha1"), "sha256": ("sha256", "sha256"), "sha1": ("sha1", "sha1")}
SECRETS = ["0f8fad5b-d9cb-469f-a165-70867728950e", "s3cr3t", "\u5bc6\u94a5 +/="]


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, stdout=subprocess.PIPE, check=True).stdout


def make_key(name, bits, *options):
    path = KEYS / f"{name}.pem"
    if not path.exists():
        openssl("genrsa", *options, "-out", str(path), str(bits))
    # The form of the console: no first and last line, no line breaks.
    public = openssl("pkey", "-in", str(path), "-pubout").decode().splitlines()
    (KEYS / f"{name}.public.txt").write_text("".join(public[1:-1]))


def oaep(direction, key, variation, given):
    label, mask = VARIATIONS[variation]
    options = ["rsa_padding_mode:oaep", f"rsa_oaep_md:{label}", f"rsa_mgf1_md:{mask}"]
    options = [part for option in options for part in ("-pkeyopt", option)]
    return openssl("pkeyutl", direction, "-inkey", str(KEYS / f"{key}.pem"), *options, given=given)


def main():
    make_key("test_rsa_2048", 2048)
    make_key("test_rsa_3070", 3070)
    make_key("test_rsa_3072", 3072)
    make_key("test_rsa_3072_other", 3072)
    make_key("test_rsa_4096_pkcs1", 4096, "-traditional")
    make_key("test_rsa_3072_three_primes", 3072, "-primes", "3")
    make_key("test_rsa_3072_three_primes_pkcs1", 3072, "-primes", "3", "-traditional")
    # The longest that can be used, and one that is too long; each takes openssl half a minute.
    make_key("test_rsa_8192", 8192)
    make_key("test_rsa_8200", 8200)

    entries = [
        {
            "key": key,
            "variation": variation,
            "secret": secret,
            # With line breaks, as the base64 command writes it.
            "ciphertext": base64.encodebytes(oaep("-encrypt", key, variation, secret.encode())).decode(),
        }
        for key in ("test_rsa_3072", "test_rsa_4096_pkcs1")
        for variation in VARIATIONS
        for secret in SECRETS
    ]
    (VECTORS / "openssl/client_secret.json").write_text(json.dumps(entries, indent=2) + "\n")

    subprocess.run(["java", str(VECTORS / "generate/ClientSecretVectors.java")], check=True)
    entries = json.loads((VECTORS / "java/client_secret.json").read_text())
    for entry in entries:
        text = entry["ciphertext"]
        is_hex = all(character in "0123456789abcdef" for character in text)
        ciphertext = bytes.fromhex(text) if is_hex else base64.b64decode(text)
        if oaep("-decrypt", entry["key"], entry["variation"], ciphertext).decode() != entry["secret"]:
            sys.exit(f"openssl reads another secret: {entry}")
    print(f"openssl decrypts all {len(entries)} of Java")


main()
