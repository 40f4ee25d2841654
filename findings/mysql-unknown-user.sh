#!/usr/bin/env bash
# Logging in to MySQL as a user that does not exist.
#
# Versions: MySQL 8.0.28, of Ubuntu 22.04; 9.7.4 of Debian does the same, with two ways in place of three.
# Tried:    a login by caching_sha2_password as each of thirty users that the server does not have, twice.
# Guess:    the server refuses all of them alike, with error 1045, which a client reports as "access denied".
# Seen:     it depends on the name, and stays so for that name. Some are refused; to others the server pretends that they log in
#           by mysql_native_password or by sha256_password. A driver that does not know the latter, as mysql_async, then says
#           "unknown authentication plugin" for a mistyped name, and for the next one "access denied".
# Needs:    x86-64 with glibc 2.35 or newer, curl, dpkg-deb, python3, Ubuntu's archive.
set -euo pipefail

folder=$(mktemp -d) server='' user=()
trap 'test -z "$server" || { kill "$server" && wait "$server" || true; }; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
fetch() {
  curl --silent --show-error --fail --remote-name "http://archive.ubuntu.com/ubuntu/pool/main/$1"
  dpkg-deb --extract "$(basename "$1")" root
}
fetch m/mysql-8.0/mysql-server-core-8.0_8.0.28-0ubuntu4_amd64.deb
fetch liba/libaio/libaio1_0.3.112-13build1_amd64.deb
fetch libe/libevent/libevent-core-2.1-7_2.1.12-stable-1build3_amd64.deb
fetch libe/libevent/libevent-pthreads-2.1-7_2.1.12-stable-1build3_amd64.deb
fetch i/icu/libicu70_70.1-2_amd64.deb
fetch m/mecab/libmecab2_0.996-14build9_amd64.deb
fetch n/numactl/libnuma1_2.0.14-3ubuntu2_amd64.deb
fetch p/protobuf/libprotobuf-lite23_3.12.4-1ubuntu7_amd64.deb
fetch libt/libtirpc/libtirpc3_1.3.2-2build1_amd64.deb

mkdir data
if [ "$(id -u)" = 0 ]; then
  chown nobody data
  user=(--user=nobody) # it does not run as root
fi
run=(env "LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu" "$folder/root/usr/sbin/mysqld"
  --no-defaults "${user[@]}" "--datadir=$folder/data/mysql" "--tmpdir=$folder/data" "--socket=$folder/data/socket"
  "--pid-file=$folder/data/pid" --mysqlx=OFF --skip-networking --secure-file-priv= "--log-error=$folder/data/log"
  "--lc-messages-dir=$folder/root/usr/share/mysql" "--character-sets-dir=$folder/root/usr/share/mysql/charsets")
"${run[@]}" --initialize-insecure
"${run[@]}" &
server=$!

cat >ask.py <<'P'
import socket
import struct
import sys
import time


def packet(connection):
    def read(size):
        data = b""
        while len(data) < size:
            part = connection.recv(size - len(data))
            if not part:
                sys.exit("the connection ended")
            data += part
        return data

    head = read(4)
    return head[3], read(int.from_bytes(head[:3], "little"))


def answer(user):
    """What the server says to a login of the protocol 4.1 with a plugin's name, and some twenty bytes as the proof."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("data/socket")
        number, _ = packet(connection)
        flags = 0x00000001 | 0x00000200 | 0x00008000 | 0x00080000
        login = struct.pack("<IIB23x", flags, 1 << 24, 45) + user.encode() + b"\0"
        login += bytes([20]) + b"x" * 20 + b"caching_sha2_password\0"
        connection.sendall(len(login).to_bytes(3, "little") + bytes([number + 1]) + login)
        _, reply = packet(connection)
    if reply[0] == 0xFE:
        return reply[1 : reply.index(0, 1)].decode()
    return f"error {int.from_bytes(reply[1:3], 'little')}" if reply[0] == 0xFF else reply[:2].hex()


for _ in range(300):
    try:
        answer("nobody0")
        break
    except OSError:
        time.sleep(0.1)
names = [f"nobody{number}" for number in range(30)]
first, second = [answer(name) for name in names], [answer(name) for name in names]
for seen in sorted(set(first)):
    print(f"{seen}: {first.count(seen)} of {len(names)}, such as {names[first.index(seen)]}")
print("the second time:", "the same for each" if first == second else "others")
is_as_seen = first == second and set(first) == {"error 1045", "mysql_native_password", "sha256_password"}
sys.exit(0 if is_as_seen else "CHANGED: the answers are not of these three kinds, by name")
P
"${run[@]}" --version | sed 's/.*Ver /MySQL /'
echo "guess: error 1045 for each; seen:"
python3 ask.py
