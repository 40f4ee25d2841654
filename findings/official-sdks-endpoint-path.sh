#!/usr/bin/env bash
# The cloud's official SDKs get an endpoint with a slash at its end, or with a path, as a gateway or a mock has.
#
# Versions: huaweicloudsdkiam 3.1.219 (Python), @huaweicloud/huaweicloud-sdk-iam 3.1.172 with core 3.1.211 (Node).
# Tried:    both list their projects at four endpoints; a server here notes the path called, and for which path the
#           signature fits by the published rules of SDK-HMAC-SHA256.
# Guess:    a slash at the end makes no difference; a path is kept and signed by both.
# Seen:     Python drops the endpoint's path: it calls /v3/projects in place of /gate/v3/projects, without a word. Node keeps
#           it. With a slash at the end Node calls /v3/projects but signs //v3/projects, so that no signature fits.
# Needs:    python3, node (seen with 20), npm. The Node SDK's ClientBuilder loads `uuid` without declaring it, so it is
#           installed too.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check \
  huaweicloudsdkiam==3.1.219 huaweicloudsdkcore==3.1.219 requests==2.34.2 urllib3==2.8.0
npm install --silent --no-audit --no-fund --prefix . \
  @huaweicloud/huaweicloud-sdk-iam@3.1.172 @huaweicloud/huaweicloud-sdk-core@3.1.211 axios@1.21.1 uuid@9.0.1
export HOME=$folder # both SDKs keep an id of the application there

cat >call.js <<'E'
const { GlobalCredentials } = require("@huaweicloud/huaweicloud-sdk-core");
const { IamClient, KeystoneListProjectsRequest } = require("@huaweicloud/huaweicloud-sdk-iam/v3/public-api");

const credential = new GlobalCredentials().withAk("sample-key").withSk("sample-secret").withDomainId("sample");
IamClient.newBuilder().withCredential(credential).withEndpoint(process.argv[2]).build()
  .keystoneListProjects(new KeystoneListProjectsRequest());
E

cat >compare.py <<'E'
import hashlib, hmac, re, subprocess, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkiam.v3 import IamClient, KeystoneListProjectsRequest

EXPECTED = """\
endpoint     Python                      Node
host         /v3/projects, fits          /v3/projects, fits
host/        /v3/projects, fits          /v3/projects, signed //v3/projects
host/gate    /v3/projects, fits          /gate/v3/projects, fits
host/gate/   /v3/projects, fits          /gate/v3/projects, signed /gate//v3/projects
"""


def signature(call, path):
    headers = {name.lower(): value.strip() for name, value in call.headers.items()}
    signed = re.search("SignedHeaders=([^,]*)", headers["authorization"])[1]
    lines = "".join(f"{name}:{headers[name]}\n" for name in signed.split(";"))
    canonical = "\n".join([call.command, path + "/", "", lines, signed, hashlib.sha256(b"").hexdigest()])
    text = "\n".join(["SDK-HMAC-SHA256", headers["x-sdk-date"], hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(b"sample-secret", text.encode(), hashlib.sha256).hexdigest()


class Call(BaseHTTPRequestHandler):
    def do_GET(self):
        paths = self.path, self.path.replace("/v3", "//v3")
        fits = [path for path in paths if self.headers["Authorization"][-64:] == signature(self, path)]
        verdict = "fits no path" if not fits else "fits" if fits[0] == self.path else f"signed {fits[0]}"
        seen.append(f"{self.path}, {verdict}")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"links":{},"projects":[]}')

    def log_message(self, *_):
        pass


seen = []
server = HTTPServer(("127.0.0.1", 0), Call)
threading.Thread(target=server.serve_forever, daemon=True).start()
credentials = GlobalCredentials("sample-key", "sample-secret", "sample")

table = f"{'endpoint':<13}{'Python':<28}Node\n"
for path in ("", "/", "/gate", "/gate/"):
    endpoint = f"http://127.0.0.1:{server.server_port}{path}"
    client = IamClient.new_builder().with_credentials(credentials).with_endpoint(endpoint).build()
    client.keystone_list_projects(KeystoneListProjectsRequest())
    subprocess.run(["node", "call.js", endpoint], check=True, timeout=60)
    python, node = seen[-2:]
    table += f"{'host' + path:<13}{python:<28}{node}\n"
print(table, end="")
if table != EXPECTED:
    raise SystemExit("The behavior changed.")
E

echo "huaweicloudsdkiam 3.1.219 and @huaweicloud/huaweicloud-sdk-iam 3.1.172: the path called, and does the signature fit it?"
echo "guess: a slash at the end makes no difference, and both keep and sign /gate; seen:"
venv/bin/python compare.py
