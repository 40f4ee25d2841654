import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** The algorithms in the way that the marketplace's samples write them: every object made for the call, text in between. */
final class Samples {
    private static final String CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private Samples() {}

    static byte[] hmac(String key, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    }

    static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte value : bytes) {
            String digits = Integer.toHexString(value & 0xFF);
            if (digits.length() == 1) {
                text.append('0');
            }
            text.append(digits);
        }
        return text.toString();
    }

    static boolean verifyV2(String key, Map<String, String> parameters, String body) throws Exception {
        String digest = hex(hmac(key, body));
        String text = key + parameters.get("nonce") + parameters.get("timestamp") + digest;
        return hex(hmac(key, text)).equalsIgnoreCase(parameters.get("signature"));
    }

    static boolean verifyV1(String key, Map<String, String> parameters) throws Exception {
        Map<String, String> signed = new TreeMap<>(parameters);
        String token = signed.remove("authToken");
        StringBuilder text = new StringBuilder();
        for (Map.Entry<String, String> parameter : signed.entrySet()) {
            text.append("&").append(parameter.getKey()).append("=").append(parameter.getValue());
        }
        byte[] mac = hmac(key + parameters.get("timeStamp"), text.substring(1));
        return Base64.getEncoder().encodeToString(mac).equals(token);
    }

    static String bodySign(String key, String body) throws Exception {
        String signature = Base64.getEncoder().encodeToString(hmac(key, body));
        return String.format("sign_type=\"%s\", signature=\"%s\"", "HMAC-SHA256", signature);
    }

    static SecretKey fieldKey(String key) throws Exception {
        SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
        random.setSeed(key.getBytes(StandardCharsets.UTF_8));
        KeyGenerator generator = KeyGenerator.getInstance("AES");
        generator.init(256, random);
        return new SecretKeySpec(generator.generateKey().getEncoded(), "AES");
    }

    static String initialVector(SecureRandom random) {
        StringBuilder text = new StringBuilder();
        for (int index = 0; index < 16; index++) {
            text.append(CHARACTERS.charAt(random.nextInt(CHARACTERS.length())));
        }
        return text.toString();
    }

    static String encrypt(String key, String content) throws Exception {
        String iv = initialVector(new SecureRandom());
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        cipher.init(Cipher.ENCRYPT_MODE, fieldKey(key), new IvParameterSpec(iv.getBytes(StandardCharsets.UTF_8)));
        byte[] sealed = cipher.doFinal(content.getBytes(StandardCharsets.UTF_8));
        return iv + Base64.getEncoder().encodeToString(sealed);
    }

    static String decrypt(String key, String sealed) throws Exception {
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        IvParameterSpec iv = new IvParameterSpec(sealed.substring(0, 16).getBytes(StandardCharsets.UTF_8));
        cipher.init(Cipher.DECRYPT_MODE, fieldKey(key), iv);
        return new String(cipher.doFinal(Base64.getDecoder().decode(sealed.substring(16))), StandardCharsets.UTF_8);
    }
}
