"""Decrypts client secrets: RSA with OAEP, in plain Python."""

import base64
import hashlib

# The hash of the label and that of the mask; the documents name neither, so all are tried.
HASHES = (("sha256", "sha1"), ("sha256", "sha256"), ("sha1", "sha1"))


class PrivateKey:
    def __init__(self, modulus, exponent):
        self.modulus, self.exponent = modulus, exponent
        self.size = (modulus.bit_length() + 7) // 8

    @classmethod
    def read(cls, path):
        """Reads a key in PEM, PKCS#8 or PKCS#1."""
        with open(path, encoding="ascii") as file:
            lines = [line.strip() for line in file if "-----" not in line]
        numbers = _sequence(base64.b64decode("".join(lines)))
        if len(numbers) < 9:
            numbers = _sequence(next(octets for tag, octets in numbers if tag == 4))
        _version, modulus, _public, exponent = (int.from_bytes(octets, "big") for _tag, octets in numbers[:4])
        return cls(modulus, exponent)

    def decrypt(self, text):
        """Returns the clear text of Base64 or hex; raises ValueError if it cannot be decrypted."""
        text = "".join(text.split())
        ciphertext = bytes.fromhex(text) if len(text) == 2 * self.size else base64.b64decode(text, validate=True)
        number = int.from_bytes(ciphertext, "big")
        if len(ciphertext) != self.size or number >= self.modulus:
            raise ValueError("not of the size of the key")
        padded = pow(number, self.exponent, self.modulus).to_bytes(self.size, "big")
        for label, mask in HASHES:
            clear = _unpadded(padded, label, mask)
            if clear is not None:
                return clear.decode()
        raise ValueError("the padding is wrong")


def _unpadded(padded, label, mask):
    empty = hashlib.new(label, b"").digest()
    size = len(empty)
    seed_masked, data_masked = padded[1 : 1 + size], padded[1 + size :]
    seed = _xor(seed_masked, _mask(data_masked, size, mask))
    data = _xor(data_masked, _mask(seed, len(data_masked), mask))
    rest = data[size:].lstrip(b"\0")
    if padded[0] or data[:size] != empty or rest[:1] != b"\1":
        return None
    return rest[1:]


def _mask(seed, size, name):
    made, counter = b"", 0
    while len(made) < size:
        made += hashlib.new(name, seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return made[:size]


def _xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def _sequence(der):
    """Returns tags and contents of the elements in a DER sequence."""
    tag, content, rest = _element(der)
    if tag != 0x30 or rest:
        raise ValueError("not a private key")
    elements = []
    while content:
        tag, octets, content = _element(content)
        elements.append((tag, octets))
    return elements


def _element(der):
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return tag, der[start : start + length], der[start + length :]
