"""The parts that the receivers in Java share: error pages of a servlet container, and JSON as its framework binds it."""

import json
import re
import traceback

from serving import Answer, serve
from strict_json import Literal

JSON = "application/json;charset=UTF-8"
HTML = "text/html;charset=utf-8"
PHRASES = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 415: "Unsupported Media Type",
           500: "Internal Server Error"}


class HttpError(Exception):
    """Is answered with the container's page for a status."""

    def __init__(self, status, message=""):
        super().__init__(message)
        self.status = status


def page(status, message, trace=""):
    title = f"HTTP Status {status} – {PHRASES[status]}"
    shown = f"<p><b>Exception</b></p><pre>{trace}</pre>" if trace else ""
    return Answer(
        status,
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1><hr class="line" />'
        f"<p><b>Type</b> Exception Report</p><p><b>Message</b> {message}</p>{shown}<hr class=\"line\" /></body></html>",
        HTML,
        [("Content-Language", "en")],
    )


def crash(error):
    if isinstance(error, HttpError):
        return page(error.status, str(error))
    # The page shows frames without the "at" of a log.
    frames = "\n".join(f"\tcom.example.{frame.name}(Receiver.java:{frame.lineno})" for frame in
                       reversed(traceback.extract_tb(error.__traceback__)))
    return page(500, "Request processing failed; nested exception is java.lang.RuntimeException",
                f"java.lang.RuntimeException: {type(error).__name__}\n{frames}")


def parse_long(text):
    """Returns a number as `Long.parseLong` reads it, which throws for anything else."""
    if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(2**63) <= int(text) < 2**63:
        raise ValueError("NumberFormatException")
    return int(text)


def serve_servlet(handle):
    """Serves behind a container, which refuses heads of more than 8 KiB by itself."""

    def within_limits(request):
        headers = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
        if len(request.path) + len(request.query) + headers > 8000:
            raise HttpError(400, "Request header is too large")
        return handle(request)

    serve(within_limits, crash)


def as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_json(request, of_texts=False):
    """Returns the body's members, the last one if a name is repeated; `of_texts` refuses what is nested."""
    if request.method != "POST":
        raise HttpError(405, f"Request method '{request.method}' not supported")
    if not (request.header("Content-Type") or "").lower().startswith("application/json"):
        raise HttpError(415)
    try:
        members = json.loads(request.body, parse_int=Literal, parse_float=Literal)
    except (ValueError, RecursionError) as error:
        raise HttpError(400) from error
    if not isinstance(members, dict):
        raise HttpError(400)
    if of_texts:
        if any(isinstance(value, (dict, list)) for value in members.values()):
            raise HttpError(400)
        members = {name: None if value is None else as_text(value) for name, value in members.items()}
    return members
