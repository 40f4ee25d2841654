#!/usr/bin/env bash
# A call with a body that is larger than `request_body max_size`, on a Caddy in front of a server. Lists of the Kit are large.
#
# Versions: Caddy 2.6.2, the package of Debian 12.
# Tried:    a body of 20 bytes where 10 are allowed, with `respond` and with `reverse_proxy` behind the same limit.
# Guess:    413, as nginx answers, and the server behind is not asked.
# Seen:     502 in front of a server, as if that were down: nothing says that the body is too large. `respond` never reads
#           the body, and answers 200.
# Needs:    apt-get of Debian 12 (amd64 or arm64), python3.
set -euo pipefail

folder=$(mktemp -d) processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
# Not installed: only taken out of its package.
apt-get download caddy=2.6.2-5 >/dev/null 2>&1
dpkg -x caddy_*.deb .

cat >server.py <<'P'
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
P
python3 server.py >port 2>/dev/null &
processes+=($!)
until [ -s port ]; do sleep 0.1; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat >Caddyfile <<C
{
	admin off
	auto_https off
}
http://127.0.0.1:$port {
	request_body {
		max_size 10B
	}
	respond /respond 200
	reverse_proxy 127.0.0.1:$(cat port)
}
C
XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder usr/bin/caddy run --adapter caddyfile --config Caddyfile >/dev/null 2>log &
processes+=($!)
until (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null; do kill -0 "${processes[1]}"; sleep 0.1; done

status() { # path, bytes
  python3 - "$port" "$1" "$2" <<'P'
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
connection.request("POST", sys.argv[2], b"x" * int(sys.argv[3]))
print(connection.getresponse().status)
P
}

usr/bin/caddy version
echo "guess: 413 for 20 bytes in front of a server; seen:"
seen="proxied, 10 bytes: $(status / 10)
proxied, 20 bytes: $(status / 20)
respond, 20 bytes: $(status /respond 20)"
echo "$seen"
expected="proxied, 10 bytes: 200
proxied, 20 bytes: 502
respond, 20 bytes: 200"
[ "$seen" = "$expected" ] || { echo "The behavior changed." >&2; exit 1; }
