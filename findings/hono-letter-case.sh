#!/usr/bin/env bash
# The letter case of `Body-Sign`, which the marketplace's V1.0 interface documents as case-sensitive, on a Hono server.
#
# Versions: hono 4.13.19 with @hono/node-server 2.1.9.
# Tried:    the same header set in five ways; the bytes of the answer are read from the socket.
# Guess:    always `body-sign`, since the names of Fetch's Headers are in lower case.
# Seen:     `new Response` and `c.body` send `Body-Sign`, `c.json` and `c.header` send `body-sign`. And `new Response`
#           sends `body-sign` as soon as a middleware has read any header of the answer, without changing one.
# Needs:    node (seen with 20), npm.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . hono@4.13.19 @hono/node-server@2.1.9

cat >case.mjs <<'E'
import net from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const headers = { "Body-Sign": "sample" };
const app = new Hono();
app.get("/new-response", () => new Response("{}", { headers }));
app.get("/c.body", (c) => c.body("{}", 200, headers));
app.get("/c.json", (c) => c.json({}, 200, headers));
app.get("/c.header", (c) => { c.header("Body-Sign", "sample"); return c.body("{}"); });
app.use("/new-response-looked-at", async (c, next) => { await next(); c.res.headers.get("Content-Type"); });
app.get("/new-response-looked-at", () => new Response("{}", { headers }));

const expected = `/new-response: Body-Sign
/c.body: Body-Sign
/c.json: body-sign
/c.header: body-sign
/new-response-looked-at: body-sign
`;

const sent = (port, path) => new Promise((resolve, reject) => {
  const socket = net.connect(port, "127.0.0.1");
  let answer = "";
  socket.on("data", (data) => { answer += data; });
  socket.on("error", reject);
  socket.on("close", () => resolve(answer.match(/^body-sign(?=:)/im)?.[0] ?? "none"));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
});

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, async ({ port }) => {
  let seen = "";
  for (const { path } of app.routes.filter(({ method }) => method === "GET")) {
    seen += `${path}: ${await sent(port, path)}\n`;
  }
  process.stdout.write(seen);
  server.close();
  if (seen !== expected) {
    console.error("The behavior changed.");
    process.exitCode = 1;
  }
});
E

echo "hono 4.13.19 with @hono/node-server 2.1.9, \`Body-Sign\` set in five ways"
echo "guess: body-sign in all of them; seen:"
timeout 60 node case.mjs
