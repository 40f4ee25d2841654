"""Checks the helpers against the vectors of the protocol notes; exits with a code other than 0 if one differs."""

import sys
import time
from email.message import Message
from urllib.parse import urlencode

import aes
import signing
import strict_json
import token_call
from fields import Refused
from posted_call import PostedCalls
from serving import Request, strict_pairs

FAILED = []


def same(what, got, expected):
    if got != expected:
        FAILED.append(what)
        print(f"{what}:\n  expected {expected!r}\n  got      {got!r}", file=sys.stderr)


def v2_signatures():
    key, nonce, time = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea", "1735689600123"
    first = (
        '{"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","orderId":"CS2501010000ABCDE",'
        '"orderLineId":"CS2501010000ABCDE-000001","testFlag":"1"}'
    )
    same("V2.0 creation", signing.v2_signature(key, nonce, time, first),
         "c17ec06bd6ed4113d2c28bb6e439aaa668fafd49dd05c880ac0b554932a4db6d")
    received = (
        b'{ "status" : "FREEZE", "testFlag" : null, "activity" : "updateInstanceStatus", '
        b'"instanceId" : "5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d" }'
    )
    form = strict_json.canonical(strict_json.parse_object(received))
    same("canonical form", form,
         '{"activity":"updateInstanceStatus","instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","status":"FREEZE"}')
    same("V2.0 canonical form", signing.v2_signature(key, nonce, time, form),
         "4d65822c78aac11e540040496ae731f7aa3f4cf62a3d4e8ccacf82f06009f1b3")
    same("V2.0 raw bytes", signing.v2_signature(key, nonce, time, received),
         "e4009e93b203bbc859b9a38c2fd36f54d40016d4f25871890e8ad9abfb0ab1da")
    kit = (
        '{"flag":1,"instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","name":"示例企业","testFlag":1,'
        '"timeStamp":"20250101080000123"}'
    )
    same("Kit V2", signing.kit_v2_signature(key, nonce, time, kit),
         "e328ca591214868a8b539496973c24024f4bafb99bd47ec5ebf93ca312b31da9")
    unsorted = (
        '{"activity":"getLicenseAsync","instanceId":"demo-inst-01","eventId":"demo-event-01",'
        '"effectiveTime":"2025-01-01 00:00:00 z"}'
    )
    key, nonce, time = "isv-demo-access-key-0001", "Zr7Qp2Lk9Xw4Tn6Vb1Ys3Mc8Hd5Gf0Ja", "1735693200123"
    same("License raw", signing.v2_signature(key, nonce, time, unsorted),
         "c4629859f62997d26be315fe8ed669e34af571525c177e40a459e5b60e42c584")
    form = strict_json.canonical(strict_json.parse_object(unsorted.encode()))
    same("License canonical", signing.v2_signature(key, nonce, time, form),
         "f773e36d762aec848e6dba7644c7a74dfa82712d85e010408780de74c3f54ad9")


def kit_v2_nested():
    body = (
        '{"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77","userList":[{"userName":"lihua","name":"李华",'
        '"orgCode":"D001","role":"admin","enable":"true","employeeType":1}],"currentSyncTime":"20240305103000123",'
        '"flag":1,"testFlag":0,"timeStamp":"20240305103000123"}'
    )
    nonce = "0F1E2D3C4B5A69788796A5B4C3D2E1F00F1E2D3C4B5A69788796A5B4C3D2E1F0"
    form = strict_json.canonical(strict_json.parse_object(body.encode()))
    signature = signing.kit_v2_signature("test-key-0002", nonce, "1709605800123", form)
    expected = "3E112E5126B52ED05090115341C720FC1B39E07321FF5946565CB145DF0B5D5E"
    same("Kit V2 with users", signing.same_hex(signature, expected), True)
    same("Kit V2 with another letter", signing.same_hex(signature, "4" + expected[1:]), False)


def v1_tokens():
    query = (
        "activity=newInstance&businessId=61e834ba-7b97-4418-b8f7-e5345137278c&customerId=68cbc86abc2018ab880d92f36422fa0e"
        "&expireTime=20200727153156&orderId=CS1906666666ABCDE&productId=00301-666666-0--0&testFlag=1&timeStamp=20200727073711903"
    )
    same("V1.0 sample", signing.v1_token("xxxxxxx", "20200727073711903", strict_pairs(query)),
         "Gzbfjf9LHRBcI3bFVi++sLinCNOBF6qa7is1fvjEgYQ=")
    query = (
        "timeStamp=20250102030405678&activity=newInstance&businessId=11111111-2222-3333-4444-555555555555&customerId=c0ffee"
        "&customerName=%E6%B5%8B%E8%AF%95+%E5%85%AC%E5%8F%B8%2BA%26B%3D1&mobilePhone=A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg%3D%3D"
        "&orderId=CS0000000001&productId=OFFI0000000001&saasExtendParams="
        "W3sibmFtZSI6ImVtYWlsRG9tYWluTmFtZSIsInZhbHVlIjoidGVzdC5leGFtcGxlLmNvbSJ9XQ%3D%3D&testFlag=1"
    )
    same("V1.0 decoded values", signing.v1_token("12345678-90ab-cdef-1234-567890abcdef", "20250102030405678", strict_pairs(query)),
         "QG0MZqDX07zuJHhkbgyPUtbvL+zLKTe2lSTYpWKsHl4=")
    body = b'{"resultCode":"000000","resultMsg":"success."}'
    same("Body-Sign", signing.body_sign("12345678-90ab-cdef-1234-567890abcdef", body),
         'sign_type="HMAC-SHA256", signature="+NNjQFLDMlw6SHyBmnusjyVJ88fm9lvKVgUh7OeqD9A="')
    users = [
        ("appId", "app-77"), ("currentSyncTime", "20240305103000123"), ("flag", "1"), ("instanceId", "inst-1001"),
        ("tenantId", "t-5f0c"), ("testFlag", "0"), ("timeStamp", "20240305103000123"),
        ("userList", '[{"userName":"lihua","name":"李华","orgCode":"D001","role":"admin","enable":"true",'
                     '"extension":{"employeeType":"1"}}]'),
    ]
    same("Kit V1", signing.v1_token("test-key-0001", "20240305103000123", users), "c9oehrP/thHe/OdzUVYf4l6SJfKXKey2O104qUDdNvc=")


def encrypted_fields():
    same("AES-256 key", aes.java_key("xxxxxxx", 32).hex(), "c962ef8500ad13239b5ec0eb6a5c570b3cae0fd0e5c28e793eb6aaa22d251123")
    same("AES-128 key", aes.java_key("密钥", 16).hex(), "53dc8903cd7d3d9409f3396dec072061")
    same("AES-256 key of a text", aes.java_key("密钥", 32).hex(), "53dc8903cd7d3d9409f3396dec072061db7b4fb2ddf7696584a0f525ad83f9d2")
    key, iv = "12345678-90ab-cdef-1234-567890abcdef", "A1b2C3d4E5f6G7h8"
    vectors = [
        ("1", "13800138000", "TabPgWsy6UOqs019s2yvCg=="),
        ("2", "13800138000", "jszV9HEcQmG7F/zvB8m61Q=="),
        ("1", "user@example.com", "Lr4ZczxTMJGQljSJxdF5x4rENYAxHLLVYeNNQh+mmmM="),
        ("2", "user@example.com", "G993qBiCzGSwpppVpwD4HFxzZagFfT4rRhJAm7vUxdE="),
        ("1", "P@ss w0rd", "UwYBPBNia1MFywKbfUE9Sg=="),
        ("2", "P@ss w0rd", "+BBqYUn6QHJQZK7e+5wU+A=="),
    ]
    for encrypt_type, clear, ciphertext in vectors:
        same(f"encrypted {clear}, {encrypt_type}", aes.encrypt_field(key, clear, encrypt_type, iv), iv + ciphertext)
        same(f"decrypted {clear}, {encrypt_type}", aes.decrypt_field(key, iv + ciphertext, encrypt_type), clear)
    try:
        aes.decrypt_field(key, iv + vectors[0][2], "2")
        same("decrypted with the wrong size", "accepted", "refused")
    except ValueError:
        pass


def strictness():
    for body in (b'{"a":1,"a":2}', b'{"o":{"a":1,"a":2}}', b'{"a":NaN}', b"[1]", b'{"a":"\xff"}', b"[" * 100000):
        try:
            strict_json.parse_object(body)
            same(f"strict parse of {body[:20]!r}", "accepted", "refused")
        except ValueError:
            pass
    odd = b'{"b":1.50,"a":[{"z":null,"y":"\\u00e9\\/\\u001F"}],"B":-0e1}'
    same("literals kept", strict_json.canonical(strict_json.parse_object(odd)),
         '{"B":-0e1,"a":[{"z":null,"y":"é/\\u001F"}],"b":1.50}')


def code_of(opening, *arguments):
    """Returns `accepted`, or the code with which a call is refused."""
    try:
        opening(*arguments)
        return "accepted"
    except Refused as refused:
        return refused.code


def posted(body, payload, nonce, off=0, key="a-key"):
    timestamp = str(int((time.time() + off) * 1000))
    signature = signing.v2_signature(key, nonce, timestamp, payload).upper()
    query = urlencode({"signature": signature, "timestamp": timestamp, "nonce": nonce})
    return Request("POST", f"/x?{query}", Message(), body)


def opened_posts():
    both, canonical_only = PostedCalls("a-key"), PostedCalls("a-key", raw_too=False)
    body, form = b'{ "b":null, "c":1.0,"a":"x" }', b'{"a":"x","c":1.0}'
    for name, calls, raw in (("both forms", both, "accepted"), ("canonical only", canonical_only, "000001")):
        same(f"canonical form, {name}", code_of(calls.open, posted(body, form, "n1")), "accepted")
        same(f"raw bytes, {name}", code_of(calls.open, posted(body, body, "n2")), raw)
        same(f"used nonce, {name}", code_of(calls.open, posted(form, form, "n1")), "000001")
    for off, expected in ((55, "accepted"), (-55, "accepted"), (65, "000002"), (-65, "000002")):
        same(f"{off} s off", code_of(both.open, posted(form, form, f"off{off}", off)), expected)
    twice = b'{"a":1,"a":2}'
    same("repeated member", code_of(both.open, posted(twice, twice, "n3")), "000002")
    same("another key", code_of(both.open, posted(form, form, "n4", key="b-key")), "000001")
    request = posted(form, form, "n5")
    request.query += "&nonce=n5"
    same("repeated nonce parameter", code_of(both.open, request), "000002")


def got(off, *more):
    stamp = time.strftime("%Y%m%d%H%M%S000", time.gmtime(time.time() + off * 3600))
    pairs = [("activity", "newInstance"), ("timeStamp", stamp), *more]
    return Request("GET", "/x?" + urlencode(pairs + [("authToken", signing.v1_token("a-key", stamp, pairs))]), Message(), b"")


def opened_gets():
    same("right token", code_of(token_call.open_get, "a-key", got(0, ("empty", ""), ("text", "测 &=+%"))), "accepted")
    same("another key", code_of(token_call.open_get, "b-key", got(0)), "000001")
    same("13 hours old", code_of(token_call.open_get, "a-key", got(-13)), "000001")
    same("13 hours ahead", code_of(token_call.open_get, "a-key", got(13)), "000001")
    request = got(0)
    request.query += "&activity=newInstance"
    same("repeated parameter", code_of(token_call.open_get, "a-key", request), "000002")


for test in (v2_signatures, kit_v2_nested, v1_tokens, encrypted_fields, strictness, opened_posts, opened_gets):
    test()
print(f"{len(FAILED)} failed" if FAILED else "all right")
sys.exit(1 if FAILED else 0)
