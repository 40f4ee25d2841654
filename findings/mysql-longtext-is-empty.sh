#!/usr/bin/env bash
# A text that is kept in hexadecimal in a LONGTEXT, and read back with DISTINCT, on MySQL and on MariaDB in strict mode.
#
# Versions: MySQL 8.0.28 and MariaDB 10.6.7, of Ubuntu 22.04; MySQL 8.0.46 and MariaDB 10.11.19 do the same.
# Tried:    SELECT CONVERT(UNHEX(hex) USING utf8mb4) of one row; the same with DISTINCT; as INSERT INTO the table itself ...
#           ON DUPLICATE KEY UPDATE; and all of it with MEDIUMTEXT in place of LONGTEXT.
# Guess:    all of them give the text, as neither DISTINCT nor the way through a temporary table changes a value.
# Seen:     with LONGTEXT, what goes through a temporary table is the empty text, and what is stored is it too: no error, and no
#           warning about it. Half of 4 GiB as utf8mb4 is more than 32 bits count. MEDIUMTEXT is right.
# Needs:    x86-64 with glibc 2.35 or newer, curl, dpkg-deb, python3, Ubuntu's archive, PyPI.
set -euo pipefail

folder=$(mktemp -d) servers=() user=()
trap 'for server in "${servers[@]}"; do kill "$server" && wait "$server" || true; done; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
fetch() {
  curl --silent --show-error --fail --remote-name "http://archive.ubuntu.com/ubuntu/pool/$1"
  dpkg-deb --extract "$(basename "$1")" root
}
fetch main/m/mysql-8.0/mysql-server-core-8.0_8.0.28-0ubuntu4_amd64.deb
fetch main/liba/libaio/libaio1_0.3.112-13build1_amd64.deb
fetch main/libe/libevent/libevent-core-2.1-7_2.1.12-stable-1build3_amd64.deb
fetch main/libe/libevent/libevent-pthreads-2.1-7_2.1.12-stable-1build3_amd64.deb
fetch main/i/icu/libicu70_70.1-2_amd64.deb
fetch main/m/mecab/libmecab2_0.996-14build9_amd64.deb
fetch main/n/numactl/libnuma1_2.0.14-3ubuntu2_amd64.deb
fetch main/p/protobuf/libprotobuf-lite23_3.12.4-1ubuntu7_amd64.deb
fetch main/libt/libtirpc/libtirpc3_1.3.2-2build1_amd64.deb
mv root mysql
fetch universe/m/mariadb-10.6/mariadb-server-core-10.6_10.6.7-2ubuntu1_amd64.deb
fetch main/libu/liburing/liburing2_2.1-2build1_amd64.deb
fetch main/p/pmdk/libpmem1_1.11.1-3build1_amd64.deb
fetch main/n/ndctl/libndctl6_72.1-1_amd64.deb
fetch main/n/ndctl/libdaxctl1_72.1-1_amd64.deb
fetch main/n/numactl/libnuma1_2.0.14-3ubuntu2_amd64.deb
fetch main/s/snappy/libsnappy1v5_1.1.8-1build3_amd64.deb
mv root mariadb
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check PyMySQL==1.1.2

# Starts a server on an empty folder.
start() {
  local root=$folder/$1 program=$2
  mkdir "$1-data" "$1-tmp"
  if [ "$(id -u)" = 0 ]; then
    chown nobody "$1-data" "$1-tmp"
    user=(--user=nobody) # neither runs as root
  fi
  run=(env "LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu" "$root/usr/sbin/$program"
    --no-defaults "${user[@]}" "--datadir=$folder/$1-data" "--tmpdir=$folder/$1-tmp" "--socket=$folder/$1-tmp/socket"
    --skip-networking "--lc-messages-dir=$root/usr/share/mysql" "--character-sets-dir=$root/usr/share/mysql/charsets")
  if [ "$1" = mysql ]; then "${run[@]}" --secure-file-priv= --initialize-insecure 2>"$1.log"; fi
  "${run[@]}" --secure-file-priv= --skip-grant-tables "--pid-file=$folder/$1-tmp/pid" >>"$1.log" 2>&1 &
  servers+=($!)
}
start mysql mysqld
start mariadb mariadbd

cat >read.py <<'P'
import sys
import time

import pymysql

READ = "SELECT HEX(text) FROM (SELECT CONVERT(UNHEX(hex) USING utf8mb4) AS text FROM note) AS decoded"
DISTINCT = READ.replace("(SELECT CONVERT", "(SELECT DISTINCT id, CONVERT")
STORE = (
    "INSERT INTO note (id, text) SELECT id, CONVERT(UNHEX(hex) USING utf8mb4) FROM note AS old "
    "ON DUPLICATE KEY UPDATE text = VALUES(text)"
)


def connect(socket):
    for _ in range(300):
        try:
            return pymysql.connect(unix_socket=socket, user="root", autocommit=True, charset="utf8mb4")
        except pymysql.err.OperationalError:
            time.sleep(0.1)
    sys.exit("the server does not start")


def one(cursor, statement):
    cursor.execute(statement)
    return cursor.fetchone()[0]


expected = {"LONGTEXT": ("C3A9", "", "", []), "MEDIUMTEXT": ("C3A9", "C3A9", "C3A9", [])}
is_as_seen = True
for name in ("mysql", "mariadb"):
    cursor = connect(f"{name}-tmp/socket").cursor()
    print(one(cursor, "SELECT VERSION()"))
    cursor.execute("CREATE DATABASE tried")
    cursor.execute("USE tried")
    cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
    for kind in expected:
        cursor.execute("DROP TABLE IF EXISTS note")
        columns = f"id INT PRIMARY KEY, hex {kind} CHARACTER SET ascii, text LONGTEXT CHARACTER SET utf8mb4"
        cursor.execute(f"CREATE TABLE note ({columns}) ENGINE = InnoDB")
        cursor.execute("INSERT INTO note (id, hex) VALUES (1, 'C3A9')")
        read, distinct = one(cursor, READ), one(cursor, DISTINCT)
        cursor.execute(STORE)
        cursor.execute("SHOW WARNINGS")
        # MySQL also says that VALUES() is deprecated.
        warnings = [warning for warning in cursor.fetchall() if warning[1] != 1287]
        seen = (read, distinct, one(cursor, "SELECT HEX(text) FROM note"), warnings)
        print(f"  {kind}: read {seen[0]!r}, with DISTINCT {seen[1]!r}, stored {seen[2]!r}, warnings {seen[3]}")
        is_as_seen &= seen == expected[kind]
sys.exit(0 if is_as_seen else "CHANGED: the text is not lost in these ways")
P
venv/bin/python read.py
