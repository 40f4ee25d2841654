#!/usr/bin/env bash
# The cloud's official SDKs sign one request.
#
# Versions: huaweicloudsdkcore 3.1.219 (Python), @huaweicloud/huaweicloud-sdk-core 3.1.211 (Node).
# Tried:    both send the same six valid requests to a server here. It computes SDK-HMAC-SHA256 by the published rules
#           from what arrived; if that is not the signature, it computes it with one thing read otherwise.
# Guess:    both SDKs agree, and each signs what it sends.
# Seen:     they agree on the plain request alone.
#           Python orders a list of numbers by size (9 before 10), Node orders their texts.
#           Node encodes an encoded path once more and keeps the blanks around a header's value. For a body given as
#           text it signs the JSON string of that text, but sends the text. It signs a header with an underscore, which
#           Python leaves out, and there orders the list of names by character code but their lines by locale.
# Needs:    python3, node (seen with 20), npm. The Node SDK's ClientBuilder loads `uuid` without declaring it, so it is
#           installed too.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check huaweicloudsdkcore==3.1.219 requests==2.34.2 urllib3==2.8.0
npm install --silent --no-audit --no-fund --prefix . @huaweicloud/huaweicloud-sdk-core@3.1.211 axios@1.21.1 uuid@9.0.1
export HOME=$folder # both SDKs keep an id of the application there

cat >call.js <<'E'
const sdk = require("@huaweicloud/huaweicloud-sdk-core");
const { ClientBuilder } = require("@huaweicloud/huaweicloud-sdk-core/ClientBuilder");

const credential = new sdk.GlobalCredentials().withAk("sample-key").withSk("sample-secret").withDomainId("sample");
const client = new ClientBuilder((it) => it, "GlobalCredentials")
  .withCredential(credential).withEndpoint(process.argv[2]).build();
const call = (url, more) => client.sendRequest({
  method: "GET", url, pathParams: {}, queryParams: {}, headers: {}, contentType: "application/json", ...more });

(async () => {
  await call("/plain", { queryParams: { id: "1" } });
  await call("/numbers", { queryParams: { id: [10, 9] } });
  await call("/path/{name}", { pathParams: { name: "a b" } });
  await call("/blanks", { headers: { "X-Note": "  a  " } });
  await call("/underscore", { headers: { X_Note: "a" } });
  await call("/text", { method: "POST", data: '{"a":1}' });
})();
E

cat >compare.py <<'E'
import hashlib, hmac, json, re, subprocess, threading, types
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import quote, unquote, urlsplit
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.client import Client, ClientBuilder
from huaweicloudsdkcore.sdk_response import SdkResponse

# What is read otherwise, for each request.
OTHER = {
    "numbers": "by size", "path": "encoded twice", "blanks": "kept",
    "underscore": "signed, in another place", "text": "as a JSON string",
}
EXPECTED = """\
request     Python   Node
plain       fits     fits
numbers     by size  fits
path        fits     encoded twice
blanks      fits     kept
underscore  fits     signed, in another place
text        fits     as a JSON string
"""


def encode(text):
    return quote(text, safe="~")


def signature(call, other):
    url = urlsplit(call.path)
    path = "/".join(encode(unquote(part)) for part in url.path.split("/")) + "/"
    query = sorted(tuple(map(unquote, pair.split("="))) for pair in url.query.split("&") if pair)
    headers = {name.lower(): value.strip() for name, value in call.headers.items()}
    signed = re.search("SignedHeaders=([^,]*)", headers["authorization"])[1]
    lines = signed.split(";")
    body = call.body
    if other == "by size":
        query.sort(key=lambda pair: int(pair[1]))
    elif other == "encoded twice":
        path = path.replace("%", "%25")
    elif other == "kept":
        headers["x-note"] = "  a  "
    elif other == "signed, in another place":
        lines.sort(key=lambda name: name.replace("_", " "))
    elif other == "as a JSON string":
        body = json.dumps(body.decode()).encode()
    canonical = "\n".join([
        call.command, path, "&".join(encode(name) + "=" + encode(value) for name, value in query),
        "".join(f"{name}:{headers[name]}\n" for name in lines), signed, hashlib.sha256(body).hexdigest()])
    text = "\n".join(["SDK-HMAC-SHA256", headers["x-sdk-date"], hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(b"sample-secret", text.encode(), hashlib.sha256).hexdigest()


class Call(BaseHTTPRequestHandler):
    def do_GET(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.split("?")[0].split("/")[1]
        given = self.headers["Authorization"][-64:]
        fits = [other for other in ("fits", OTHER.get(name)) if given == signature(self, other)]
        seen.setdefault(name, []).append(fits[0] if fits else "neither")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *_):
        pass


seen = {}
server = HTTPServer(("127.0.0.1", 0), Call)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.server_port}"

credentials = GlobalCredentials("sample-key", "sample-secret", "sample")
client = ClientBuilder(Client, "GlobalCredentials").with_credentials(credentials).with_endpoint(endpoint).build()


class Answer(SdkResponse):
    openapi_types = attribute_map = {}


client.model_package = types.SimpleNamespace(Answer=Answer)


def call(path, method="GET", **more):
    client.do_http_request(method, path, response_type="Answer", **more)


call("/plain", query_params=[("id", "1")])
call("/numbers", query_params=[("id", [10, 9])])
call("/path/{name}", path_params={"name": "a b"})
call("/blanks", header_params={"X-Note": "  a  "})
call("/underscore", header_params={"X_Note": "a"})
call("/text", "POST", body='{"a":1}')
subprocess.run(["node", "call.js", endpoint], check=True, timeout=60)

rows = [("request", ("Python", "Node")), *seen.items()]
table = "".join(f"{name:<12}{python:<9}{node}\n" for name, (python, node) in rows)
print(table, end="")
if table != EXPECTED:
    raise SystemExit("The behavior changed.")
E

echo "huaweicloudsdkcore 3.1.219 and @huaweicloud/huaweicloud-sdk-core 3.1.211: does the signature fit what arrived?"
echo "guess: it fits in all rows; seen, with what it was computed over instead:"
venv/bin/python compare.py
