#!/usr/bin/env bash
# The cloud's official Python SDK repeats a refused call.
#
# Versions: huaweicloudsdkcore 3.1.219 with requests 2.34.2 and urllib3 2.8.0.
# Tried:    a client with retry_times=2 against a server here that answers the first call with 429 and `Retry-After: 2`.
# Guess:    the SDK signs the repeated call again, with the new time.
# Seen:     the call is repeated after two seconds with the old X-Sdk-Date and the old signature, because the HTTP library
#           below the signer repeats it. A long Retry-After uses up the 15 minutes for which a signature is valid.
# Needs:    python3.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check huaweicloudsdkcore==3.1.219 requests==2.34.2 urllib3==2.8.0
export HOME=$folder # the SDK keeps an id of the application there

cat >repeat.py <<'E'
import threading, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.client import Client, ClientBuilder
from huaweicloudsdkcore.http.http_config import HttpConfig

EXPECTED = "2 calls, waited: True, same X-Sdk-Date: True, same Authorization: True"


class Call(BaseHTTPRequestHandler):
    def do_GET(self):
        calls.append((time.monotonic(), self.headers["X-Sdk-Date"], self.headers["Authorization"]))
        self.send_response(429 if len(calls) == 1 else 200)
        self.send_header("Retry-After", "2")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"null")

    def log_message(self, *_):
        pass


calls = []
server = HTTPServer(("127.0.0.1", 0), Call)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = (
    ClientBuilder(Client, "GlobalCredentials")
    .with_credentials(GlobalCredentials("sample-key", "sample-secret", "sample"))
    .with_endpoint(f"http://127.0.0.1:{server.server_port}")
    .with_http_config(HttpConfig(retry_times=2))
    .build()
)
client.do_http_request("GET", "/order")
(first, date, signature), (last, last_date, last_signature) = calls[0], calls[-1]
report = (
    f"{len(calls)} calls, waited: {last - first >= 2}, same X-Sdk-Date: {date == last_date}, "
    f"same Authorization: {signature == last_signature}"
)
print(report)
if report != EXPECTED:
    raise SystemExit("The behavior changed.")
E

echo "huaweicloudsdkcore 3.1.219, retry_times=2, first answer 429 with Retry-After: 2"
echo "guess: the second call is signed again with the new time; seen:"
venv/bin/python repeat.py
