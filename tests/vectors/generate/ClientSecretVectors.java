// Writes tests/vectors/java/client_secret.json: client secrets encrypted with RSA-OAEP by Java.
//
// Run by client_secret.py. OAEP is random, so every run writes other ciphertexts; that they are
// right is checked by decrypting them with openssl.

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;

public class ClientSecretVectors {

    static final Path VECTORS = Path.of("tests/vectors");
    static final String[] SECRETS = {
        "0f8fad5b-d9cb-469f-a165-70867728950e", "s3cr3t", "", "+/=& \\u5bc6\\u94a5", "a".repeat(190)
    };

    public static void main(String[] args) throws GeneralSecurityException, IOException {
        List<String> entries = new ArrayList<>();
        for (String key : new String[] {"test_rsa_3072", "test_rsa_4096_pkcs1"}) {
            PublicKey publicKey = publicKey(key);
            for (String variation : new String[] {"sha256_mgf1sha1", "sha256", "sha1"}) {
                for (String secret : SECRETS) {
                    byte[] plaintext = unescaped(secret).getBytes(StandardCharsets.UTF_8);
                    byte[] ciphertext = cipher(variation, publicKey).doFinal(plaintext);
                    boolean hex = entries.size() % 2 == 1;
                    entries.add(String.format(
                            "  {\n    \"key\": \"%s\",\n    \"variation\": \"%s\",\n    \"secret\": \"%s\",\n"
                            + "    \"ciphertext\": \"%s\"\n  }",
                            key, variation, secret,
                            hex ? HexFormat.of().formatHex(ciphertext)
                                : Base64.getEncoder().encodeToString(ciphertext)));
                }
            }
        }
        Files.writeString(VECTORS.resolve("java/client_secret.json"), "[\n" + String.join(",\n", entries) + "\n]\n");
    }

    static Cipher cipher(String variation, PublicKey key) throws GeneralSecurityException {
        switch (variation) {
            case "sha256_mgf1sha1": {
                Cipher cipher = Cipher.getInstance("RSA/ECB/OAEPWithSHA-256AndMGF1Padding");
                cipher.init(Cipher.ENCRYPT_MODE, key);
                return cipher;
            }
            case "sha256": {
                Cipher cipher = Cipher.getInstance("RSA/ECB/OAEPWithSHA-256AndMGF1Padding");
                cipher.init(Cipher.ENCRYPT_MODE, key, new OAEPParameterSpec(
                        "SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT));
                return cipher;
            }
            default: {
                Cipher cipher = Cipher.getInstance("RSA/ECB/OAEPPadding");
                cipher.init(Cipher.ENCRYPT_MODE, key);
                return cipher;
            }
        }
    }

    /** The key in the console's form, as the marketplace gets it. */
    static PublicKey publicKey(String name) throws GeneralSecurityException, IOException {
        String base64 = Files.readString(VECTORS.resolve("keys/" + name + ".public.txt")).strip();
        return KeyFactory.getInstance("RSA")
                .generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(base64)));
    }

    /** The text of a JSON string that has no other escapes than Unicode ones. */
    static String unescaped(String json) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < json.length(); i++) {
            if (json.charAt(i) == '\\') {
                text.append((char) Integer.parseInt(json.substring(i + 2, i + 6), 16));
                i += 5;
            } else {
                text.append(json.charAt(i));
            }
        }
        return text.toString();
    }
}
