// Writes the known-answer vectors tests/vectors/java/*.json.
//
// Run from the root of the repository:
//
//     java tests/vectors/generate/Vectors.java [output directory]
//
// All cryptography comes from the Java class library. The inputs are the same as in vectors.py,
// which computes the answers without Java; compare.py checks that both agree.
//
// Non-ASCII characters are written as Unicode escapes in this file, because Java 17 reads source
// files in the character set of the platform.

import java.io.IOException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

public class Vectors {

    static final String KEY_V2 = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    static final String KEY_V1 = "12345678-90ab-cdef-1234-567890abcdef";
    static final String KEY_LICENSE = "isv-demo-access-key-0001";
    static final String KEY_LICENSE_V1 = "demo-isv-key-00000001";
    static final String KEY_X = "xxxxxxx";
    static final String KEY_KIT_V1 = "test-key-0001";
    static final String KEY_KIT = "test-key-0002";
    static final String KEY_MIXED = "Key-with-CAPS_and.0123456789";
    static final String KEY_CHINESE = "\u5bc6\u94a5";
    /** Exactly one HMAC block. */
    static final String KEY_64_BYTES = "0123456789abcdef".repeat(4);
    static final String KEY_100_BYTES = "0123456789".repeat(10);
    /** 24 characters, but 72 bytes: longer than one HMAC block only when counted in bytes. */
    static final String KEY_72_BYTES = KEY_CHINESE.repeat(12);

    static final String NONCE_LICENSE = "Zr7Qp2Lk9Xw4Tn6Vb1Ys3Mc8Hd5Gf0Ja";
    static final String NONCE_16 = "aB3dE5fG7hJ9kL1m";
    static final String NONCE_32 = "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea";
    static final String NONCE_KIT = "0F1E2D3C4B5A69788796A5B4C3D2E1F0".repeat(2);
    static final String NONCE_64 =
            "00112233445566778899AABBCCDDEEFFFFEEDDCCBBAA99887766554433221100";

    static final String MILLIS = "1735689600123";
    static final String MILLIS_KIT = "1709605800123";
    static final String MILLIS_LICENSE = "1735693200123";
    static final String SECONDS = "1735689600";

    static final String IV = "A1b2C3d4E5f6G7h8";
    static final String IV_DIGITS = "0123456789012345";
    static final String IV_UPPER = "ABCDEFGHIJKLMNOP";
    static final String IV_LOWER = "zyxwvutsrqponmlk";

    // ---------------------------------------------------------------- V2.0 request signature

    static List<Map<String, Object>> callbackV2() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        callback(out, "already_canonical", KEY_V2, NONCE_32, MILLIS, """
                {"activity":"newInstance","businessId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d",\
                "orderId":"CS2501010000ABCDE","orderLineId":"CS2501010000ABCDE-000001",\
                "testFlag":"1"}""");
        callback(out, "unsorted_with_blanks_and_null", KEY_V2, NONCE_32, MILLIS, """
                { "status" : "FREEZE", "testFlag" : null, "activity" : "updateInstanceStatus", \
                "instanceId" : "5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d" }""");
        callback(out, "batch_query", KEY_V2, NONCE_32, MILLIS, """
                {"activity":"queryInstance","instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d,\
                6e3a8d2f-9b45-4ca1-8d72-1f804b3c5d6e"}""");
        callback(out, "blanks_and_line_breaks", KEY_V2, NONCE_16, MILLIS,
                " \r\n{\t\"b\" : \"two  blanks  kept\" ,\r\n \"a\":\n"
                + "[ 1 , 2 ,\t{ \"x\" : true , \"e\" : [ ] , \"o\" : { } } ] }\n");
        callback(out, "unsorted_keys", KEY_V2, NONCE_64, SECONDS, """
                {"testFlag":"0","scene":"RENEWAL","orderLineId":"CS1-000001","orderId":"CS1",\
                "instanceId":"i-1","expireTime":"20260101000000","activity":"refreshInstance"}""");
        callback(out, "key_order_case_digits_underscore", KEY_V2, NONCE_32, MILLIS, """
                {"b":"1","_x":"2","aB":"3","ab":"4","a_b":"5","a1":"6","a":"7","A":"8","Z":"9",\
                "9z":"10","10":"11","0":"12","orderId":"13","orderID":"14","ORDERID":"15"}""");
        callback(out, "top_level_null_dropped", KEY_V2, NONCE_32, MILLIS, """
                {"z":null,"b":"null","a":null,"c":"x"}""");
        callback(out, "only_nulls", KEY_V2, NONCE_32, MILLIS, """
                {"a":null,"b":null}""");
        callback(out, "nested_null_kept", KEY_V2, NONCE_32, MILLIS, """
                {"productInfo":{"b":null,"a":[null,{"c":null}]},"instanceId":null,\
                "activity":"changeInstanceCheck"}""");
        callback(out, "empty_string_kept", KEY_V2, NONCE_32, MILLIS, """
                {"testFlag":"","activity":"newInstance","a":""}""");
        callback(out, "chinese_literal", KEY_V2, NONCE_32, MILLIS, """
                {"name":"\u793a\u4f8b\u4f01\u4e1a","activity":"\u4e2d\u6587","\u540d\u79f0":"x"}""");
        callback(out, "chinese_escaped_lower_and_upper", KEY_V2, NONCE_32, MILLIS, """
                {"name":"\\u793a\\u4f8b\\u4f01\\u4e1a","activity":"\\u4E2D\\u6587",\
                "\\u540d\\u79F0":"x"}""");
        callback(out, "emoji_literal", KEY_V2, NONCE_32, MILLIS, """
                {"b":"\ud83d\ude00 ok","a":"\ud83d\ude80"}""");
        callback(out, "emoji_escaped", KEY_V2, NONCE_32, MILLIS, """
                {"b":"\\uD83D\\uDE00 ok","a":"\\ud83d\\ude80"}""");
        // U+FF61 comes before U+1F600 by code point, but after it by UTF-16 code unit.
        callback(out, "key_order_utf16_literal", KEY_V2, NONCE_32, MILLIS, """
                {"\uff61":"U+FF61","\ud83d\ude00":"U+1F600","\u4e2d":"U+4E2D","a":"1"}""");
        callback(out, "key_order_utf16_escaped", KEY_V2, NONCE_32, MILLIS, """
                {"\\uff61":"U+FF61","\\ud83d\\ude00":"U+1F600","\\u4e2d":"U+4E2D","a":"1"}""");
        callback(out, "slash_escaped", KEY_V2, NONCE_32, MILLIS, """
                {"url":"https:\\/\\/example.com\\/a?b=c&d=<e>","b":"a/b"}""");
        callback(out, "control_characters", KEY_V2, NONCE_32, MILLIS, """
                {"a":"\\u0000\\u0001\\u0007\\u000b\\u000e\\u001f\\u001F","b":"\\b\\t\\n\\f\\r",\
                "c":"\\u0008\\u0009\\u000A\\u000c\\u000D","d":"\\u007f\\u0080\\u2028\\u2029\\ufeff",\
                "e":"\\"\\\\\\/\\u0022\\u005C\\u002f"}""");
        callback(out, "nested_order_kept", KEY_V2, NONCE_32, MILLIS, """
                {"productInfo":{"z":"1","a":{"y":2,"B":[{"d":"3","c":"4"},[],{}]},"m":"5"},\
                "list":["b","a",{"k2":true,"k1":false}],"activity":"changeInstanceCheck"}""");
        callback(out, "number_literals", KEY_V2, NONCE_32, MILLIS, """
                {"h":-0,"g":-0.0,"f":12345678901234567890,"e":1E+5,"d":1e5,"c":1.0,"b":0.10,\
                "a":[1.00,1e-7,123456789.123456789012345678,-1.5E300,1e400],"i":0,"k":true,"j":false}""");
        callback(out, "empty_object", KEY_V2, NONCE_32, MILLIS, "{}");
        callback(out, "empty_object_with_blank", KEY_V2, NONCE_32, MILLIS, "{ }");
        callback(out, "keys_with_spaces_and_plus", KEY_V2, NONCE_32, MILLIS, """
                {"b+c":"a+b c","b c":"1","b%20c":"%2B","b":"2"," a":" 3 "}""");
        // Keys are ordered by their text, not by the way it was escaped.
        callback(out, "escaped_keys", KEY_V2, NONCE_32, MILLIS, """
                {"c":"1","\\u0062":"2","a\\\\q":"3","a\\/q":"4","a\\"q":"5","a\\u000Aq":"6","":"7"}""");
        callback(out, "chinese_access_key", KEY_CHINESE, NONCE_32, MILLIS, """
                {"instanceId":"i-1","activity":"releaseInstance"}""");
        callback(out, "access_key_64_bytes", KEY_64_BYTES, NONCE_32, MILLIS, """
                {"instanceId":"i-1","activity":"releaseInstance"}""");
        callback(out, "access_key_72_bytes_24_characters", KEY_72_BYTES, NONCE_32, MILLIS, """
                {"instanceId":"i-1","activity":"releaseInstance"}""");
        callback(out, "access_key_100_bytes", KEY_100_BYTES, NONCE_32, MILLIS, """
                {"instanceId":"i-1","activity":"releaseInstance"}""");
        // License and order notification.
        callback(out, "release_license_code", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE, """
                {"activity":"releaseLicenseCode","license":"PL0000000000DEMO01","testFlag":"1"}""");
        callback(out, "order_notify", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE, """
                {"activity":"orderNotify","orderId":"CS2501010001DEMO1",\
                "orderLineId":"CS2501010001DEMO1-000001","testFlag":"0"}""");
        callback(out, "get_license_async_unsorted", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE, """
                {"activity":"getLicenseAsync","instanceId":"demo-inst-01","eventId":"demo-event-01",\
                "effectiveTime":"2025-01-01 00:00:00 z"}""");
        callback(out, "get_license_async_fingerprint", KEY_LICENSE, NONCE_LICENSE, MILLIS_LICENSE, """
                {"instanceId":"demo-inst-01",\
                "deviceFingerprint":"0A1B2C3D4E5F,0A1B2C3D4E60|DISK01||CPU/01",\
                "testFlag":null,"activity":"getLicenseAsync","eventId":"demo-event-01",\
                "expireTime":"2026-01-01 00:00:00 z","effectiveTime":"2025-01-01 00:00:00 z"}""");
        return out;
    }

    static void callback(List<Map<String, Object>> out, String name, String key, String nonce,
            String timestamp, String body) throws GeneralSecurityException {
        String canonical = Json.canonical(body);
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", name);
        entry.put("key", key);
        entry.put("nonce", nonce);
        entry.put("timestamp", timestamp);
        entry.put("body", body);
        entry.put("canonical", canonical);
        entry.put("digest", hmacHex(key, canonical));
        entry.put("signature", callbackSignature(key, nonce, timestamp, canonical));
        entry.put("raw_signature", callbackSignature(key, nonce, timestamp, body));
        out.add(entry);
    }

    static String callbackSignature(String key, String nonce, String timestamp, String payload)
            throws GeneralSecurityException {
        return hmacHex(key, key + nonce + timestamp + hmacHex(key, payload));
    }

    // ---------------------------------------------------------------- V2.0 Kit x-sign

    static final String DELETE_DEPARTMENT = """
            {"tenantId":"t","orgCode":"D1","orgName":"n","flag":0,"testFlag":0,\
            "timeStamp":"20240305103000123"}""";

    static List<Map<String, Object>> kitV2() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        kit(out, "auth_sync", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77",\
                "userList":[{"userName":"lihua","name":"\u674e\u534e","orgCode":"D001",\
                "role":"admin","enable":"true","employeeType":1}],\
                "currentSyncTime":"20240305103000123","flag":1,"testFlag":0,\
                "timeStamp":"20240305103000123"}""");
        kit(out, "tenant_sync_empty_strings_kept", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"instanceId":"","orderId":"","tenantId":"t-5f0c","tenantCode":"acme",\
                "name":"\u793a\u4f8b\u4f01\u4e1a","domainName":"https://acme.idp.example.com","flag":1,\
                "testFlag":1,"timeStamp":"20240305103000123"}""");
        kit(out, "already_canonical", KEY_V2, NONCE_32, MILLIS, """
                {"flag":1,"instanceId":"5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d",\
                "name":"\u793a\u4f8b\u4f01\u4e1a","testFlag":1,"timeStamp":"20250101080000123"}""");
        kit(out, "blanks_and_line_breaks", KEY_V2, NONCE_16, MILLIS,
                "\r\n { \"timeStamp\" : \"20240305103000123\" ,"
                + "\n\t\"orgInfoList\" : [ { \"orgCode\" : \"D1\" ,"
                + " \"orgName\" : \"a  b\" } , { } ] , \"flag\" : 1 }\n");
        kit(out, "nulls", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"orderId":null,"instanceId":"null","userList":[{"position":null,\
                "extension":null}],"appId":""}""");
        kit(out, "nested_order_kept", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"userList":[{"userName":"b","name":"a","extension":{"z":1,"a":[2,\
                {"y":3,"b":4}]}},{"name":"c","enable":true}],"appId":"x"}""");
        kit(out, "list_as_text_with_bare_names", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"orgInfoList":"[{orgCode:\\"D1\\",orgName:\\"A/B\\"}]","flag":1,\
                "testFlag":0}""");
        kit(out, "escapes", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"name":"\\u793a\\u4f8b \\ud83d\\ude00 \\u001f\\u007f\\/\\u0022",\
                "\\u0061":"\\b\\t\\n\\f\\r"}""");
        kit(out, "number_literals", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"flag":1.0,"testFlag":"1","x":1E+2,"employeeType":12345678901234567890}""");
        kit(out, "key_order_utf16", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"\uff61":"U+FF61","\ud83d\ude00":"U+1F600","tenantId":"1","tenantCode":"2",\
                "testFlag":3}""");
        kit(out, "unknown_members", KEY_KIT, NONCE_KIT, MILLIS_KIT, """
                {"zone":{"a":[]},"flag":3,"Flag":2,"_":false}""");
        kit(out, "chinese_access_key", KEY_CHINESE, NONCE_KIT, MILLIS_KIT, DELETE_DEPARTMENT);
        kit(out, "access_key_64_bytes", KEY_64_BYTES, NONCE_64, MILLIS, DELETE_DEPARTMENT);
        kit(out, "access_key_100_bytes", KEY_100_BYTES, NONCE_32, MILLIS, DELETE_DEPARTMENT);
        return out;
    }

    static void kit(List<Map<String, Object>> out, String name, String key, String nonce,
            String timestamp, String body) throws GeneralSecurityException {
        String canonical = Json.canonical(body);
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", name);
        entry.put("key", key);
        entry.put("nonce", nonce);
        entry.put("timestamp", timestamp);
        entry.put("body", body);
        entry.put("canonical", canonical);
        entry.put("x_sign", kitSignature(key, nonce, timestamp, canonical));
        entry.put("raw_x_sign", kitSignature(key, nonce, timestamp, body));
        out.add(entry);
    }

    static String kitSignature(String key, String nonce, String timestamp, String payload)
            throws GeneralSecurityException {
        return HexFormat.of().withUpperCase()
                .formatHex(hmac(key, key + nonce + timestamp + payload));
    }

    // ---------------------------------------------------------------- V1.0 authToken (GET)

    static List<Map<String, Object>> authToken() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        auth(out, "official_sample", KEY_X, true,
                "activity=newInstance&businessId=61e834ba-7b97-4418-b8f7-e5345137278c"
                + "&customerId=68cbc86abc2018ab880d92f36422fa0e&expireTime=20200727153156"
                + "&orderId=CS1906666666ABCDE&productId=00301-666666-0--0&testFlag=1"
                + "&timeStamp=20200727073711903&authToken={encoded}");
        auth(out, "expire_instance", KEY_V1, true,
                "activity=expireInstance&instanceId=inst-1&orderId=CS0000000001"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "new_instance_chinese_and_base64", KEY_V1, true,
                "activity=newInstance&businessId=11111111-2222-3333-4444-555555555555"
                + "&customerId=c0ffee&customerName=%E6%B5%8B%E8%AF%95+%E5%85%AC%E5%8F%B8%2BA%26B%3D1"
                + "&mobilePhone=A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg%3D%3D&orderId=CS0000000001"
                + "&productId=OFFI0000000001"
                + "&saasExtendParams=W3sibmFtZSI6ImVtYWlsRG9tYWluTmFtZSIsInZhbHVlIjoidGVzdC5leGFtcGxl"
                + "LmNvbSJ9XQ%3D%3D&testFlag=1&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "space_as_plus", KEY_V1, true,
                "activity=newInstance&customerName=Some+Customer++Ltd+"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        // Same text as before, hence the same authToken.
        auth(out, "space_as_percent_20", KEY_V1, true,
                "activity=newInstance&customerName=Some%20Customer%20%20Ltd%20"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "literal_plus", KEY_V1, true,
                "activity=newInstance&customerName=A%2BB%2b+C&timeStamp=20250102030405678"
                + "&authToken={encoded}");
        auth(out, "chinese_lower_case_hex", KEY_V1, true,
                "activity=newInstance&customerName=%e6%b5%8b%e8%af%95%E5%85%ac%e5%8F%b8"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "emoji", KEY_V1, true,
                "activity=newInstance&customerName=%F0%9F%98%80+ok%F0%9F%9A%80"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "empty_value", KEY_V1, true,
                "activity=newInstance&userId=&testFlag=&timeStamp=20250102030405678"
                + "&authToken={encoded}&customerName=");
        auth(out, "unknown_parameters", KEY_V1, true,
                "activity=expireInstance&zzz=1&x-new%20name=a+b&_under=2&%E5%90%8D=3&UPPER=4"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "reserved_characters_in_value", KEY_V1, true,
                "activity=newInstance&customerName=a%26b%3Dc%25d%23e%3Ff&orderId=CS1%26testFlag%3D1"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "still_encoded_after_decoding_once", KEY_V1, true,
                "activity=newInstance&customerName=100%2525&email=%252B%253D"
                + "&productId=%25E6%25B5%258B&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "unescaped_safe_characters", KEY_V1, true,
                "activity=newInstance&customerName=-._~*!'(),:@/?$"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "line_break_in_value", KEY_V1, true,
                "activity=newInstance&customerName=a%0Ab%0D%0Ac%09d"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "upper_case_before_lower_case", KEY_V1, true,
                "periodType=month&periodNumber=1&orderId=CS1&orderAmount=12.50&diskSize=100"
                + "&businessId=b-1&bandwidth=20&bandWidth=10&amount=1&activity=newInstance"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        // U+FF61 comes before U+1F600 by code point, but after it by UTF-16 code unit.
        auth(out, "name_order_utf16", KEY_V1, true,
                "activity=newInstance&%EF%BD%A1=1&%F0%9F%98%80=2&timeStamp=20250102030405678"
                + "&authToken={encoded}");
        auth(out, "base64_values", KEY_V1, true,
                "activity=newInstance&mobilePhone=A1b2C3d4E5f6G7h8jszV9HEcQmG7F%2FzvB8m61Q%3D%3D"
                + "&email=A1b2C3d4E5f6G7h8Lr4ZczxTMJGQljSJxdF5x4rENYAxHLLVYeNNQh%2BmmmM%3D"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "shuffled", KEY_V1, true,
                "timeStamp=20250102030405678&orderId=CS1&authToken={encoded}&testFlag=1"
                + "&businessId=b-1&productId=p-1&activity=newInstance&customerId=c-1");
        auth(out, "commas", KEY_V1, true,
                "activity=queryInstance&instanceId=inst-1%2Cinst-2%2Cinst-3"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "chinese_key", KEY_CHINESE, true,
                "activity=releaseInstance&instanceId=inst-1&orderId=CS1"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        // With the 17 digits of timeStamp the HMAC key is longer than one block.
        auth(out, "key_64_bytes", KEY_64_BYTES, true,
                "activity=releaseInstance&instanceId=inst-1&orderId=CS1"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        auth(out, "release_license", KEY_LICENSE_V1, true,
                "activity=releaseLicense&instanceId=demo-inst-01&orderId=CS2501010001DEMO1"
                + "&timeStamp=20250101010000123&authToken={encoded}");
        auth(out, "get_license_blank_slash_plus", KEY_LICENSE_V1, true,
                "activity=getLicense&businessId=demo%20biz%2F01&customerId=cust%2B01"
                + "&instanceId=demo-inst-01&orderId=CS2501010001DEMO1"
                + "&timeStamp=20250101010000123&authToken={encoded}");
        // [{"name":"identificationCode","value":"HW~01?>>"}], whose Base64 holds a plus sign.
        auth(out, "get_license_identification_code", KEY_LICENSE_V1, true,
                "activity=getLicense&businessId=demo-biz-01&customerId=cust01"
                + "&orderId=CS2501010001DEMO1&productId=OFFI000001"
                + "&saasExtendParams=W3sibmFtZSI6ImlkZW50aWZpY2F0aW9uQ29kZSIsInZhbHVl"
                + "IjoiSFd%2BMDE%2FPj4ifV0%3D&timeStamp=20250101010000123&authToken={encoded}");
        // From here on a raw plus sign stands for itself: percent-decoding only.
        auth(out, "plus_kept_in_base64_value", KEY_V1, false,
                "activity=newInstance"
                + "&email=A1b2C3d4E5f6G7h8Lr4ZczxTMJGQljSJxdF5x4rENYAxHLLVYeNNQh+mmmM%3D"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        // This timeStamp gives an authToken that contains a plus sign.
        auth(out, "plus_kept_nothing_escaped", KEY_V1, false,
                "activity=newInstance"
                + "&email=A1b2C3d4E5f6G7h8G993qBiCzGSwpppVpwD4HFxzZagFfT4rRhJAm7vUxdE="
                + "&mobilePhone=A1b2C3d4E5f6G7h8+BBqYUn6QHJQZK7e+5wU+A=="
                + "&timeStamp=20250102030405000&authToken={raw}");
        auth(out, "plus_kept_in_text", KEY_V1, false,
                "activity=newInstance&customerName=A+B%20C%2BD"
                + "&timeStamp=20250102030405678&authToken={encoded}");
        return out;
    }

    /** {encoded} in the template stands for the URL-encoded authToken, {raw} for the bare one. */
    static void auth(List<Map<String, Object>> out, String name, String key, boolean plusIsSpace,
            String template) throws GeneralSecurityException {
        TreeMap<String, String> parameters = new TreeMap<>();
        for (String part : template.split("&")) {
            int equals = part.indexOf('=');
            String previous = parameters.put(
                    urlDecode(part.substring(0, equals), plusIsSpace),
                    urlDecode(part.substring(equals + 1), plusIsSpace));
            require(previous == null, "repeated parameter in " + name);
        }
        parameters.remove("authToken");
        List<String> pairs = new ArrayList<>();
        parameters.forEach((parameter, value) -> pairs.add(parameter + "=" + value));
        String signingString = String.join("&", pairs);
        String token = hmacBase64(key + parameters.get("timeStamp"), signingString);

        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", name);
        entry.put("key", key);
        entry.put("query", template
                .replace("{encoded}", URLEncoder.encode(token, StandardCharsets.UTF_8))
                .replace("{raw}", token));
        entry.put("plus_is_space", plusIsSpace);
        entry.put("signing_string", signingString);
        entry.put("auth_token", token);
        out.add(entry);
    }

    static String urlDecode(String text, boolean plusIsSpace) {
        return URLDecoder.decode(plusIsSpace ? text : text.replace("+", "%2B"),
                StandardCharsets.UTF_8);
    }

    // ---------------------------------------------------------------- V1.0 Kit authToken (POST)

    static List<Map<String, Object>> authTokenBody() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        authBody(out, "tenant_sync", KEY_KIT_V1, """
                {"instanceId":"inst-1001","orderId":"CS2204201141ABCDE",\
                "tenantId":"t-5f0c","tenantCode":"acme","name":"\u793a\u4f8b\u4f01\u4e1a",\
                "domainName":"https://acme.idp.example.com","flag":1,"testFlag":0,\
                "timeStamp":"20240305103000123"}""");
        authBody(out, "tenant_sync_blank_members", KEY_KIT_V1, """
                {"instanceId":"","orderId":"","tenantId":"t-5f0c","tenantCode":"acme",\
                "name":"\u793a\u4f8b\u4f01\u4e1a","domainName":"https://acme.idp.example.com","flag":1,\
                "testFlag":1,"timeStamp":"20240305103000123"}""");
        authBody(out, "auth_sync", KEY_KIT_V1, """
                {"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77",\
                "userList":"[{\\"userName\\":\\"lihua\\",\\"name\\":\\"\u674e\u534e\\",\
                \\"orgCode\\":\\"D001\\",\\"role\\":\\"admin\\",\\"enable\\":\\"true\\",\
                \\"extension\\":{\\"employeeType\\":\\"1\\"}}]",\
                "currentSyncTime":"20240305103000123","flag":1,"testFlag":0,\
                "timeStamp":"20240305103000123"}""");
        authBody(out, "one_blank_member", KEY_V1, """
                {"instanceId":"inst-1","orderId":"CS0000000001","tenantId":"t1",\
                "name":"","flag":1,"testFlag":0,"timeStamp":"20250102110405678"}""");
        authBody(out, "null_members", KEY_KIT_V1, """
                {"orderId":null,"instanceId":"null","parentCode":null,"flag":0,\
                "timeStamp":"20240305103000123"}""");
        authBody(out, "blank_as_java_has_it", KEY_KIT_V1, """
                {"a":" \\t\\r\\n","b":"\\u000b\\f\\u001c\\u001f","c":"\\u3000\\u2028\\u2003",\
                "d":"\\u00a0","e":"\\u0085","f":"\\u202f\\u2007","g":" x ",\
                "timeStamp":"20240305103000123"}""");
        authBody(out, "literals", KEY_KIT_V1, """
                {"flag":1.50,"testFlag":-0,"a":1E+5,"b":true,"c":false,\
                "d":12345678901234567890,"timeStamp":"20240305103000123"}""");
        authBody(out, "arrays_and_objects", KEY_KIT_V1, """
                {"userList":[{"b":"x","a":[1,null]}],"extension":{"z":"\u4e2d","a":{}},\
                "empty":[],"timeStamp":"20240305103000123"}""");
        authBody(out, "escapes", KEY_KIT_V1, """
                {"name":"\\u793a\\u4f8b \\ud83d\\ude00 \\/\\"\\\\\\n","\\u006frgCode":"D\\u0031",\
                "timeStamp":"20240305103000123"}""");
        authBody(out, "marks_without_a_name", KEY_KIT_V1, """
                {"name":"R&D = a=b&c=d & Co",\
                "userList":"[{\\"position\\":\\"x&flag=1&testFlag=0\\"}]",\
                "orgCode":"100%25+1","timeStamp":"20240305103000123"}""");
        authBody(out, "bare_names", KEY_KIT_V1, """
                {"orgInfo":"[{orgCode:\\"D1\\",name:\\"A&B\\"}]","testFlag":0,\
                "timeStamp":"20240305103000123"}""");
        authBody(out, "name_order_utf16", KEY_KIT_V1, """
                {"\uff61":"1","\ud83d\ude00":"2","tenantId":"3","tenantCode":"4","TenantId":"5",\
                "timeStamp":"20240305103000123"}""");
        authBody(out, "token_in_the_body", KEY_KIT_V1, """
                {"authToken":"x","flag":1,"timeStamp":"20240305103000123"}""");
        authBody(out, "hidden_member", KEY_KIT_V1, """
                {"name":"A&orderId=CS9","flag":1,"timeStamp":"20240305103000123"}""");
        authBody(out, "chinese_key", KEY_CHINESE, """
                {"tenantId":"t","flag":0,"timeStamp":"20240305103000123"}""");
        authBody(out, "key_64_bytes", KEY_64_BYTES, """
                {"tenantId":"t","flag":0,"timeStamp":"20240305103000123"}""");
        return out;
    }

    static void authBody(List<Map<String, Object>> out, String name, String key, String body)
            throws GeneralSecurityException {
        TreeMap<String, String> texts = new TreeMap<>();
        new Json(body).members().forEach((member, value) -> {
            String text = value.startsWith("\"") ? new Json(value).string() : value;
            if (!member.equals("authToken") && !value.equals("null") && !text.isBlank()) {
                texts.put(member, text);
            }
        });
        List<String> pairs = new ArrayList<>();
        texts.forEach((member, text) -> pairs.add(member + "=" + text));
        String signingString = String.join("&", pairs);
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", name);
        entry.put("key", key);
        entry.put("body", body);
        entry.put("signing_string", signingString);
        entry.put("auth_token", hmacBase64(key + texts.get("timeStamp"), signingString));
        out.add(entry);
    }

    // ---------------------------------------------------------------- V1.0 Body-Sign

    static List<Map<String, Object>> bodySign() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        String success = "{\"resultCode\":\"000000\",\"resultMsg\":\"success.\"}";
        body(out, "success", KEY_V1, success);
        body(out, "kit_success", KEY_KIT_V1,
                "{\"resultCode\":\"000000\",\"resultMsg\":\"Success\"}");
        body(out, "trailing_line_feed", KEY_V1, success + "\n");
        body(out, "trailing_carriage_return_line_feed", KEY_V1, success + "\r\n");
        body(out, "leading_blanks", KEY_V1, " \t " + success);
        body(out, "chinese_literal", KEY_V1,
                "{\"resultCode\":\"000000\",\"resultMsg\":\"success.\","
                + "\"appInfo\":{\"memo\":\"\u4e2d\u6587 \ud83d\ude00\"}}");
        body(out, "chinese_escaped", KEY_V1,
                "{\"resultCode\":\"000000\",\"resultMsg\":\"success.\","
                + "\"appInfo\":{\"memo\":\"\\u4e2d\\u6587 \\ud83d\\ude00\"}}");
        body(out, "empty_body", KEY_V1, "");
        body(out, "chinese_key", KEY_CHINESE, success);
        body(out, "key_100_bytes", KEY_100_BYTES, success);
        body(out, "license_key", KEY_LICENSE_V1, success);
        return out;
    }

    static void body(List<Map<String, Object>> out, String name, String key, String body)
            throws GeneralSecurityException {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", name);
        entry.put("key", key);
        entry.put("body", body);
        entry.put("signature", hmacBase64(key, body));
        out.add(entry);
    }

    // ---------------------------------------------------------------- JWT of the agents gateway

    static final String SECRET_1 = "0123456789abcdef0123456789abcdef";
    static final String SECRET_2 = "fedcba9876543210fedcba9876543210";
    static final String JWT_HEADER = "{\"alg\":\"HS256\",\"sign_type\":\"SIGN\"}";
    static final String JWT_PAYLOAD =
            "{\"api_key\":\"app-key-1\",\"exp\":1735689900,\"timestamp\":1735689600123}";

    static List<Map<String, Object>> gatewayJwt() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        jwt(out, "documented", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER, JWT_PAYLOAD, "valid");
        jwt(out, "other_order_and_members", "HS256", SECRET_1, SECRET_1,
                "{\"typ\":\"JWT\",\"sign_type\":\"SIGN\",\"alg\":\"HS256\"}",
                "{ \"timestamp\" : 1735689600123, \"note\" : \"\u4e2d\u6587 ~~~???>>>\","
                + " \"iat\" : 1735689600,"
                + " \"exp\" : 1735689900, \"api_key\" : \"app-key-1\" }", "valid");
        jwt(out, "expiry_in_milliseconds", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1735689900123,\"timestamp\":1735689600123}",
                "valid");
        jwt(out, "expiry_with_fraction", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1735689900.75,\"timestamp\":1735689600123}",
                "valid");
        jwt(out, "chinese_secret", "HS256", KEY_CHINESE, KEY_CHINESE,
                JWT_HEADER, JWT_PAYLOAD, "valid");
        jwt(out, "secret_64_bytes", "HS256", KEY_64_BYTES, KEY_64_BYTES,
                JWT_HEADER, JWT_PAYLOAD, "valid");
        jwt(out, "secret_100_bytes", "HS256", KEY_100_BYTES, KEY_100_BYTES,
                JWT_HEADER, JWT_PAYLOAD, "valid");
        jwt(out, "unsigned", "none", "", SECRET_1,
                "{\"alg\":\"none\"}",
                JWT_PAYLOAD, "algorithm");
        jwt(out, "unsigned_in_capitals", "none", "", SECRET_1,
                "{\"alg\":\"NONE\"}",
                JWT_PAYLOAD, "algorithm");
        jwt(out, "named_unsigned_and_signed", "HS256", SECRET_1, SECRET_1,
                "{\"alg\":\"none\"}",
                JWT_PAYLOAD, "algorithm");
        jwt(out, "named_signed_and_unsigned", "none", "", SECRET_1,
                JWT_HEADER, JWT_PAYLOAD, "malformed");
        jwt(out, "sha_512", "HS512", SECRET_1, SECRET_1,
                "{\"alg\":\"HS512\",\"sign_type\":\"SIGN\"}",
                JWT_PAYLOAD, "algorithm");
        jwt(out, "sha_512_named_256", "HS512", SECRET_1, SECRET_1,
                JWT_HEADER, JWT_PAYLOAD, "malformed");
        jwt(out, "algorithm_in_lower_case", "HS256", SECRET_1, SECRET_1,
                "{\"alg\":\"hs256\"}",
                JWT_PAYLOAD, "algorithm");
        jwt(out, "public_key_algorithm", "HS256", SECRET_1, SECRET_1,
                "{\"alg\":\"RS256\"}",
                JWT_PAYLOAD, "algorithm");
        jwt(out, "extension_not_understood", "HS256", SECRET_1, SECRET_1,
                "{\"alg\":\"HS256\",\"crit\":[\"x\"],\"x\":1}",
                JWT_PAYLOAD, "malformed");
        // Signed by the owner of app-key-1 in the name of app-key-2.
        jwt(out, "swapped_key_id", "HS256", SECRET_1, SECRET_2,
                JWT_HEADER,
                "{\"api_key\":\"app-key-2\",\"exp\":1735689900,\"timestamp\":1735689600123}",
                "mismatch");
        jwt(out, "unknown_key", "HS256", SECRET_1, "",
                JWT_HEADER, JWT_PAYLOAD, "unknown_key");
        jwt(out, "repeated_key", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1735689900"
                + ",\"timestamp\":1735689600123,\"api_key\":\"app-key-2\"}", "malformed");
        jwt(out, "expired", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1735689600,\"timestamp\":1735689300123}",
                "expired");
        jwt(out, "expires_now", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1735689600123,\"timestamp\":1735689300123}",
                "expired");
        jwt(out, "from_the_future", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1735689961,\"timestamp\":1735689661123}",
                "too_far_ahead");
        jwt(out, "not_yet_valid", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1735689900,\"nbf\":1735689700"
                + ",\"timestamp\":1735689600123}", "too_far_ahead");
        jwt(out, "valid_for_years", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"exp\":1999999999,\"timestamp\":1735689000123}",
                "too_old");
        jwt(out, "without_expiry", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"api_key\":\"app-key-1\",\"timestamp\":1735689600123}", "missing");
        jwt(out, "without_key", "HS256", SECRET_1, SECRET_1,
                JWT_HEADER,
                "{\"exp\":1735689900,\"timestamp\":1735689600123}", "missing");
        return out;
    }

    static void jwt(List<Map<String, Object>> out, String name, String algorithm, String secret,
            String knownSecret, String header, String payload, String verdict)
            throws GeneralSecurityException {
        String signed = base64Url(header.getBytes(StandardCharsets.UTF_8)) + "."
                + base64Url(payload.getBytes(StandardCharsets.UTF_8));
        byte[] signature = {};
        if (!algorithm.equals("none")) {
            String macName = "HmacSHA" + algorithm.substring(2);
            Mac mac = Mac.getInstance(macName);
            mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), macName));
            signature = mac.doFinal(signed.getBytes(StandardCharsets.UTF_8));
        }
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", name);
        entry.put("algorithm", algorithm);
        entry.put("secret", secret);
        entry.put("known_secret", knownSecret);
        entry.put("header", header);
        entry.put("payload", payload);
        entry.put("verdict", verdict);
        entry.put("token", signed + "." + base64Url(signature));
        out.add(entry);
    }

    static String base64Url(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }

    // ---------------------------------------------------------------- AES key derivation

    static List<Map<String, Object>> sha1prng() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        for (String accessKey : List.of(
                KEY_X,
                KEY_V1,
                "a",
                KEY_MIXED,
                KEY_CHINESE,
                "0",
                "Z",
                " ",
                "\u00e9",
                "\ud83d\ude00",
                KEY_V2,
                KEY_64_BYTES,
                KEY_72_BYTES,
                KEY_100_BYTES)) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("access_key", accessKey);
            entry.put("aes128", HexFormat.of().formatHex(aesKey(accessKey, 128).getEncoded()));
            entry.put("aes256", HexFormat.of().formatHex(aesKey(accessKey, 256).getEncoded()));
            out.add(entry);
        }
        return out;
    }

    static SecretKey aesKey(String accessKey, int bits)
            throws GeneralSecurityException {
        SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
        // Seeding before the first use makes the generator deterministic.
        random.setSeed(accessKey.getBytes(StandardCharsets.UTF_8));
        KeyGenerator generator = KeyGenerator.getInstance("AES");
        generator.init(bits, random);
        return generator.generateKey();
    }

    // ---------------------------------------------------------------- encrypted fields

    static List<Map<String, Object>> fieldCipher() throws GeneralSecurityException {
        List<Map<String, Object>> out = new ArrayList<>();
        for (String type : List.of("1", "2")) {
            field(out, KEY_V1, type, IV, "13800138000");
            field(out, KEY_V1, type, IV, "user@example.com");
            field(out, KEY_V1, type, IV, "P@ss w0rd");
        }
        field(out, KEY_V1, "1", IV, "");
        field(out, KEY_V1, "2", IV_DIGITS, "");
        field(out, KEY_X, "1", IV_UPPER, "x");
        field(out, KEY_X, "2", IV_LOWER, "0123456789abcde");
        field(out, KEY_MIXED, "1", IV, "0123456789abcdef");
        field(out, KEY_MIXED, "2", IV_DIGITS, "0123456789abcdefg");
        field(out, KEY_V1, "1", IV_UPPER, "0123456789abcdef0123456789abcde");
        field(out, KEY_V1, "2", IV_LOWER, "0123456789abcdef0123456789abcdef");
        field(out, KEY_V1, "1", IV, "0123456789".repeat(7) + "012345678");
        field(out, KEY_V1, "2", IV, "0123456789".repeat(7) + "012345678");
        field(out, KEY_V1, "1", IV_DIGITS, "\u5f20\u4e09 \u793a\u4f8b\u4f01\u4e1a");
        field(out, KEY_CHINESE, "2", IV, "\u5f20\u4e09");
        field(out, KEY_CHINESE, "1", IV, "\ud83d\ude00\ud83d\ude80");
        field(out, KEY_100_BYTES, "1", IV, " a + b  c ");
        // The text itself ends like a padding.
        field(out, KEY_V1, "2", IV, "0123456789abcd\u0002\u0002");
        return out;
    }

    static void field(List<Map<String, Object>> out, String accessKey, String encryptType,
            String iv, String plaintext) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        cipher.init(Cipher.ENCRYPT_MODE, aesKey(accessKey, encryptType.equals("1") ? 256 : 128),
                new IvParameterSpec(iv.getBytes(StandardCharsets.US_ASCII)));
        byte[] encrypted = cipher.doFinal(plaintext.getBytes(StandardCharsets.UTF_8));
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("access_key", accessKey);
        entry.put("encrypt_type", encryptType);
        entry.put("iv", iv);
        entry.put("plaintext", plaintext);
        entry.put("ciphertext", iv + Base64.getEncoder().encodeToString(encrypted));
        out.add(entry);
    }

    // ---------------------------------------------------------------- helpers

    static byte[] hmac(String key, String message) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        return mac.doFinal(message.getBytes(StandardCharsets.UTF_8));
    }

    static String hmacHex(String key, String message) throws GeneralSecurityException {
        return HexFormat.of().formatHex(hmac(key, message));
    }

    static String hmacBase64(String key, String message) throws GeneralSecurityException {
        return Base64.getEncoder().encodeToString(hmac(key, message));
    }

    static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    /**
     * Brings a JSON object into its canonical form while parsing it: each method consumes one
     * piece of the input and returns its compact text.
     */
    static final class Json {
        private final String in;
        private int pos;

        private Json(String in) {
            this.in = in;
        }

        static String canonical(String body) {
            Json json = new Json(body);
            json.skipBlanks();
            // The natural order of String is the order of its UTF-16 code units.
            TreeMap<String, String> members = new TreeMap<>(json.members());
            json.skipBlanks();
            require(json.pos == body.length(), "text after the object");
            members.values().removeIf("null"::equals);
            return write(members);
        }

        private static String write(Map<String, String> members) {
            List<String> parts = new ArrayList<>();
            members.forEach((key, value) -> parts.add(quote(key) + ":" + value));
            return "{" + String.join(",", parts) + "}";
        }

        /** An object: decoded names, compact values, in the order received. */
        private LinkedHashMap<String, String> members() {
            LinkedHashMap<String, String> members = new LinkedHashMap<>();
            expect('{');
            skipBlanks();
            if (peek() == '}') {
                pos++;
                return members;
            }
            while (true) {
                skipBlanks();
                String key = string();
                skipBlanks();
                expect(':');
                require(members.put(key, value()) == null, "repeated key " + key);
                if (next() == '}') {
                    return members;
                }
                pos--;
                expect(',');
            }
        }

        private String array() {
            List<String> parts = new ArrayList<>();
            expect('[');
            skipBlanks();
            if (peek() == ']') {
                pos++;
                return "[]";
            }
            while (true) {
                parts.add(value());
                if (next() == ']') {
                    return "[" + String.join(",", parts) + "]";
                }
                pos--;
                expect(',');
            }
        }

        /** A value with the blanks around it. */
        private String value() {
            skipBlanks();
            String value = switch (peek()) {
                case '{' -> write(members());
                case '[' -> array();
                case '"' -> quote(string());
                default -> literal();
            };
            skipBlanks();
            return value;
        }

        /** A number, true, false or null, left as it was written. */
        private String literal() {
            int start = pos;
            while (pos < in.length() && ",]} \t\r\n".indexOf(in.charAt(pos)) < 0) {
                pos++;
            }
            String literal = in.substring(start, pos);
            require(literal.matches(
                    "true|false|null|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?"),
                    "bad literal " + literal);
            return literal;
        }

        private String string() {
            StringBuilder text = new StringBuilder();
            expect('"');
            while (true) {
                char c = next();
                if (c == '"') {
                    return text.toString();
                }
                require(c >= 0x20, "control character in a string");
                if (c != '\\') {
                    text.append(c);
                    continue;
                }
                c = next();
                switch (c) {
                    case 'b' -> text.append('\b');
                    case 't' -> text.append('\t');
                    case 'n' -> text.append('\n');
                    case 'f' -> text.append('\f');
                    case 'r' -> text.append('\r');
                    case '"', '\\', '/' -> text.append(c);
                    case 'u' -> {
                        text.append((char) Integer.parseInt(in, pos, pos + 4, 16));
                        pos += 4;
                    }
                    default -> throw new IllegalArgumentException("bad escape");
                }
            }
        }

        static String quote(String text) {
            StringBuilder out = new StringBuilder("\"");
            for (char c : text.toCharArray()) {
                switch (c) {
                    case '\b' -> out.append("\\b");
                    case '\t' -> out.append("\\t");
                    case '\n' -> out.append("\\n");
                    case '\f' -> out.append("\\f");
                    case '\r' -> out.append("\\r");
                    case '"' -> out.append("\\\"");
                    case '\\' -> out.append("\\\\");
                    default -> {
                        if (c < 0x20) {
                            out.append(String.format("\\u%04X", (int) c));
                        } else {
                            out.append(c);
                        }
                    }
                }
            }
            return out.append('"').toString();
        }

        private void skipBlanks() {
            while (pos < in.length() && " \t\r\n".indexOf(in.charAt(pos)) >= 0) {
                pos++;
            }
        }

        private char peek() {
            return in.charAt(pos);
        }

        private char next() {
            return in.charAt(pos++);
        }

        private void expect(char c) {
            require(next() == c, "expected " + c + " before position " + pos);
        }
    }

    // ---------------------------------------------------------------- output

    /** Pretty JSON in ASCII; the values are texts and booleans. */
    static String pretty(List<Map<String, Object>> entries) {
        List<String> objects = new ArrayList<>();
        for (Map<String, Object> entry : entries) {
            List<String> lines = new ArrayList<>();
            entry.forEach((key, value) -> lines.add("    " + ascii(key) + ": "
                    + (value instanceof String text ? ascii(text) : value.toString())));
            objects.add("  {\n" + String.join(",\n", lines) + "\n  }");
        }
        return "[\n" + String.join(",\n", objects) + "\n]\n";
    }

    static String ascii(String text) {
        StringBuilder out = new StringBuilder();
        for (char c : Json.quote(text).toCharArray()) {
            out.append(c < 0x7f ? String.valueOf(c) : String.format("\\u%04x", (int) c));
        }
        return out.toString();
    }

    public static void main(String[] args) throws IOException, GeneralSecurityException {
        Path directory = Files.createDirectories(
                Path.of(args.length > 0 ? args[0] : "tests/vectors/java"));
        Files.writeString(directory.resolve("callback_v2.json"), pretty(callbackV2()));
        Files.writeString(directory.resolve("kit_v2.json"), pretty(kitV2()));
        Files.writeString(directory.resolve("auth_token.json"), pretty(authToken()));
        Files.writeString(directory.resolve("auth_token_body.json"), pretty(authTokenBody()));
        Files.writeString(directory.resolve("body_sign.json"), pretty(bodySign()));
        Files.writeString(directory.resolve("gateway_jwt.json"), pretty(gatewayJwt()));
        Files.writeString(directory.resolve("sha1prng.json"), pretty(sha1prng()));
        Files.writeString(directory.resolve("field_cipher.json"), pretty(fieldCipher()));
    }
}
