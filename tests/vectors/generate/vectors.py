#!/usr/bin/env python3
"""Writes the known-answer vectors tests/vectors/python/*.json.

Usage: python3 tests/vectors/generate/vectors.py [output directory]

Only the standard library is used; SHA1PRNG and AES are written out below. The inputs are the
same as in Vectors.java, which uses the Java class library; compare.py checks that both agree.
"""

import base64
import hashlib
import hmac
import json
import random
import sys
import unicodedata
import urllib.parse
from pathlib import Path

KEY_V2 = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
KEY_V1 = "12345678-90ab-cdef-1234-567890abcdef"
KEY_X = "xxxxxxx"
KEY_KIT_V1 = "test-key-0001"
KEY_KIT = "test-key-0002"
KEY_MIXED = "Key-with-CAPS_and.0123456789"
KEY_CHINESE = "密钥"
# Exactly one HMAC block.
KEY_64_BYTES = "0123456789abcdef" * 4
KEY_100_BYTES = "0123456789" * 10
# 24 characters, but 72 bytes: longer than one HMAC block only when counted in bytes.
KEY_72_BYTES = KEY_CHINESE * 12

KEY_LICENSE = "isv-demo-access-key-0001"
KEY_LICENSE_V1 = "demo-isv-key-00000001"

NONCE_LICENSE = "Zr7Qp2Lk9Xw4Tn6Vb1Ys3Mc8Hd5Gf0Ja"
NONCE_16 = "aB3dE5fG7hJ9kL1m"
NONCE_32 = "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea"
NONCE_KIT = "0F1E2D3C4B5A69788796A5B4C3D2E1F0" * 2
NONCE_64 = "00112233445566778899AABBCCDDEEFFFFEEDDCCBBAA99887766554433221100"

MILLIS = "1735689600123"
MILLIS_KIT = "1709605800123"
MILLIS_LICENSE = "1735693200123"
SECONDS = "1735689600"

IV = "A1b2C3d4E5f6G7h8"
IV_DIGITS = "0123456789012345"
IV_UPPER = "ABCDEFGHIJKLMNOP"
IV_LOWER = "zyxwvutsrqponmlk"

# ------------------------------------------------------------------- V2.0 request signature

RELEASE_BODY = r'{"instanceId":"i-1","activity":"releaseInstance"}'

# name, access key, nonce, timestamp, body
CALLBACK_V2 = [
    (
        "already_canonical", KEY_V2, NONCE_32, MILLIS,
        r'{"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d",'
        r'"orderId":"CS2501010000ABCDE","orderLineId":"CS2501010000ABCDE-000001",'
        r'"testFlag":"1"}',
    ),
    (
        "unsorted_with_blanks_and_null", KEY_V2, NONCE_32, MILLIS,
        r'{ "status" : "FREEZE", "testFlag" : null, "activity" : "updateInstanceStatus", '
        r'"instanceId" : "5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d" }',
    ),
    (
        "batch_query", KEY_V2, NONCE_32, MILLIS,
        r'{"activity":"queryInstance","instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d,'
        r'6e3a8d2f-9b45-4ca1-8d72-1f804b3c5d6e"}',
    ),
    (
        "blanks_and_line_breaks", KEY_V2, NONCE_16, MILLIS,
        ' \r\n{\t"b" : "two  blanks  kept" ,\r\n "a":\n'
        '[ 1 , 2 ,\t{ "x" : true , "e" : [ ] , "o" : { } } ] }\n',
    ),
    (
        "unsorted_keys", KEY_V2, NONCE_64, SECONDS,
        r'{"testFlag":"0","scene":"RENEWAL","orderLineId":"CS1-000001","orderId":"CS1",'
        r'"instanceId":"i-1","expireTime":"20260101000000","activity":"refreshInstance"}',
    ),
    (
        "key_order_case_digits_underscore", KEY_V2, NONCE_32, MILLIS,
        r'{"b":"1","_x":"2","aB":"3","ab":"4","a_b":"5","a1":"6","a":"7","A":"8","Z":"9",'
        r'"9z":"10","10":"11","0":"12","orderId":"13","orderID":"14","ORDERID":"15"}',
    ),
    (
        "top_level_null_dropped", KEY_V2, NONCE_32, MILLIS,
        r'{"z":null,"b":"null","a":null,"c":"x"}',
    ),
    ("only_nulls", KEY_V2, NONCE_32, MILLIS, r'{"a":null,"b":null}'),
    (
        "nested_null_kept", KEY_V2, NONCE_32, MILLIS,
        r'{"productInfo":{"b":null,"a":[null,{"c":null}]},"instanceId":null,'
        r'"activity":"changeInstanceCheck"}',
    ),
    (
        "empty_string_kept", KEY_V2, NONCE_32, MILLIS,
        r'{"testFlag":"","activity":"newInstance","a":""}',
    ),
    (
        "chinese_literal", KEY_V2, NONCE_32, MILLIS,
        r'{"name":"示例企业","activity":"中文","名称":"x"}',
    ),
    (
        "chinese_escaped_lower_and_upper", KEY_V2, NONCE_32, MILLIS,
        r'{"name":"\u793a\u4f8b\u4f01\u4e1a","activity":"\u4E2D\u6587","\u540d\u79F0":"x"}',
    ),
    ("emoji_literal", KEY_V2, NONCE_32, MILLIS, r'{"b":"😀 ok","a":"🚀"}'),
    (
        "emoji_escaped", KEY_V2, NONCE_32, MILLIS,
        r'{"b":"\uD83D\uDE00 ok","a":"\ud83d\ude80"}',
    ),
    # U+FF61 comes before U+1F600 by code point, but after it by UTF-16 code unit.
    (
        "key_order_utf16_literal", KEY_V2, NONCE_32, MILLIS,
        '{"\uff61":"U+FF61","\U0001f600":"U+1F600","\u4e2d":"U+4E2D","a":"1"}',
    ),
    (
        "key_order_utf16_escaped", KEY_V2, NONCE_32, MILLIS,
        r'{"\uff61":"U+FF61","\ud83d\ude00":"U+1F600","\u4e2d":"U+4E2D","a":"1"}',
    ),
    (
        "slash_escaped", KEY_V2, NONCE_32, MILLIS,
        r'{"url":"https:\/\/example.com\/a?b=c&d=<e>","b":"a/b"}',
    ),
    (
        "control_characters", KEY_V2, NONCE_32, MILLIS,
        r'{"a":"\u0000\u0001\u0007\u000b\u000e\u001f\u001F","b":"\b\t\n\f\r",'
        r'"c":"\u0008\u0009\u000A\u000c\u000D","d":"\u007f\u0080\u2028\u2029\ufeff",'
        r'"e":"\"\\\/\u0022\u005C\u002f"}',
    ),
    (
        "nested_order_kept", KEY_V2, NONCE_32, MILLIS,
        r'{"productInfo":{"z":"1","a":{"y":2,"B":[{"d":"3","c":"4"},[],{}]},"m":"5"},'
        r'"list":["b","a",{"k2":true,"k1":false}],"activity":"changeInstanceCheck"}',
    ),
    (
        "number_literals", KEY_V2, NONCE_32, MILLIS,
        r'{"h":-0,"g":-0.0,"f":12345678901234567890,"e":1E+5,"d":1e5,"c":1.0,"b":0.10,'
        r'"a":[1.00,1e-7,123456789.123456789012345678,-1.5E300,1e400],"i":0,"k":true,"j":false}',
    ),
    ("empty_object", KEY_V2, NONCE_32, MILLIS, r"{}"),
    ("empty_object_with_blank", KEY_V2, NONCE_32, MILLIS, r"{ }"),
    (
        "keys_with_spaces_and_plus", KEY_V2, NONCE_32, MILLIS,
        r'{"b+c":"a+b c","b c":"1","b%20c":"%2B","b":"2"," a":" 3 "}',
    ),
    # Keys are ordered by their text, not by the way it was escaped.
    (
        "escaped_keys", KEY_V2, NONCE_32, MILLIS,
        r'{"c":"1","\u0062":"2","a\\q":"3","a\/q":"4","a\"q":"5","a\u000Aq":"6","":"7"}',
    ),
    ("chinese_access_key", KEY_CHINESE, NONCE_32, MILLIS, RELEASE_BODY),
    ("access_key_64_bytes", KEY_64_BYTES, NONCE_32, MILLIS, RELEASE_BODY),
    ("access_key_72_bytes_24_characters", KEY_72_BYTES, NONCE_32, MILLIS, RELEASE_BODY),
    ("access_key_100_bytes", KEY_100_BYTES, NONCE_32, MILLIS, RELEASE_BODY),
    # License and order notification.
    (
        "release_license_code", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE,
        r'{"activity":"releaseLicenseCode","license":"PL0000000000DEMO01","testFlag":"1"}',
    ),
    (
        "order_notify", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE,
        r'{"activity":"orderNotify","orderId":"CS2501010001DEMO1",'
        r'"orderLineId":"CS2501010001DEMO1-000001","testFlag":"0"}',
    ),
    (
        "get_license_async_unsorted", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE,
        r'{"activity":"getLicenseAsync","instanceId":"demo-inst-01","eventId":"demo-event-01",'
        r'"effectiveTime":"2025-01-01 00:00:00 z"}',
    ),
    (
        "get_license_async_fingerprint", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE,
        r'{"instanceId":"demo-inst-01",'
        r'"deviceFingerprint":"0A1B2C3D4E5F,0A1B2C3D4E60|DISK01||CPU/01",'
        r'"testFlag":null,"activity":"getLicenseAsync","eventId":"demo-event-01",'
        r'"expireTime":"2026-01-01 00:00:00 z","effectiveTime":"2025-01-01 00:00:00 z"}',
    ),
]


def callback_v2(name, key, nonce, timestamp, body):
    canonical = canonical_json(body)
    return {
        "name": name,
        "key": key,
        "nonce": nonce,
        "timestamp": timestamp,
        "body": body,
        "canonical": canonical,
        "digest": hmac_sha256(key, canonical).hex(),
        "signature": callback_signature(key, nonce, timestamp, canonical),
        "raw_signature": callback_signature(key, nonce, timestamp, body),
    }


def callback_signature(key, nonce, timestamp, payload):
    digest = hmac_sha256(key, payload).hex()
    return hmac_sha256(key, key + nonce + timestamp + digest).hex()


class Literal(str):
    """A JSON number, kept as it was written."""


class Members(list):
    """The members of a JSON object as (name, value) pairs in the order received."""


def canonical_json(body):
    def members(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("repeated key")
        return Members(pairs)

    top = json.loads(
        body, object_pairs_hook=members, parse_int=Literal, parse_float=Literal
    )
    kept = [(name, value) for name, value in top if value is not None]
    # Big-endian UTF-16 sorts bytewise like its code units.
    kept.sort(key=lambda member: member[0].encode("utf-16-be"))
    return compact(Members(kept))


def compact(value):
    if isinstance(value, Members):
        return "{" + ",".join(f"{quote(k)}:{compact(v)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    return {None: "null", True: "true", False: "false"}[value]


CONTROLS = {chr(code): f"\\u{code:04X}" for code in range(0x20)}
SHORT = {
    "\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", '"': r"\"", "\\": r"\\",
}
ESCAPES = str.maketrans(CONTROLS | SHORT)


def quote(text):
    return '"' + text.translate(ESCAPES) + '"'


# ------------------------------------------------------------------- V2.0 Kit x-sign

DELETE_DEPARTMENT = (
    r'{"tenantId":"t","orgCode":"D1","orgName":"n","flag":0,"testFlag":0,'
    r'"timeStamp":"20240305103000123"}'
)

# name, access key, nonce, timestamp, body
KIT_V2 = [
    (
        "auth_sync", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77",'
        r'"userList":[{"userName":"lihua","name":"李华","orgCode":"D001","role":"admin",'
        r'"enable":"true","employeeType":1}],"currentSyncTime":"20240305103000123",'
        r'"flag":1,"testFlag":0,"timeStamp":"20240305103000123"}',
    ),
    (
        "tenant_sync_empty_strings_kept", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"instanceId":"","orderId":"","tenantId":"t-5f0c","tenantCode":"acme",'
        r'"name":"示例企业","domainName":"https://acme.idp.example.com","flag":1,"testFlag":1,'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "already_canonical", KEY_V2, NONCE_32, MILLIS,
        r'{"flag":1,"instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d","name":"示例企业",'
        r'"testFlag":1,"timeStamp":"20250101080000123"}',
    ),
    (
        "blanks_and_line_breaks", KEY_V2, NONCE_16, MILLIS,
        '\r\n { "timeStamp" : "20240305103000123" ,\n\t"orgInfoList" : [ { "orgCode" : "D1" ,'
        ' "orgName" : "a  b" } , { } ] , "flag" : 1 }\n',
    ),
    (
        "nulls", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"orderId":null,"instanceId":"null","userList":[{"position":null,'
        r'"extension":null}],"appId":""}',
    ),
    (
        "nested_order_kept", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"userList":[{"userName":"b","name":"a","extension":{"z":1,"a":[2,{"y":3,'
        r'"b":4}]}},{"name":"c","enable":true}],"appId":"x"}',
    ),
    (
        "list_as_text_with_bare_names", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"orgInfoList":"[{orgCode:\"D1\",orgName:\"A/B\"}]","flag":1,"testFlag":0}',
    ),
    (
        "escapes", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"name":"\u793a\u4f8b \ud83d\ude00 \u001f\u007f\/\u0022","\u0061":"\b\t\n\f\r"}',
    ),
    (
        "number_literals", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"flag":1.0,"testFlag":"1","x":1E+2,"employeeType":12345678901234567890}',
    ),
    (
        "key_order_utf16", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        '{"\uff61":"U+FF61","\U0001f600":"U+1F600","tenantId":"1","tenantCode":"2","testFlag":3}',
    ),
    (
        "unknown_members", KEY_KIT, NONCE_KIT, MILLIS_KIT,
        r'{"zone":{"a":[]},"flag":3,"Flag":2,"_":false}',
    ),
    (
        "chinese_access_key", KEY_CHINESE, NONCE_KIT, MILLIS_KIT,
        DELETE_DEPARTMENT,
    ),
    (
        "access_key_64_bytes", KEY_64_BYTES, NONCE_64, MILLIS,
        DELETE_DEPARTMENT,
    ),
    (
        "access_key_100_bytes", KEY_100_BYTES, NONCE_32, MILLIS,
        DELETE_DEPARTMENT,
    ),
]


def kit_v2(name, key, nonce, timestamp, body):
    canonical = canonical_json(body)
    return {
        "name": name,
        "key": key,
        "nonce": nonce,
        "timestamp": timestamp,
        "body": body,
        "canonical": canonical,
        "x_sign": kit_signature(key, nonce, timestamp, canonical),
        "raw_x_sign": kit_signature(key, nonce, timestamp, body),
    }


def kit_signature(key, nonce, timestamp, payload):
    return hmac_sha256(key, key + nonce + timestamp + payload).hex().upper()


# ------------------------------------------------------------------- V1.0 authToken (GET)

# {encoded} stands for the URL-encoded authToken, {raw} for the bare one.
END = "&timeStamp=20250102030405678&authToken={encoded}"
END_LICENSE = "&timeStamp=20250101010000123&authToken={encoded}"

# name, access key, raw plus sign is a space, template of the query
AUTH_TOKEN = [
    (
        "official_sample", KEY_X, True,
        "activity=newInstance&businessId=61e834ba-7b97-4418-b8f7-e5345137278c"
        "&customerId=68cbc86abc2018ab880d92f36422fa0e&expireTime=20200727153156"
        "&orderId=CS1906666666ABCDE&productId=00301-666666-0--0&testFlag=1"
        "&timeStamp=20200727073711903&authToken={encoded}",
    ),
    (
        "expire_instance", KEY_V1, True,
        "activity=expireInstance&instanceId=inst-1&orderId=CS0000000001" + END,
    ),
    (
        "new_instance_chinese_and_base64", KEY_V1, True,
        "activity=newInstance&businessId=11111111-2222-3333-4444-555555555555"
        "&customerId=c0ffee&customerName=%E6%B5%8B%E8%AF%95+%E5%85%AC%E5%8F%B8%2BA%26B%3D1"
        "&mobilePhone=A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg%3D%3D&orderId=CS0000000001"
        "&productId=OFFI0000000001"
        "&saasExtendParams=W3sibmFtZSI6ImVtYWlsRG9tYWluTmFtZSIsInZhbHVlIjoidGVzdC5leGFtcGxl"
        "LmNvbSJ9XQ%3D%3D&testFlag=1" + END,
    ),
    (
        "space_as_plus", KEY_V1, True,
        "activity=newInstance&customerName=Some+Customer++Ltd+" + END,
    ),
    # Same text as before, hence the same authToken.
    (
        "space_as_percent_20", KEY_V1, True,
        "activity=newInstance&customerName=Some%20Customer%20%20Ltd%20" + END,
    ),
    ("literal_plus", KEY_V1, True, "activity=newInstance&customerName=A%2BB%2b+C" + END),
    (
        "chinese_lower_case_hex", KEY_V1, True,
        "activity=newInstance&customerName=%e6%b5%8b%e8%af%95%E5%85%ac%e5%8F%b8" + END,
    ),
    (
        "emoji", KEY_V1, True,
        "activity=newInstance&customerName=%F0%9F%98%80+ok%F0%9F%9A%80" + END,
    ),
    (
        "empty_value", KEY_V1, True,
        "activity=newInstance&userId=&testFlag=" + END + "&customerName=",
    ),
    (
        "unknown_parameters", KEY_V1, True,
        "activity=expireInstance&zzz=1&x-new%20name=a+b&_under=2&%E5%90%8D=3&UPPER=4" + END,
    ),
    (
        "reserved_characters_in_value", KEY_V1, True,
        "activity=newInstance&customerName=a%26b%3Dc%25d%23e%3Ff&orderId=CS1%26testFlag%3D1" + END,
    ),
    (
        "still_encoded_after_decoding_once", KEY_V1, True,
        "activity=newInstance&customerName=100%2525&email=%252B%253D"
        "&productId=%25E6%25B5%258B" + END,
    ),
    (
        "unescaped_safe_characters", KEY_V1, True,
        "activity=newInstance&customerName=-._~*!'(),:@/?$" + END,
    ),
    (
        "line_break_in_value", KEY_V1, True,
        "activity=newInstance&customerName=a%0Ab%0D%0Ac%09d" + END,
    ),
    (
        "upper_case_before_lower_case", KEY_V1, True,
        "periodType=month&periodNumber=1&orderId=CS1&orderAmount=12.50&diskSize=100"
        "&businessId=b-1&bandwidth=20&bandWidth=10&amount=1&activity=newInstance" + END,
    ),
    # U+FF61 comes before U+1F600 by code point, but after it by UTF-16 code unit.
    (
        "name_order_utf16", KEY_V1, True,
        "activity=newInstance&%EF%BD%A1=1&%F0%9F%98%80=2" + END,
    ),
    (
        "base64_values", KEY_V1, True,
        "activity=newInstance&mobilePhone=A1b2C3d4E5f6G7h8jszV9HEcQmG7F%2FzvB8m61Q%3D%3D"
        "&email=A1b2C3d4E5f6G7h8Lr4ZczxTMJGQljSJxdF5x4rENYAxHLLVYeNNQh%2BmmmM%3D" + END,
    ),
    (
        "shuffled", KEY_V1, True,
        "timeStamp=20250102030405678&orderId=CS1&authToken={encoded}&testFlag=1"
        "&businessId=b-1&productId=p-1&activity=newInstance&customerId=c-1",
    ),
    (
        "commas", KEY_V1, True,
        "activity=queryInstance&instanceId=inst-1%2Cinst-2%2Cinst-3" + END,
    ),
    (
        "chinese_key", KEY_CHINESE, True,
        "activity=releaseInstance&instanceId=inst-1&orderId=CS1" + END,
    ),
    # With the 17 digits of timeStamp the HMAC key is longer than one block.
    (
        "key_64_bytes", KEY_64_BYTES, True,
        "activity=releaseInstance&instanceId=inst-1&orderId=CS1" + END,
    ),
    (
        "release_license", KEY_LICENSE_V1, True,
        "activity=releaseLicense&instanceId=demo-inst-01&orderId=CS2501010001DEMO1" + END_LICENSE,
    ),
    (
        "get_license_blank_slash_plus", KEY_LICENSE_V1, True,
        "activity=getLicense&businessId=demo%20biz%2F01&customerId=cust%2B01"
        "&instanceId=demo-inst-01&orderId=CS2501010001DEMO1" + END_LICENSE,
    ),
    # [{"name":"identificationCode","value":"HW~01?>>"}], whose Base64 holds a plus sign.
    (
        "get_license_identification_code", KEY_LICENSE_V1, True,
        "activity=getLicense&businessId=demo-biz-01&customerId=cust01&orderId=CS2501010001DEMO1"
        "&productId=OFFI000001&saasExtendParams=W3sibmFtZSI6ImlkZW50aWZpY2F0aW9uQ29kZSIsInZhbHVl"
        "IjoiSFd%2BMDE%2FPj4ifV0%3D" + END_LICENSE,
    ),
    # From here on a raw plus sign stands for itself: percent-decoding only.
    (
        "plus_kept_in_base64_value", KEY_V1, False,
        "activity=newInstance"
        "&email=A1b2C3d4E5f6G7h8Lr4ZczxTMJGQljSJxdF5x4rENYAxHLLVYeNNQh+mmmM%3D" + END,
    ),
    # This timeStamp gives an authToken that contains a plus sign.
    (
        "plus_kept_nothing_escaped", KEY_V1, False,
        "activity=newInstance"
        "&email=A1b2C3d4E5f6G7h8G993qBiCzGSwpppVpwD4HFxzZagFfT4rRhJAm7vUxdE="
        "&mobilePhone=A1b2C3d4E5f6G7h8+BBqYUn6QHJQZK7e+5wU+A=="
        "&timeStamp=20250102030405000&authToken={raw}",
    ),
    ("plus_kept_in_text", KEY_V1, False, "activity=newInstance&customerName=A+B%20C%2BD" + END),
]


def auth_token(name, key, plus_is_space, template):
    signing_string, token = sign_query(key, plus_is_space, template)
    query = template.replace("{encoded}", urllib.parse.quote_plus(token))
    return {
        "name": name,
        "key": key,
        "query": query.replace("{raw}", token),
        "plus_is_space": plus_is_space,
        "signing_string": signing_string,
        "auth_token": token,
    }


def sign_query(key, plus_is_space, query):
    decode = urllib.parse.unquote_plus if plus_is_space else urllib.parse.unquote
    pairs = [tuple(map(decode, part.split("=", 1))) for part in query.split("&")]
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise ValueError("repeated parameter")
    del parameters["authToken"]
    names = sorted(parameters, key=lambda name: name.encode("utf-16-be"))
    signing_string = "&".join(f"{name}={parameters[name]}" for name in names)
    return signing_string, hmac_base64(key + parameters["timeStamp"], signing_string)


# ------------------------------------------------------------------- V1.0 Kit authToken (POST)

# name, access key, body
AUTH_TOKEN_BODY = [
    (
        "tenant_sync", KEY_KIT_V1,
        r'{"instanceId":"inst-1001","orderId":"CS2204201141ABCDE","tenantId":"t-5f0c",'
        r'"tenantCode":"acme","name":"示例企业","domainName":"https://acme.idp.example.com",'
        r'"flag":1,"testFlag":0,"timeStamp":"20240305103000123"}',
    ),
    (
        "tenant_sync_blank_members", KEY_KIT_V1,
        r'{"instanceId":"","orderId":"","tenantId":"t-5f0c","tenantCode":"acme",'
        r'"name":"示例企业","domainName":"https://acme.idp.example.com","flag":1,"testFlag":1,'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "auth_sync", KEY_KIT_V1,
        r'{"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77",'
        r'"userList":"[{\"userName\":\"lihua\",\"name\":\"李华\",\"orgCode\":\"D001\",'
        r'\"role\":\"admin\",\"enable\":\"true\",'
        r'\"extension\":{\"employeeType\":\"1\"}}]","currentSyncTime":"20240305103000123",'
        r'"flag":1,"testFlag":0,"timeStamp":"20240305103000123"}',
    ),
    (
        "one_blank_member", KEY_V1,
        r'{"instanceId":"inst-1","orderId":"CS0000000001","tenantId":"t1","name":"",'
        r'"flag":1,"testFlag":0,"timeStamp":"20250102110405678"}',
    ),
    (
        "null_members", KEY_KIT_V1,
        r'{"orderId":null,"instanceId":"null","parentCode":null,"flag":0,'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "blank_as_java_has_it", KEY_KIT_V1,
        r'{"a":" \t\r\n","b":"\u000b\f\u001c\u001f","c":"\u3000\u2028\u2003","d":"\u00a0",'
        r'"e":"\u0085","f":"\u202f\u2007","g":" x ","timeStamp":"20240305103000123"}',
    ),
    (
        "literals", KEY_KIT_V1,
        r'{"flag":1.50,"testFlag":-0,"a":1E+5,"b":true,"c":false,"d":12345678901234567890,'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "arrays_and_objects", KEY_KIT_V1,
        r'{"userList":[{"b":"x","a":[1,null]}],"extension":{"z":"中","a":{}},"empty":[],'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "escapes", KEY_KIT_V1,
        r'{"name":"\u793a\u4f8b \ud83d\ude00 \/\"\\\n","\u006frgCode":"D\u0031",'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "marks_without_a_name", KEY_KIT_V1,
        r'{"name":"R&D = a=b&c=d & Co",'
        r'"userList":"[{\"position\":\"x&flag=1&testFlag=0\"}]","orgCode":"100%25+1",'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "bare_names", KEY_KIT_V1,
        r'{"orgInfo":"[{orgCode:\"D1\",name:\"A&B\"}]","testFlag":0,'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "name_order_utf16", KEY_KIT_V1,
        '{"\uff61":"1","\U0001f600":"2","tenantId":"3","tenantCode":"4","TenantId":"5",'
        r'"timeStamp":"20240305103000123"}',
    ),
    (
        "token_in_the_body", KEY_KIT_V1,
        r'{"authToken":"x","flag":1,"timeStamp":"20240305103000123"}',
    ),
    (
        "hidden_member", KEY_KIT_V1,
        r'{"name":"A&orderId=CS9","flag":1,"timeStamp":"20240305103000123"}',
    ),
    (
        "chinese_key", KEY_CHINESE,
        r'{"tenantId":"t","flag":0,"timeStamp":"20240305103000123"}',
    ),
    (
        "key_64_bytes", KEY_64_BYTES,
        r'{"tenantId":"t","flag":0,"timeStamp":"20240305103000123"}',
    ),
]


def auth_token_body(name, key, body):
    members = json.loads(
        body, object_pairs_hook=Members, parse_int=Literal, parse_float=Literal
    )
    texts = {
        member: value if isinstance(value, str) else compact(value)
        for member, value in members
        if value is not None and member != "authToken"
    }
    names = [member for member, text in texts.items() if not is_blank(text)]
    names.sort(key=lambda member: member.encode("utf-16-be"))
    signing_string = "&".join(f"{member}={texts[member]}" for member in names)
    return {
        "name": name,
        "key": key,
        "body": body,
        "signing_string": signing_string,
        "auth_token": hmac_base64(key + texts["timeStamp"], signing_string),
    }


def is_blank(text):
    """As Java's String.isBlank, which spares the no-break spaces."""
    return all(
        character in "\t\n\x0b\f\r\x1c\x1d\x1e\x1f"
        or unicodedata.category(character) in ("Zs", "Zl", "Zp")
        and character not in "\xa0\u2007\u202f"
        for character in text
    )


# ------------------------------------------------------------------- V1.0 Body-Sign

SUCCESS = '{"resultCode":"000000","resultMsg":"success."}'

# name, access key, body
BODY_SIGN = [
    ("success", KEY_V1, SUCCESS),
    ("kit_success", KEY_KIT_V1, '{"resultCode":"000000","resultMsg":"Success"}'),
    ("trailing_line_feed", KEY_V1, SUCCESS + "\n"),
    ("trailing_carriage_return_line_feed", KEY_V1, SUCCESS + "\r\n"),
    ("leading_blanks", KEY_V1, " \t " + SUCCESS),
    (
        "chinese_literal", KEY_V1,
        r'{"resultCode":"000000","resultMsg":"success.","appInfo":{"memo":"中文 😀"}}',
    ),
    (
        "chinese_escaped", KEY_V1,
        r'{"resultCode":"000000","resultMsg":"success.",'
        r'"appInfo":{"memo":"\u4e2d\u6587 \ud83d\ude00"}}',
    ),
    ("empty_body", KEY_V1, ""),
    ("chinese_key", KEY_CHINESE, SUCCESS),
    ("key_100_bytes", KEY_100_BYTES, SUCCESS),
    ("license_key", KEY_LICENSE_V1, SUCCESS),
]


def body_sign(name, key, body):
    return {"name": name, "key": key, "body": body, "signature": hmac_base64(key, body)}


# ------------------------------------------------------------------- JWT of the agents gateway

SECRET_1 = "0123456789abcdef0123456789abcdef"
SECRET_2 = "fedcba9876543210fedcba9876543210"

JWT_HEADER = r'{"alg":"HS256","sign_type":"SIGN"}'
JWT_PAYLOAD = r'{"api_key":"app-key-1","exp":1735689900,"timestamp":1735689600123}'

# name, algorithm, secret that signs, secret that is known for the key (empty: none), header,
# payload, verdict at 1735689600123 milliseconds
GATEWAY_JWT = [
    ("documented", "HS256", SECRET_1, SECRET_1, JWT_HEADER, JWT_PAYLOAD, "valid"),
    (
        "other_order_and_members", "HS256", SECRET_1, SECRET_1,
        r'{"typ":"JWT","sign_type":"SIGN","alg":"HS256"}',
        r'{ "timestamp" : 1735689600123, "note" : "中文 ~~~???>>>", "iat" : 1735689600, '
        r'"exp" : 1735689900, "api_key" : "app-key-1" }', "valid",
    ),
    (
        "expiry_in_milliseconds", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1735689900123,"timestamp":1735689600123}', "valid",
    ),
    (
        "expiry_with_fraction", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1735689900.75,"timestamp":1735689600123}', "valid",
    ),
    ("chinese_secret", "HS256", KEY_CHINESE, KEY_CHINESE, JWT_HEADER, JWT_PAYLOAD, "valid"),
    ("secret_64_bytes", "HS256", KEY_64_BYTES, KEY_64_BYTES, JWT_HEADER, JWT_PAYLOAD, "valid"),
    ("secret_100_bytes", "HS256", KEY_100_BYTES, KEY_100_BYTES, JWT_HEADER, JWT_PAYLOAD, "valid"),
    ("unsigned", "none", "", SECRET_1, r'{"alg":"none"}', JWT_PAYLOAD, "algorithm"),
    ("unsigned_in_capitals", "none", "", SECRET_1, r'{"alg":"NONE"}', JWT_PAYLOAD, "algorithm"),
    (
        "named_unsigned_and_signed", "HS256", SECRET_1, SECRET_1, r'{"alg":"none"}', JWT_PAYLOAD,
        "algorithm",
    ),
    (
        "named_signed_and_unsigned", "none", "", SECRET_1, JWT_HEADER, JWT_PAYLOAD, "malformed",
    ),
    (
        "sha_512", "HS512", SECRET_1, SECRET_1, r'{"alg":"HS512","sign_type":"SIGN"}', JWT_PAYLOAD,
        "algorithm",
    ),
    ("sha_512_named_256", "HS512", SECRET_1, SECRET_1, JWT_HEADER, JWT_PAYLOAD, "malformed"),
    (
        "algorithm_in_lower_case", "HS256", SECRET_1, SECRET_1, r'{"alg":"hs256"}', JWT_PAYLOAD,
        "algorithm",
    ),
    (
        "public_key_algorithm", "HS256", SECRET_1, SECRET_1, r'{"alg":"RS256"}', JWT_PAYLOAD,
        "algorithm",
    ),
    (
        "extension_not_understood", "HS256", SECRET_1, SECRET_1,
        r'{"alg":"HS256","crit":["x"],"x":1}', JWT_PAYLOAD, "malformed",
    ),
    # Signed by the owner of app-key-1 in the name of app-key-2.
    (
        "swapped_key_id", "HS256", SECRET_1, SECRET_2, JWT_HEADER,
        r'{"api_key":"app-key-2","exp":1735689900,"timestamp":1735689600123}', "mismatch",
    ),
    ("unknown_key", "HS256", SECRET_1, "", JWT_HEADER, JWT_PAYLOAD, "unknown_key"),
    (
        "repeated_key", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1735689900,"timestamp":1735689600123,"api_key":"app-key-2"}',
        "malformed",
    ),
    (
        "expired", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1735689600,"timestamp":1735689300123}', "expired",
    ),
    (
        "expires_now", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1735689600123,"timestamp":1735689300123}', "expired",
    ),
    (
        "from_the_future", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1735689961,"timestamp":1735689661123}', "too_far_ahead",
    ),
    (
        "not_yet_valid", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1735689900,"nbf":1735689700,"timestamp":1735689600123}',
        "too_far_ahead",
    ),
    (
        "valid_for_years", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","exp":1999999999,"timestamp":1735689000123}', "too_old",
    ),
    (
        "without_expiry", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"api_key":"app-key-1","timestamp":1735689600123}', "missing",
    ),
    (
        "without_key", "HS256", SECRET_1, SECRET_1, JWT_HEADER,
        r'{"exp":1735689900,"timestamp":1735689600123}', "missing",
    ),
]

JWT_DIGESTS = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}


def gateway_jwt(name, algorithm, secret, known_secret, header, payload, verdict):
    signed = f"{base64_url(header.encode())}.{base64_url(payload.encode())}"
    digest = JWT_DIGESTS.get(algorithm)
    signature = hmac.new(secret.encode(), signed.encode(), digest).digest() if digest else b""
    return {
        "name": name,
        "algorithm": algorithm,
        "secret": secret,
        "known_secret": known_secret,
        "header": header,
        "payload": payload,
        "verdict": verdict,
        "token": f"{signed}.{base64_url(signature)}",
    }


def base64_url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ------------------------------------------------------------------- AES key derivation

# access key
SHA1PRNG = [
    (KEY_X,),
    (KEY_V1,),
    ("a",),
    (KEY_MIXED,),
    (KEY_CHINESE,),
    ("0",),
    ("Z",),
    (" ",),
    ("é",),
    ("😀",),
    (KEY_V2,),
    (KEY_64_BYTES,),
    (KEY_72_BYTES,),
    (KEY_100_BYTES,),
]


def sha1prng(access_key):
    return {
        "access_key": access_key,
        "aes128": sha1prng_bytes(access_key, 16).hex(),
        "aes256": sha1prng_bytes(access_key, 32).hex(),
    }


def sha1prng_bytes(seed, length, signed=True):
    """The first bytes of Java's SHA1PRNG; `signed=False` is the usual mistake."""

    def number(byte):
        return byte - 256 if signed and byte >= 128 else byte

    state = hashlib.sha1(seed.encode()).digest()
    stream = b""
    while len(stream) < length:
        out = hashlib.sha1(state).digest()
        stream += out
        carry = 1
        updated = bytearray()
        for old, add in zip(state, out):
            value = number(old) + number(add) + carry
            updated.append(value & 0xFF)
            carry = value >> 8
        if updated == state:
            updated[0] = (updated[0] + 1) & 0xFF
        state = bytes(updated)
    return stream[:length]


# ------------------------------------------------------------------- encrypted fields

# access key, encrypt type, IV, plaintext
FIELD_CIPHER = [
    (KEY_V1, "1", IV, "13800138000"),
    (KEY_V1, "1", IV, "user@example.com"),
    (KEY_V1, "1", IV, "P@ss w0rd"),
    (KEY_V1, "2", IV, "13800138000"),
    (KEY_V1, "2", IV, "user@example.com"),
    (KEY_V1, "2", IV, "P@ss w0rd"),
    (KEY_V1, "1", IV, ""),
    (KEY_V1, "2", IV_DIGITS, ""),
    (KEY_X, "1", IV_UPPER, "x"),
    (KEY_X, "2", IV_LOWER, "0123456789abcde"),
    (KEY_MIXED, "1", IV, "0123456789abcdef"),
    (KEY_MIXED, "2", IV_DIGITS, "0123456789abcdefg"),
    (KEY_V1, "1", IV_UPPER, "0123456789abcdef0123456789abcde"),
    (KEY_V1, "2", IV_LOWER, "0123456789abcdef0123456789abcdef"),
    (KEY_V1, "1", IV, "0123456789" * 7 + "012345678"),
    (KEY_V1, "2", IV, "0123456789" * 7 + "012345678"),
    (KEY_V1, "1", IV_DIGITS, "张三 示例企业"),
    (KEY_CHINESE, "2", IV, "张三"),
    (KEY_CHINESE, "1", IV, "😀🚀"),
    (KEY_100_BYTES, "1", IV, " a + b  c "),
    # The text itself ends like a padding.
    (KEY_V1, "2", IV, "0123456789abcd\x02\x02"),
]


def field_cipher(access_key, encrypt_type, iv, plaintext):
    key = sha1prng_bytes(access_key, {"1": 32, "2": 16}[encrypt_type])
    encrypted = aes_cbc_encrypt(key, iv.encode("ascii"), plaintext.encode())
    return {
        "access_key": access_key,
        "encrypt_type": encrypt_type,
        "iv": iv,
        "plaintext": plaintext,
        "ciphertext": iv + base64.b64encode(encrypted).decode(),
    }


def double(byte):
    """Multiplies by x in the field of AES."""
    return (byte << 1) ^ (0x11B if byte & 0x80 else 0)


def make_sbox():
    """The inverses of all bytes in the field of AES, through the affine transformation."""
    powers = [1]  # of the generator 3
    for _ in range(254):
        powers.append(powers[-1] ^ double(powers[-1]))
    sbox = [0] * 256
    for exponent in range(-1, 255):
        # -1 stands for zero, which counts as its own inverse.
        byte, inverse = (powers[exponent], powers[-exponent % 255]) if exponent >= 0 else (0, 0)
        for shift in range(5):
            rotated = (inverse << shift | inverse >> (8 - shift)) & 0xFF
            sbox[byte] ^= rotated
        sbox[byte] ^= 0x63
    return bytes(sbox)


SBOX = make_sbox()


def expand_key(key):
    """The round keys as a list of 16-byte strings."""
    words = [key[i : i + 4] for i in range(0, len(key), 4)]
    size = len(words)
    constant = 1
    for i in range(size, 4 * (size + 7)):
        word = words[-1]
        if i % size == 0:
            word = (word[1:] + word[:1]).translate(SBOX)
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = double(constant)
        elif size == 8 and i % size == 4:
            word = word.translate(SBOX)
        words.append(xor(words[i - size], word))
    return [b"".join(words[i : i + 4]) for i in range(0, len(words), 4)]


def encrypt_block(round_keys, block):
    # Byte 4 * c + r of a block is row r of column c.
    block = xor(block, round_keys[0])
    for number, round_key in enumerate(round_keys[1:], 1):
        block = block.translate(SBOX)
        block = bytes(block[(i + 4 * (i % 4)) % 16] for i in range(16))  # shift the rows
        if number < len(round_keys) - 1:
            block = b"".join(mix_column(block[i : i + 4]) for i in range(0, 16, 4))
        block = xor(block, round_key)
    return block


def mix_column(column):
    a, b, c, d = column
    whole = a ^ b ^ c ^ d
    return bytes(
        x ^ whole ^ double(x ^ following) for x, following in ((a, b), (b, c), (c, d), (d, a))
    )


def aes_cbc_encrypt(key, iv, data):
    padding = 16 - len(data) % 16
    data += bytes([padding]) * padding
    round_keys = expand_key(key)
    blocks = [iv]
    for i in range(0, len(data), 16):
        blocks.append(encrypt_block(round_keys, xor(blocks[-1], data[i : i + 16])))
    return b"".join(blocks[1:])


# ------------------------------------------------------------------------------- AK/SK

# Addresses in groups: all of a group have the same canonical path and query, and so the same signature.
AKSK = [
    ("plain", ["/order/query?orderId=CS1&orderLineId=CS1-000001", "/order/query?orderLineId=CS1-000001&orderId=CS1"]),
    ("equals_sign_in_value", ["/a?a=b=c", "/a?a=b%3Dc", "/a?a=b%3dc", "/a?&%61=b=c&&"]),
    ("no_equals_sign", ["/a?b&a", "/a?a=&b=", "/a?&a&b=&", "/a?%61&%62"]),
    ("empty_name", ["/a?=x&y=z", "/a?y=z&=%78"]),
    ("nothing", ["/a", "/a?", "/a/", "/a?&", "/%61"]),
    ("letter_case_of_hex", ["/x%2fy/%e6%ac%a2?q=%2f%2b%E6%ac%A2", "/x%2Fy/%E6%AC%A2?q=%2F+%E6%AC%A2"]),
    ("encoded_and_not", ["/a!b(c)*?q=!'()*:@/?,;$", "/a%21b%28c%29%2A?q=%21%27%28%29%2a%3A%40%2F%3F%2C%3B%24"]),
    ("unreserved_encoded", ["/-._~?-._~=-._~", "/%2D%2E%5F%7E?%2d%2e%5f%7e=%2D.%5f~"]),
    ("plus_is_a_plus", ["/a+b?c+d=e+f", "/a%2Bb?c%2Bd=e%2bf"]),
    ("space", ["/a%20b?c%20d=e%20f"]),
    ("percent_sign", ["/100%25?p=%2525&q=%25", "/100%25?q=%25&p=%2525", "/100%25?p=%2525&q=%"]),
    ("repeated_name", ["/a?m=10&m=9&m=1", "/a?m=1&m=9&m=10", "/a?%6d=9&m=1%30&m=1"]),
    ("sorted_as_encoded", ["/a?a/=1&a-=2&a[=3&a0=4&aA=5", "/a?aA=5&a%2F=1&a%5B=3&a0=4&a-=2"]),
    ("values_sorted_as_encoded", ["/a?m=%C3%A9&m=~&m=z&m=/", "/a?m=~&m=z&m=%2f&m=%c3%a9"]),
    ("name_that_begins_another", ["/a?ab=1&a=2&a-b=3", "/a?a-b=3&a=2&ab=1"]),
    ("no_utf8", ["/%ff?%FE=%80&a", "/%FF?a=&%fe=%80"]),
    ("not_a_percent_sequence", ["/%zz?a=%4&b=%", "/%25zz?b=%25&a=%254"]),
]

# Characters that may stand in an address as they are; `=` in values only.
AS_THEY_ARE = "aZ09-._~!$'()*,;:@/?+"


def drawn_targets(draw, spellings=3):
    """Spellings of one address with names and values of all kinds of characters."""
    alphabet = AS_THEY_ARE + " %&=#\"<>[]^`{|}\u00e9\u6b22\U0001f600"
    word = lambda least: "".join(draw.choice(alphabet) for _ in range(draw.randrange(least, 5)))
    spelled = lambda text, also: "".join(spell(draw, character, also) for character in text)
    segments = [word(1).replace("/", "") + "x" for _ in range(draw.randrange(3))]
    pairs = [(word(1), word(0)) for _ in range(draw.randrange(6))]
    targets = []
    for _ in range(spellings):
        draw.shuffle(pairs)
        path = "/".join(spelled(segment, "/?") for segment in segments)
        written = []
        for name, value in pairs:
            mark = "" if value == "" and draw.random() < 0.5 else "="
            written.append(spelled(name, "=") + mark + spelled(value, ""))
            written += [""] * draw.randrange(2)
        targets.append(f"/{path}?{'&'.join(written)}")
    return targets


def spell(draw, character, never):
    """As it is or percent-encoded, in hex of either letter case."""
    as_it_is = AS_THEY_ARE + "="
    if character in as_it_is and character not in never and draw.random() < 0.6:
        return character
    digits = (draw.choice(["%{:02x}", "%{:02X}"]) for _ in iter(int, 1))
    return "".join(form.format(byte) for form, byte in zip(digits, character.encode()))


def aksk_cases():
    draw = random.Random(11)
    return AKSK + [(f"drawn_{number}", drawn_targets(draw)) for number in range(60)]


UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def percent_decoded(text):
    data, out, at = text.encode(), bytearray(), 0
    while at < len(data):
        digits = data[at + 1 : at + 3]
        if data[at] == 0x25 and len(digits) == 2 and all(digit in b"0123456789abcdefABCDEF" for digit in digits):
            out.append(int(digits, 16))
            at += 3
        else:
            out.append(data[at])
            at += 1
    return bytes(out)


def percent_encoded(text):
    """In the one spelling that counts."""
    data = percent_decoded(text)
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in data)


def canonical_address(target):
    path, _, query = target.partition("?")
    path = "/".join(percent_encoded(segment) for segment in path.split("/"))
    segments = [segment.partition("=") for segment in query.split("&") if segment]
    pairs = sorted((percent_encoded(name), percent_encoded(value)) for name, _, value in segments)
    path += "" if path.endswith("/") else "/"
    return path, "&".join(name + "=" + value for name, value in pairs)


def aksk(name, targets):
    date, host = "20250102T030405Z", "mkt.myhuaweicloud.com"
    canonical = {canonical_address(target) for target in targets}
    if len(canonical) != 1:
        raise ValueError(f"{name}: {canonical}")
    path, query = canonical.pop()
    nothing = hashlib.sha256(b"").hexdigest()
    request = f"GET\n{path}\n{query}\nhost:{host}\nx-sdk-date:{date}\n\nhost;x-sdk-date\n{nothing}"
    to_sign = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return {
        "name": name,
        "access": "AccessKey",
        "secret": "SecretKey",
        "date": date,
        "urls": [f"https://{host}{target}" for target in targets],
        "path": path,
        "query": query,
        "signature": hmac_sha256("SecretKey", to_sign).hex(),
    }


# ------------------------------------------------------------------- helpers and output


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def hmac_sha256(key, message):
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()


def hmac_base64(key, message):
    return base64.b64encode(hmac_sha256(key, message)).decode()


def build():
    """All vectors: the file name and its list of entries."""
    return {
        "callback_v2.json": [callback_v2(*case) for case in CALLBACK_V2],
        "kit_v2.json": [kit_v2(*case) for case in KIT_V2],
        "auth_token.json": [auth_token(*case) for case in AUTH_TOKEN],
        "auth_token_body.json": [auth_token_body(*case) for case in AUTH_TOKEN_BODY],
        "body_sign.json": [body_sign(*case) for case in BODY_SIGN],
        "gateway_jwt.json": [gateway_jwt(*case) for case in GATEWAY_JWT],
        "sha1prng.json": [sha1prng(*case) for case in SHA1PRNG],
        "field_cipher.json": [field_cipher(*case) for case in FIELD_CIPHER],
        "aksk.json": [aksk(*case) for case in aksk_cases()],
    }


def main(arguments):
    default = Path(__file__).resolve().parent.parent / "python"
    directory = Path(arguments[0]) if arguments else default
    directory.mkdir(parents=True, exist_ok=True)
    for name, entries in build().items():
        text = json.dumps(entries, indent=2) + "\n"
        (directory / name).write_text(text, encoding="ascii", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
