"""A small threading HTTP/1.1 server for receivers of callbacks.

It listens on a free port of 127.0.0.1, prints `listening PORT`, and serves until its standard input closes.
"""

import argparse
import json
import os
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote_to_bytes

DRAINED_AT_MOST = 16 * 1024 * 1024


class Cut(Exception):
    """Closes the connection without an answer."""


class Hang(Exception):
    """Never answers."""


class Dies(Exception):
    """Ends the process without an answer, as an uncaught error does in some runtimes."""


class Request:
    """A received request: the query and the body are as they came."""

    def __init__(self, method, target, headers, body):
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = body

    @property
    def too_large(self):
        return self.body is None

    def header(self, name):
        """Returns the first value of a header, or None."""
        return self.headers.get(name)

    def header_values(self, name):
        return self.headers.get_all(name) or []


class Answer:
    def __init__(self, status, body, content_type="application/json", headers=()):
        self.status = status
        self.body = body if isinstance(body, bytes) else body.encode()
        self.headers = ([("Content-Type", content_type)] if content_type else []) + list(headers)


def json_answer(members, status=200, content_type="application/json", ascii_only=True):
    """Returns an answer with a compact JSON object; members that are None are left out."""
    members = {name: value for name, value in members.items() if value is not None}
    text = json.dumps(members, ensure_ascii=ascii_only, separators=(",", ":"))
    return Answer(status, text, content_type)


def result(code, message, **members):
    return json_answer({"resultCode": code, "resultMsg": message, **members})


def strict_pairs(query):
    """Returns the names and values of a query, form-decoded once; raises ValueError if one is not UTF-8."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(_form_decoded(name, "strict"), _form_decoded(value, "strict")) for name, _, value in parts]


def first_values(query):
    """Returns a query as many frameworks give it: the first value of each name, with bad bytes replaced."""
    values = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        values.setdefault(_form_decoded(name, "replace"), _form_decoded(value, "replace"))
    return values


def _form_decoded(text, errors):
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8", errors)


def plain_crash(_error):
    return Answer(500, "Internal Server Error", "text/plain")


def arguments(description, *more, key=True):
    """Returns the parsed arguments; `more` holds the name and keywords of further ones."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if key:
        parser.add_argument("--key", default="test-key-0123456789", help="access key of the callbacks")
    for name, keywords in more:
        parser.add_argument(name, **keywords)
    return parser.parse_args()


def serve(handle, on_crash=plain_crash, max_body=None):
    """Serves until the standard input closes; `handle` makes an Answer of a Request.

    `on_crash` makes the answer for an error that `handle` lets through. A body over `max_body` is read and dropped,
    and the request says that it is too large.
    """
    server = _Server(("127.0.0.1", 0), _Connection)
    server.handle, server.on_crash, server.max_body = handle, on_crash, max_body
    threading.Thread(target=_exit_when_input_closes, daemon=True).start()
    print(f"listening {server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=60)


def _exit_when_input_closes():
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        pass  # A peer that hangs up is no news here.


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def __getattr__(self, name):
        # All methods go to the receiver, which decides what it takes.
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def log_message(self, *_arguments):
        pass

    def send_error(self, code, message=None, explain=None):
        self.close_connection = True
        self._write(Answer(code, b"", None))

    def _exchange(self):
        try:
            body = self._read_body()
        except ValueError:
            return self.send_error(400)
        if body is None:
            self.close_connection = True
        request = Request(self.command, self.path, self.headers, body)
        try:
            answer = self.server.handle(request)
        except (Cut, Hang, Dies) as failure:
            return self._fail(failure)
        except Exception as error:  # pylint: disable=broad-except
            if os.environ.get("RECEIVER_TRACE"):
                traceback.print_exc()
            answer = self.server.on_crash(error)
        self._write(answer)

    def _fail(self, failure):
        self.close_connection = True
        if isinstance(failure, Dies):
            os._exit(1)
        if isinstance(failure, Hang):
            time.sleep(600)

    def _read_body(self):
        """Returns the body, or None if it is over the limit."""
        lengths = self.headers.get_all("Content-Length") or []
        encoding = self.headers.get("Transfer-Encoding")
        if encoding is not None:
            if lengths or encoding.strip().lower() != "chunked":
                raise ValueError("length of the body is not clear")
            pieces = self._chunks()
        else:
            if len(set(lengths)) > 1 or any(not length.strip().isdecimal() for length in lengths):
                raise ValueError("length of the body is not clear")
            pieces = self._pieces(int(lengths[0]) if lengths else 0)
        limit = self.server.max_body
        kept, size = [], 0
        for piece in pieces:
            size += len(piece)
            if size > DRAINED_AT_MOST:
                return None
            if limit is None or size <= limit:
                kept.append(piece)
        return b"".join(kept) if limit is None or size <= limit else None

    def _pieces(self, left):
        while left > 0:
            piece = self.rfile.read(min(left, 65536))
            if not piece:
                raise ValueError("the body ends early")
            left -= len(piece)
            yield piece

    def _chunks(self):
        while True:
            size = int(self.rfile.readline(1024).split(b";")[0].strip() or b"x", 16)
            if size == 0:
                break
            yield from self._pieces(size)
            if self.rfile.readline(8).strip():
                raise ValueError("a chunk is longer than it says")
        while self.rfile.readline(4096).strip():
            pass  # Trailers are not looked at.

    def _write(self, answer):
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self._headers_buffer.append(b"\r\n")
        if self.command != "HEAD":
            self._headers_buffer.append(answer.body)
        self.flush_headers()
        self.wfile.flush()
