#!/usr/bin/env bash
# Fastify's proxy in front of a server that answers 503 with `Retry-After`, as one does that is being updated. V1.0 calls
# are GETs.
#
# Versions: @fastify/http-proxy 11.6.3 (with @fastify/reply-from 12.6.5), fastify 5.12.8, without options but the upstream.
# Tried:    a GET and a POST while the server answers 503 with `Retry-After: 3`, and a GET while it closes the connection.
# Guess:    the POST arrives once; the GET again after three seconds each time, and once more after a closed connection.
# Seen:     the GET arrives eleven times within a second, since the seconds of `Retry-After` are taken for milliseconds. The
#           POST arrives once, and so does the GET whose connection is closed.
# Needs:    node (seen with 20), npm.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . \
    fastify@5.12.8 @fastify/http-proxy@11.6.3 @fastify/reply-from@12.6.5

cat >proxy.mjs <<'E'
import http from "node:http";
import proxy from "@fastify/http-proxy";
import fastify from "fastify";

const expected = `GET, 503: 11 times, within a second
POST, 503: 1 times, within a second
GET, closed: 1 times, within a second
`;

const arrived = [];
const server = http.createServer((request, response) => {
  arrived.push(Date.now());
  if (request.url === "/closed") return request.socket.destroy();
  request.resume();
  response.writeHead(503, { "Retry-After": "3" }).end();
});
await new Promise((listens) => server.listen(0, "127.0.0.1", listens));

const front = fastify();
front.register(proxy, { upstream: `http://127.0.0.1:${server.address().port}` });
const address = await front.listen({ host: "127.0.0.1", port: 0 });

let seen = "";
for (const [method, path] of [["GET", "503"], ["POST", "503"], ["GET", "closed"]]) {
  arrived.length = 0;
  const body = method === "POST" ? "{}" : undefined;
  const answer = await fetch(`${address}/${path}`, { method, body, headers: { "Content-Type": "application/json" } });
  await answer.text();
  const took = arrived.at(-1) - arrived[0];
  seen += `${method}, ${path}: ${arrived.length} times, ${took < 1000 ? "within a second" : `in ${took} ms`}\n`;
}
process.stdout.write(seen);
if (seen !== expected) {
  console.error("The behavior changed.");
  process.exitCode = 1;
}
process.exit();
E

echo "@fastify/http-proxy 11.6.3 in front of a server that answers 503 with \`Retry-After: 3\`, or closes the connection"
echo "guess: the POST arrives once, the GET again after three seconds each time, and once more after a closed connection; seen:"
timeout 60 node proxy.mjs
