#!/usr/bin/env bash
# A table of records or reservations whose state is one of four words, as a CHECK, on SQLite.
#
# Versions: SQLite 3.53.1, in apsw 3.53.1.0.
# Tried:    the same INSERT on three tables: without a CHECK, with `state IN ('a', 'b', 'c', 'd')`, and with four comparisons
#           joined with OR.
# Guess:    both checks compare with four constants, and cost a few nanoseconds beside writing a row.
# Seen:     the list becomes a b-tree that every INSERT of a row fills with the four words before it looks one up: the row takes
#           four times as long to insert. Comparisons joined with OR cost nothing that can be measured.
# Needs:    python3, PyPI.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check apsw==3.53.1.0

cat >check.py <<'P'
import sys
import time

import apsw

WORDS = ["held", "committed", "cancelled", "ended"]
CHECKS = {
    "no CHECK": "",
    "IN": "CHECK (state IN (%s))" % ", ".join(f"'{word}'" for word in WORDS),
    "OR": "CHECK (%s)" % " OR ".join(f"state = '{word}'" for word in WORDS),
}
INSERT = "INSERT INTO record (state) VALUES (?)"
ROWS = 200_000

print("SQLite", apsw.sqlitelibversion())
filled = {}
for name, check in CHECKS.items():
    database = apsw.Connection(":memory:")
    database.execute(f"CREATE TABLE record (id INTEGER PRIMARY KEY, state TEXT NOT NULL {check})")
    program = [step[1] for step in database.execute("EXPLAIN " + INSERT, ("held",))]
    filled[name] = (program.count("OpenEphemeral"), program.count("IdxInsert"), "Once" in program)
    database.execute("BEGIN")
    start = time.perf_counter()
    database.executemany(INSERT, [("held",)] * ROWS)
    took = (time.perf_counter() - start) / ROWS * 1e6
    print(f"{name}: {took:.2f} us a row; b-trees made for each INSERT, words put in, made only once: {filled[name]}")

expected = {"no CHECK": (0, 0, False), "IN": (1, len(WORDS), False), "OR": (0, 0, False)}
sys.exit(0 if filled == expected else "CHANGED: the statements do something else now")
P
venv/bin/python check.py
