"""Encrypted fields of V1.0: AES-CBC in plain Python, with the key that Java's SHA1PRNG draws from the access key."""

import base64
import hashlib
import secrets
import string

KEY_SIZES = {"1": 32, "2": 16}


def java_key(access_key, size):
    """Returns `size` bytes of Java's SHA1PRNG, seeded with the access key."""
    state = hashlib.sha1(access_key.encode()).digest()
    drawn = b""
    while len(drawn) < size:
        out = hashlib.sha1(state).digest()
        drawn += out
        state = _next_state(state, out)
    return drawn[:size]


def _next_state(state, out):
    # The bytes are added as signed numbers, so that the carry may be negative.
    carry, following = 1, bytearray()
    for one, other in zip(state, out):
        total = _signed(one) + _signed(other) + carry
        following.append(total & 0xFF)
        carry = total >> 8
    if bytes(following) == state:
        following[0] = (following[0] + 1) & 0xFF
    return bytes(following)


def _signed(byte):
    return byte - 256 if byte > 127 else byte


def random_iv():
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16))


def encrypt_field(access_key, text, encrypt_type="1", iv=None):
    """Returns the IV followed by the Base64 of the ciphertext."""
    iv = iv or random_iv()
    key = java_key(access_key, KEY_SIZES[encrypt_type])
    return iv + base64.b64encode(cbc_encrypt(key, iv.encode(), text.encode())).decode()


def decrypt_field(access_key, text, encrypt_type="1"):
    """Returns the clear text; raises ValueError if it cannot be decrypted."""
    iv, ciphertext = text[:16].encode("ascii"), base64.b64decode(text[16:], validate=True)
    return cbc_decrypt(java_key(access_key, KEY_SIZES[encrypt_type]), iv, ciphertext).decode()


def cbc_encrypt(key, iv, data):
    schedule, padding = _schedule(key), 16 - len(data) % 16
    data += bytes([padding]) * padding
    blocks, previous = [], iv
    for start in range(0, len(data), 16):
        previous = _encrypt_block(schedule, _xor(data[start : start + 16], previous))
        blocks.append(previous)
    return b"".join(blocks)


def cbc_decrypt(key, iv, data):
    if not data or len(data) % 16 or len(iv) != 16:
        raise ValueError("not whole blocks")
    schedule = _schedule(key)
    blocks = [iv] + [data[start : start + 16] for start in range(0, len(data), 16)]
    clear = b"".join(_xor(_decrypt_block(schedule, block), before) for before, block in zip(blocks, blocks[1:]))
    padding = clear[-1]
    if not 1 <= padding <= 16 or clear[-padding:] != bytes([padding]) * padding:
        raise ValueError("the padding is wrong")
    return clear[:-padding]


def _xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def _times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _sbox():
    box = []
    for byte in range(256):
        inverse = next((x for x in range(256) if _times(byte, x) == 1), 0) if byte else 0
        turned = inverse
        for shift in range(1, 5):
            turned ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
        box.append(turned ^ 0x63)
    return box


_SBOX = _sbox()
_INVERSE_SBOX = [_SBOX.index(byte) for byte in range(256)]
_PRODUCTS = {factor: [_times(byte, factor) for byte in range(256)] for factor in (2, 3, 9, 11, 13, 14)}
_PRODUCTS[1] = list(range(256))


def _schedule(key):
    words = [list(key[start : start + 4]) for start in range(0, len(key), 4)]
    size, constant = len(words), 1
    for index in range(size, 4 * (size + 7)):
        word = list(words[-1])
        if index % size == 0:
            word = [_SBOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _times(constant, 2)
        elif size > 6 and index % size == 4:
            word = [_SBOX[byte] for byte in word]
        words.append([a ^ b for a, b in zip(words[index - size], word)])
    return [bytes(sum(words[start : start + 4], [])) for start in range(0, len(words), 4)]


_SHIFTED = [4 * ((column + row) % 4) + row for column in range(4) for row in range(4)]
_UNSHIFTED = [_SHIFTED.index(place) for place in range(16)]


def _mixed(state, factors):
    mixed = []
    for start in range(0, 16, 4):
        column = state[start : start + 4]
        for row in range(4):
            mixed.append(
                _PRODUCTS[factors[(0 - row) % 4]][column[0]]
                ^ _PRODUCTS[factors[(1 - row) % 4]][column[1]]
                ^ _PRODUCTS[factors[(2 - row) % 4]][column[2]]
                ^ _PRODUCTS[factors[(3 - row) % 4]][column[3]]
            )
    return bytes(mixed)


def _encrypt_block(schedule, block):
    state = _xor(block, schedule[0])
    for number, round_key in enumerate(schedule[1:], 1):
        state = bytes(_SBOX[state[place]] for place in _SHIFTED)
        if number < len(schedule) - 1:
            state = _mixed(state, (2, 3, 1, 1))
        state = _xor(state, round_key)
    return state


def _decrypt_block(schedule, block):
    state = _xor(block, schedule[-1])
    for number in range(len(schedule) - 2, -1, -1):
        state = bytes(_INVERSE_SBOX[state[place]] for place in _UNSHIFTED)
        state = _xor(state, schedule[number])
        if number:
            state = _mixed(state, (14, 11, 13, 9))
    return state
