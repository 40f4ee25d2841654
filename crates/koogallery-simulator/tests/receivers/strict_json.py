"""JSON as a careful receiver reads it: nothing is lost, nothing is ambiguous."""

import json
import re

from signing import utf16_order


class Literal(str):
    """The text of a number, as it was received."""


def parse_object(body):
    """Returns the members of a JSON object in received order, numbers as `Literal`.

    Raises ValueError for anything else, for bytes that are not UTF-8 and for a name that is repeated.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=Literal,
            parse_float=Literal,
            parse_constant=_refused,
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


def _refused(constant):
    raise ValueError(f"{constant} is not JSON")


def canonical(members):
    """Returns the form that is signed: sorted by name at the top, without nulls, compact."""
    return compact({name: members[name] for name in sorted(members, key=utf16_order) if members[name] is not None})


def compact(value):
    """Returns JSON text without spaces, other characters than ASCII as they are."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(name)}:{compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    if isinstance(value, str) and not isinstance(value, Literal):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def _quoted(text):
    escaped = re.sub(r'["\\\x00-\x1f]', lambda m: _ESCAPES.get(m[0]) or f"\\u{ord(m[0]):04X}", text)
    return f'"{escaped}"'
