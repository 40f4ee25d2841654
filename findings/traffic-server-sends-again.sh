#!/usr/bin/env bash
# A V1.0 callback, a GET that buys something, through a proxy in front of a server that dies over it.
#
# Versions: Apache Traffic Server 9.2.9, the package 9.2.5+ds-0+deb12u4 of Debian 12.
# Tried:    a GET and a POST to a server that reads the request and closes the connection without an answer, as one that is
#           killed over a call.
# Guess:    502 at once: the request was sent, so the proxy cannot know whether it was carried out. At most once more for GET.
# Seen:     the server gets the GET four times, under settings that are called attempts to connect
#           (`connect_attempts_max_retries`, 3), and then the caller 502. The POST is sent once.
# Needs:    apt-get of Debian 12 (amd64 or arm64), python3.
set -euo pipefail

folder=$(mktemp -d) processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
# Not installed: only taken out of their packages.
apt-get download trafficserver=9.2.5+ds-0+deb12u4 libbrotli1 libhwloc15 libluajit-5.1-2 libmaxminddb0 libpcre3 libunwind8 \
  libyaml-cpp0.7 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" .; done
libraries=$(find "$PWD/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)

cat >server.py <<'P'
import socket, threading

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)

def serve(connection):
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = connection.recv(65536)
            if not chunk:
                return
            head += chunk
        with open("received", "a") as file:
            file.write(head.split(b" ")[0].decode() + "\n")

while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
P
python3 server.py >port &
processes+=($!)
until [ -s port ]; do sleep 0.1; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

mkdir -p run log cache
cat >runroot.yaml <<C
prefix: $PWD/usr
exec_prefix: $PWD/usr
bindir: $PWD/usr/bin
sbindir: $PWD/usr/sbin
sysconfdir: $PWD/etc/trafficserver
datadir: $PWD/cache
libdir: $PWD/usr/lib/trafficserver
libexecdir: $PWD/usr/lib/trafficserver/modules
localstatedir: $PWD
runtimedir: $PWD/run
logdir: $PWD/log
cachedir: $PWD/cache
C
user=nobody
[ "$(id -u)" = 0 ] || user="#-1"
cat >etc/trafficserver/records.config <<C
CONFIG proxy.config.http.server_ports STRING $port:ip-in=127.0.0.1
CONFIG proxy.config.http.cache.http INT 0
CONFIG proxy.config.admin.user_id STRING $user
CONFIG proxy.config.log.logging_enabled INT 0
C
: >etc/trafficserver/storage.config
echo "map / http://127.0.0.1:$(cat port)/" >etc/trafficserver/remap.config
chmod -R a+rwX .
LD_LIBRARY_PATH=$libraries usr/bin/traffic_server --run-root="$PWD/runroot.yaml" >log/output 2>&1 &
processes+=($!)
until (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null; do kill -0 "${processes[1]}"; sleep 0.1; done

answer() { # method, body
  python3 - "$port" "$1" "$2" <<'P'
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
connection.request(sys.argv[2], "/saasproduce?activity=newInstance", sys.argv[3] or None)
print(connection.getresponse().status)
P
}

LD_LIBRARY_PATH=$libraries usr/bin/traffic_server --version 2>&1 | grep -m 1 "^Traffic Server"
echo "guess: 502, and the server gets each request once; seen:"
seen="GET: $(answer GET '')
POST: $(answer POST '{}')
received: $(sort received | uniq -c | xargs)"
echo "$seen"
expected="GET: 502
POST: 502
received: 4 GET 1 POST"
[ "$seen" = "$expected" ] || { echo "The behavior changed." >&2; exit 1; }
