#!/usr/bin/env bash
# What a handler for Fetch's `Request` sees of a signed query on Deno and on Bun, and how their answers write `Body-Sign`.
#
# Versions: deno 2.9.6, bun 1.4.5, both from npm.
# Tried:    a call with an apostrophe, which a query may hold as it is, and a path with a dot segment; an answer by
#           `new Response` with a header.
# Guess:    on both `request.url` is a parsed URL (`%27`, no dot segment), and the header is sent as `body-sign`, both as
#           Fetch defines it.
# Seen:     Deno gives the target as it was received, host and dots included; only Bun parses it. Both send `Body-Sign`.
# Needs:    npm, python3.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . deno@2.9.6 bun@1.4.5

cat >server.mjs <<'E2'
const answer = (request) => new Response(request.url, { headers: { "Body-Sign": "sample" } });
const port = globalThis.Bun
  ? Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer }).port
  : Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer).addr.port;
console.log(port);
E2

cat >call.py <<'E2'
import re, socket, sys
call = b"GET /saas/./produce?customerName=it's&expireTime=20260101000000 HTTP/1.1\r\n"
server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
server.sendall(call + b"Host: Shop.example:80\r\nConnection: close\r\n\r\n")
answer = b"".join(iter(lambda: server.recv(4096), b"")).decode()
head, url = answer.split("\r\n\r\n", 1)
print(re.search("(?im)^body-sign(?=:)", head).group(), url)
E2

seen() {
  "$@" server.mjs >port &
  server=$!
  for _ in $(seq 100); do
    test -s port && break
    sleep 0.2
  done
  python3 call.py "$(head -n 1 port)"
  kill "$server"
  wait "$server" 2>/dev/null || true
}

echo "deno 2.9.6 and bun 1.4.5; guess, for both: body-sign http://shop.example/saas/produce?customerName=it%27s&..."
deno=$(seen node_modules/.bin/deno run --quiet --allow-net)
bun=$(seen node_modules/.bin/bun)
printf 'seen on Deno: %s\nseen on Bun:  %s\n' "$deno" "$bun"
query="&expireTime=20260101000000"
if [ "$deno" != "Body-Sign http://Shop.example:80/saas/./produce?customerName=it's$query" ] ||
  [ "$bun" != "Body-Sign http://shop.example/saas/produce?customerName=it%27s$query" ]; then
  echo "The behavior changed."
  exit 1
fi
