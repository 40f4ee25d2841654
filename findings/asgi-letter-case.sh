#!/usr/bin/env bash
# The letter case in which Python's ASGI servers write a header of an answer, such as `Body-Sign`.
#
# Versions: uvicorn 0.54.0 with h11 0.16.0 and with httptools 0.9.0, Hypercorn 0.18.0, Daphne 4.2.3 with Twisted 26.10.0,
#           granian 2.8.9.
# Tried:    one application answers with the raw header `Body-Sign` on one path and `body-sign` on another, which is what
#           Starlette and FastAPI make of every name.
# Guess:    every server writes the bytes that it was given, as both parsers of uvicorn are documented as alike.
# Seen:     only uvicorn with h11 and Hypercorn do. uvicorn with httptools, which it takes where that is installed, and
#           granian write small letters in both cases, so that no application can write `Body-Sign` there. Daphne writes
#           `Body-Sign` in both cases, so that there every application does.
# Needs:    python3, curl.
set -euo pipefail

folder=$(mktemp -d) server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check uvicorn==0.54.0 h11==0.16.0 httptools==0.9.0 Hypercorn==0.18.0 \
  daphne==4.2.3 Twisted==26.10.0 granian==2.8.9

cat >app.py <<'E'
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": event + ".complete"})
            if event == "lifespan.shutdown":
                return
    await receive()
    name = b"Body-Sign" if scope["path"] == "/capitals" else b"body-sign"
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2"), (name, b"x")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})
E

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
seen() { # name of the server, its command
  local name=$1 path
  shift
  "$@" >server.log 2>&1 &
  server=$!
  for _ in $(seq 100); do
    curl -s -o answer "http://127.0.0.1:$port/" && break
    sleep 0.2
  done
  printf '%s:' "$name"
  for path in capitals small; do
    printf ' %s' "$(curl -s -i --http1.1 "http://127.0.0.1:$port/$path" | grep -i '^body-sign' | cut -d: -f1)"
  done
  printf '\n'
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=
}

{
  seen "uvicorn with h11" venv/bin/uvicorn --http h11 --port "$port" app:app
  seen "uvicorn with httptools" venv/bin/uvicorn --http httptools --port "$port" app:app
  seen "Hypercorn" venv/bin/hypercorn -b "127.0.0.1:$port" app:app
  seen "Daphne" venv/bin/daphne -b 127.0.0.1 -p "$port" app:app
  seen "granian" venv/bin/granian --interface asgi --host 127.0.0.1 --port "$port" app:app
} >seen

cat >expected <<'E'
uvicorn with h11: Body-Sign body-sign
uvicorn with httptools: body-sign body-sign
Hypercorn: Body-Sign body-sign
Daphne: Body-Sign Body-Sign
granian: body-sign body-sign
E
echo "Given Body-Sign and body-sign, the servers write:"
cat seen
diff expected seen && echo "As described above."
