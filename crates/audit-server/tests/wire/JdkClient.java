import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** The JDK's HttpClient as it is by default, which offers h2c over plain HTTP: java JdkClient.java URL KEY. */
public class JdkClient {
    static String url, key;

    static HttpRequest request(HttpRequest.BodyPublisher body, String type) {
        return HttpRequest.newBuilder(URI.create(url)).header("Authorization", "Token " + key).header("Content-Type", type).POST(body).build();
    }

    static String send(HttpClient client, HttpRequest request) {
        try {
            return "" + client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
        } catch (Exception error) {
            return error.toString();
        }
    }

    public static void main(String[] arguments) throws Exception {
        url = arguments[0];
        key = arguments[1];
        HttpClient client = HttpClient.newHttpClient();
        Map<String, Integer> answers = new TreeMap<>();
        for (int i = 0; i < 400; i++) {
            answers.merge(send(client, request(BodyPublishers.ofString("{\"action\":\"ONE\"}"), "application/json")), 1, Integer::sum);
        }
        System.out.println("sequential " + answers);
        answers = new TreeMap<>();
        for (int i = 0; i < 50; i++) {
            byte[] event = "{\"action\":\"CHUNKED\"}".getBytes();
            HttpRequest.BodyPublisher body = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(event));
            answers.merge(send(client, request(body, "application/json")), 1, Integer::sum);
        }
        System.out.println("chunked " + answers);
        answers = new TreeMap<>();
        List<CompletableFuture<String>> open = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            HttpRequest request = request(BodyPublishers.ofString("{\"action\":\"MANY\"}\n".repeat(50)), "application/x-ndjson");
            open.add(client.sendAsync(request, HttpResponse.BodyHandlers.ofString()).handle((answer, error) -> error != null ? error.toString() : "" + answer.statusCode()));
        }
        for (CompletableFuture<String> answer : open) {
            answers.merge(answer.get(), 1, Integer::sum);
        }
        System.out.println("parallel " + answers);
    }
}
