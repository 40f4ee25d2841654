import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures both ways. Its argument is a file with a name and a value on each line; it prints a line of JSON for each row.
 */
public final class Peer {
    private static Object sink;

    private Peer() {}

    interface Work {
        Object run() throws Exception;
    }

    static final class Row {
        final String group;
        final String by;
        final Work work;
        final List<Double> samples = new ArrayList<>();
        int batch = 1;

        Row(String group, String by, Work work) {
            this.group = group;
            this.by = by;
            this.work = work;
        }

        double nanoseconds() throws Exception {
            long began = System.nanoTime();
            for (int index = 0; index < batch; index++) {
                sink = work.run();
            }
            return (System.nanoTime() - began) / (double) batch;
        }
    }

    static void check(boolean isRight, String what) {
        if (!isRight) {
            throw new IllegalStateException(what + " differs from what the crate computes");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> input = input(Path.of(arguments[0]));
        List<Row> rows = rows(input);
        long warmUp = Long.parseLong(input.get("warm_up_ms"));
        long sample = Long.parseLong(input.get("sample_us")) * 1000;
        for (Row row : rows) {
            long end = System.nanoTime() + warmUp * 1_000_000;
            double cost = 1;
            while (System.nanoTime() < end) {
                cost = row.nanoseconds();
                row.batch = (int) Math.max(1, Math.min(100_000, sample / cost));
            }
        }
        int rounds = Integer.parseInt(input.get("rounds"));
        for (int round = 0; round < rounds; round++) {
            for (Row row : rows) {
                row.samples.add(row.nanoseconds());
            }
        }
        for (Row row : rows) {
            double[] sorted = row.samples.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            System.out.printf("{\"group\":\"%s\",\"by\":\"%s\",\"median\":%.1f,\"best\":%.1f}%n", row.group, row.by,
                    sorted[sorted.length / 2], sorted[0]);
        }
    }

    private static Map<String, String> input(Path path) throws IOException {
        Map<String, String> input = new HashMap<>();
        for (String line : Files.readAllLines(path)) {
            int space = line.indexOf(' ');
            input.put(line.substring(0, space), line.substring(space + 1));
        }
        return input;
    }

    private static List<Row> rows(Map<String, String> input) throws Exception {
        String sample = "Java, as in the samples";
        String tuned = "Java, tuned";
        String key = input.get("key");
        String v2Query = input.get("v2_query");
        String body = input.get("body");
        String query = input.get("v1_query");
        String answer = input.get("answer");
        String plain = input.get("plain");
        String sealed = input.get("sealed");
        byte[] bodyBytes = body.getBytes(StandardCharsets.UTF_8);
        byte[] answerBytes = answer.getBytes(StandardCharsets.UTF_8);
        Tuned fast = new Tuned(key);

        check(Samples.verifyV2(key, Query.parameters(v2Query), body), "V2.0");
        check(!Samples.verifyV2(key, Query.parameters(v2Query), body + " "), "a changed body");
        check(fast.verifyV2(v2Query, bodyBytes), "V2.0, tuned");
        check(!fast.verifyV2(v2Query, answerBytes), "a changed body, tuned");
        check(Samples.verifyV1(key, Query.parameters(query)), "V1.0");
        check(fast.verifyV1(query), "V1.0, tuned");
        check(Samples.bodySign(key, answer).equals(input.get("body_sign")), "Body-Sign");
        check(fast.bodySign(answerBytes).equals(input.get("body_sign")), "Body-Sign, tuned");
        check(Samples.decrypt(key, sealed).equals(plain), "decryption");
        check(fast.decrypt(fast.encrypt(plain)).equals(plain), "decryption, tuned");
        check(Samples.decrypt(key, Samples.encrypt(key, plain)).equals(plain), "encryption");

        List<Row> rows = new ArrayList<>(Arrays.asList(
                new Row("v2-verify", sample, () -> Samples.verifyV2(key, Query.parameters(v2Query), body)),
                new Row("v2-verify", tuned, () -> fast.verifyV2(v2Query, bodyBytes)),
                new Row("v1-exchange", sample,
                        () -> Samples.verifyV1(key, Query.parameters(query)) ? Samples.bodySign(key, answer) : null),
                new Row("v1-exchange", tuned, () -> fast.verifyV1(query) ? fast.bodySign(answerBytes) : null),
                new Row("body-sign", sample, () -> Samples.bodySign(key, answer)),
                new Row("body-sign", tuned, () -> fast.bodySign(answerBytes)),
                new Row("encrypt-new-key", sample, () -> Samples.encrypt(key, plain)),
                new Row("encrypt-kept-key", tuned, () -> fast.encrypt(plain)),
                new Row("decrypt-new-key", sample, () -> Samples.decrypt(key, sealed)),
                new Row("decrypt-kept-key", tuned, () -> fast.decrypt(sealed))));
        if (Boolean.parseBoolean(input.get("jackson"))) {
            check(Json.text(Json.map(body)).equals(body), "the canonical form");
            check(Json.read(bodyBytes).orderId.equals(Json.map(body).get("orderId")), "the order");
            rows.add(new Row("v2-read", sample, () -> {
                Map<String, Object> members = Json.map(body);
                return Samples.verifyV2(key, Query.parameters(v2Query), Json.text(members)) ? members : null;
            }));
            rows.add(new Row("v2-read", tuned, () ->
                    fast.verifyV2(v2Query, bodyBytes) ? Json.read(bodyBytes) : null));
            rows.add(new Row("v2-canonical", sample, () -> Json.text(Json.map(body))));
        }
        return rows;
    }
}
