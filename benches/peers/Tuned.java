import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** The same for speed: kept Mac, Cipher and keys, bytes instead of text, no regular expressions, constant-time compare. */
final class Tuned {
    private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

    private final byte[] key;
    private final Mac mac;
    private final Mac keyOfCall;
    private final Cipher encryption;
    private final Cipher decryption;
    private final SecretKey fieldKey;
    private final SecureRandom random = new SecureRandom();
    private final byte[] digest = new byte[32];
    private final byte[] hex = new byte[64];

    Tuned(String key) throws Exception {
        this.key = key.getBytes(StandardCharsets.UTF_8);
        mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(this.key, "HmacSHA256"));
        keyOfCall = Mac.getInstance("HmacSHA256");
        fieldKey = Samples.fieldKey(key);
        encryption = Cipher.getInstance("AES/CBC/PKCS5Padding");
        decryption = Cipher.getInstance("AES/CBC/PKCS5Padding");
    }

    /** Reads the query itself: a servlet container's map costs more. */
    boolean verifyV2(String query, byte[] body) throws Exception {
        byte[] nonce = value(query, "nonce=").getBytes(StandardCharsets.US_ASCII);
        byte[] timestamp = value(query, "timestamp=").getBytes(StandardCharsets.US_ASCII);
        String signature = value(query, "signature=");
        mac.update(body);
        mac.doFinal(digest, 0);
        for (int index = 0; index < 32; index++) {
            hex[2 * index] = DIGITS[(digest[index] >> 4) & 0xF];
            hex[2 * index + 1] = DIGITS[digest[index] & 0xF];
        }
        mac.update(key);
        mac.update(nonce);
        mac.update(timestamp);
        mac.update(hex);
        mac.doFinal(digest, 0);
        byte[] received = new byte[32];
        for (int index = 0; index < 32; index++) {
            int high = Character.digit(signature.charAt(2 * index), 16);
            received[index] = (byte) (high << 4 | Character.digit(signature.charAt(2 * index + 1), 16));
        }
        return MessageDigest.isEqual(digest, received);
    }

    boolean verifyV1(String query) throws Exception {
        int count = 1;
        for (int at = query.indexOf('&'); at >= 0; at = query.indexOf('&', at + 1)) {
            count++;
        }
        String[][] pairs = new String[count][];
        int begin = 0;
        for (int index = 0; index < count; index++) {
            int end = query.indexOf('&', begin);
            end = end < 0 ? query.length() : end;
            int equals = query.indexOf('=', begin);
            pairs[index] = new String[] {query.substring(begin, equals), Query.decoded(query.substring(equals + 1, end))};
            begin = end + 1;
        }
        Arrays.sort(pairs, Comparator.comparing(pair -> pair[0]));
        StringBuilder text = new StringBuilder(query.length());
        String token = "";
        String time = "";
        for (String[] pair : pairs) {
            if (pair[0].equals("authToken")) {
                token = pair[1];
                continue;
            }
            if (pair[0].equals("timeStamp")) {
                time = pair[1];
            }
            text.append(text.length() == 0 ? "" : "&").append(pair[0]).append('=').append(pair[1]);
        }
        byte[] end = time.getBytes(StandardCharsets.US_ASCII);
        byte[] whole = Arrays.copyOf(key, key.length + end.length);
        System.arraycopy(end, 0, whole, key.length, end.length);
        keyOfCall.init(new SecretKeySpec(whole, "HmacSHA256"));
        byte[] found = keyOfCall.doFinal(text.toString().getBytes(StandardCharsets.UTF_8));
        return MessageDigest.isEqual(found, Base64.getDecoder().decode(token));
    }

    private static String value(String query, String name) {
        int begin = query.indexOf(name) + name.length();
        int end = query.indexOf('&', begin);
        return query.substring(begin, end < 0 ? query.length() : end);
    }

    String bodySign(byte[] body) {
        return "sign_type=\"HMAC-SHA256\", signature=\"" + Base64.getEncoder().encodeToString(mac.doFinal(body)) + '"';
    }

    String encrypt(String content) throws Exception {
        byte[] iv = Samples.initialVector(random).getBytes(StandardCharsets.US_ASCII);
        encryption.init(Cipher.ENCRYPT_MODE, fieldKey, new IvParameterSpec(iv));
        byte[] sealed = encryption.doFinal(content.getBytes(StandardCharsets.UTF_8));
        return new String(iv, StandardCharsets.US_ASCII) + Base64.getEncoder().encodeToString(sealed);
    }

    String decrypt(String sealed) throws Exception {
        byte[] iv = sealed.substring(0, 16).getBytes(StandardCharsets.US_ASCII);
        decryption.init(Cipher.DECRYPT_MODE, fieldKey, new IvParameterSpec(iv));
        byte[] content = decryption.doFinal(Base64.getDecoder().decode(sealed.substring(16)));
        return new String(content, StandardCharsets.UTF_8);
    }
}
