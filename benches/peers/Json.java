import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.util.Map;
import java.util.TreeMap;

/** What the samples do with Jackson: the body into a sorted map, and back into text that is signed. */
final class Json {
    private static final ObjectMapper MAPPER = new ObjectMapper()
            .setSerializationInclusion(JsonInclude.Include.NON_NULL)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    private static final ObjectReader READER = MAPPER.readerFor(NewInstance.class);

    private Json() {}

    /** A purchase, as the tuned program reads it. */
    public static final class NewInstance {
        public String activity;
        public String businessId;
        public String orderId;
        public String orderLineId;
        public String productId;
        public String testFlag;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> map(String body) throws Exception {
        return MAPPER.readValue(body, TreeMap.class);
    }

    static String text(Map<String, Object> members) throws Exception {
        return MAPPER.writeValueAsString(members);
    }

    static NewInstance read(byte[] body) throws Exception {
        return READER.readValue(body);
    }
}
