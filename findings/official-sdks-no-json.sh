#!/usr/bin/env bash
# The cloud's official SDKs get a page of HTML in place of JSON, as a proxy's log-in page is.
#
# Versions: huaweicloudsdkiam 3.1.219 (Python), @huaweicloud/huaweicloud-sdk-iam 3.1.172 with core 3.1.211 (Node).
# Tried:    both list their projects at a server here that answers with status 200 and, in turn, two projects, a page of
#           HTML as text/html, and an array in JSON.
# Guess:    two projects, then two errors, since the answers cannot be read as the promised object.
# Seen:     no error in any case. For the page both return a success without projects, the same as an empty object gives.
#           For the array Python does so, too, and Node returns the array. Whether a call has reached the cloud can only be
#           seen by a member that is always there.
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
const client = IamClient.newBuilder().withCredential(credential).withEndpoint(process.argv[2]).build();
client.keystoneListProjects(new KeystoneListProjectsRequest()).then(
  (answer) => console.log(
    Array.isArray(answer) ? "the array" : answer.projects ? `${answer.projects.length} projects` : "success, no projects"),
  (error) => console.log(error.constructor.name),
);
E

cat >compare.py <<'E'
import subprocess, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkiam.v3 import IamClient, KeystoneListProjectsRequest

ANSWERS = {
    "projects": ("application/json", b'{"links":{},"projects":[{"id":"a","name":"a"},{"id":"b","name":"b"}]}'),
    "empty object": ("application/json", b"{}"),
    "page": ("text/html", b"<!DOCTYPE html><title>Log in</title>"),
    "array": ("application/json", b"[1]"),
}
EXPECTED = """\
answer        Python                Node
projects      2 projects            2 projects
empty object  success, no projects  success, no projects
page          success, no projects  success, no projects
array         success, no projects  the array
"""


class Call(BaseHTTPRequestHandler):
    def do_GET(self):
        content_type, body = ANSWERS[name]
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Call)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.server_port}"
credentials = GlobalCredentials("sample-key", "sample-secret", "sample")
client = IamClient.new_builder().with_credentials(credentials).with_endpoint(endpoint).build()


def python():
    try:
        projects = client.keystone_list_projects(KeystoneListProjectsRequest()).projects
        return f"{len(projects)} projects" if projects else "success, no projects"
    except Exception as error:
        return type(error).__name__


def node():
    call = subprocess.run(["node", "call.js", endpoint], check=True, timeout=60, capture_output=True, text=True)
    return call.stdout.splitlines()[-1]


table = f"{'answer':<14}{'Python':<22}Node\n"
for name in ANSWERS:
    table += f"{name:<14}{python():<22}{node()}\n"
print(table, end="")
if table != EXPECTED:
    raise SystemExit("The behavior changed.")
E

echo "huaweicloudsdkiam 3.1.219 and @huaweicloud/huaweicloud-sdk-iam 3.1.172: projects, from answers with status 200"
echo "guess: an error for a page and for an array; seen:"
venv/bin/python compare.py
