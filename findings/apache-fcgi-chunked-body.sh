#!/usr/bin/env bash
# A signed call whose body comes in chunks, through Apache httpd to PHP-FPM. Proxies such as HAProxy, Envoy and Caddy hand
# such bodies on in chunks.
#
# Versions: Apache httpd 2.4.71 (2.4.71-1~deb12u1) with mod_proxy_fcgi, PHP 8.2.36 (8.2.36-1~deb12u1), of Debian 12.
# Tried:    a POST with a body of 300 bytes or 100,000 bytes in chunks, written together with the head, or 0.2 s after it; the
#           script answers with the length of `php://input`. Then the same with `SetEnv proxy-sendcl 1`.
# Guess:    the script sees every body whole, or Apache refuses every one with 411 as mod_wsgi does.
# Seen:     status 200, and an empty body, except where it is short and was written together with the head: then it is
#           whole. So the same call has its body or none, depending on how it is cut into packets, and its signature fits or
#           does not. With `proxy-sendcl` every body arrives.
# Needs:    apt-get of Debian 12 (amd64 or arm64), python3.
set -euo pipefail

folder=$(mktemp -d) processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
# Not installed: only taken out of their packages.
apt-get download apache2-bin=2.4.71-1~deb12u1 php8.2-fpm=8.2.36-1~deb12u1 libapr1 libaprutil1 libpcre2-8-0 libxml2 libicu72 \
  libssl3 libsodium23 libargon2-1 libapparmor1 libacl1 libsystemd0 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" .; done
libraries=$(find "$PWD/usr/lib" "$PWD/lib" -name '*.so.*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd:)

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
fpm=$(free_port) plain=$(free_port) with_length=$(free_port)

mkdir www
echo '<?php echo "length ", strlen(file_get_contents("php://input")), ".";' >www/call.php
cat >fpm.conf <<C
[global]
error_log = $PWD/fpm.log
[www]
listen = 127.0.0.1:$fpm
user = nobody
group = nogroup
pm = static
pm.max_children = 1
C
modules=$PWD/usr/lib/apache2/modules
cat >httpd.conf <<C
ServerRoot $PWD
ServerName localhost
PidFile $PWD/httpd.pid
ErrorLog $PWD/httpd.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule env_module $modules/mod_env.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_fcgi_module $modules/mod_proxy_fcgi.so
User nobody
Group nogroup
Listen 127.0.0.1:$plain
Listen 127.0.0.1:$with_length
DocumentRoot $PWD/www
<FilesMatch "\.php$">
  SetHandler "proxy:fcgi://127.0.0.1:$fpm"
</FilesMatch>
<VirtualHost *:$plain>
</VirtualHost>
<VirtualHost *:$with_length>
  SetEnv proxy-sendcl 1
</VirtualHost>
C
export LD_LIBRARY_PATH=$libraries
root=
[ "$(id -u)" != 0 ] || root=--allow-to-run-as-root
usr/sbin/php-fpm8.2 --no-php-ini --nodaemonize $root --fpm-config "$PWD/fpm.conf" --prefix "$PWD" 2>/dev/null &
processes+=($!)
usr/sbin/apache2 -D FOREGROUND -f "$PWD/httpd.conf" &
processes+=($!)
for port in "$fpm" "$plain" "$with_length"; do
  until (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null; do kill -0 "${processes[@]}"; sleep 0.1; done
done

cat >call.py <<'P'
import re, socket, sys, time

head = b"POST /call.php?signature=x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" \
    b"Content-Type: application/json;charset=utf8\r\nTransfer-Encoding: chunked\r\n\r\n"
for length in 300, 100000:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (length, b"x" * length)
    for how, writes in ("with its head", [head + body]), ("after its head", [head, body]):
        server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
        for bytes in writes:
            server.sendall(bytes)
            time.sleep(0.2)
        answer = b"".join(iter(lambda: server.recv(4096), b"")).decode()
        arrived = re.search(r"length (\d+)\.", answer).group(1)
        print(f"{length} bytes, written {how}: status {answer.split()[1]}, {arrived} bytes arrive")
P

usr/sbin/apache2 -v | head -n 1
usr/sbin/php-fpm8.2 --no-php-ini --version | head -n 1
echo "guess: all bodies arrive, or none; seen:"
seen="$(python3 call.py "$plain")
with proxy-sendcl:
$(python3 call.py "$with_length")"
echo "$seen"
expected="300 bytes, written with its head: status 200, 300 bytes arrive
300 bytes, written after its head: status 200, 0 bytes arrive
100000 bytes, written with its head: status 200, 0 bytes arrive
100000 bytes, written after its head: status 200, 0 bytes arrive
with proxy-sendcl:
300 bytes, written with its head: status 200, 300 bytes arrive
300 bytes, written after its head: status 200, 300 bytes arrive
100000 bytes, written with its head: status 200, 100000 bytes arrive
100000 bytes, written after its head: status 200, 100000 bytes arrive"
[ "$seen" = "$expected" ] || { echo "The behavior changed." >&2; exit 1; }
