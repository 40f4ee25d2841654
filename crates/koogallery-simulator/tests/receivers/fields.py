"""Reads the fields of a call as the tables of the documents give them."""

import datetime
import json
import re

from strict_json import Literal


class Refused(Exception):
    """The call is refused with a result code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def invalid(message):
    return Refused("000002", message)


def text(call, name, longest, optional=False):
    """Returns a text of 1 to `longest` characters; None if it is optional and absent or empty."""
    value = call.get(name)
    if optional and (value is None or value == ""):
        return None
    if type(value) is not str or not value.strip():  # pylint: disable=unidiomatic-typecheck
        raise invalid(f"{name} is missing or not a text")
    if len(value) > longest:
        raise invalid(f"{name} is longer than {longest} characters")
    if any(ord(character) < 32 or ord(character) == 127 or 0xD800 <= ord(character) < 0xE000 for character in value):
        raise invalid(f"{name} has control characters")
    return value


def texts(call, lengths):
    """Returns several mandatory texts, in the order of their names in `lengths`."""
    return [text(call, name, longest) for name, longest in lengths.items()]


def one_of(call, name, allowed):
    value = text(call, name, 64)
    if value not in allowed:
        raise invalid(f"{name} is none of {', '.join(allowed)}")
    return value


def is_test(call):
    value = call.get("testFlag")
    if value in (None, "", "0", "1") and not isinstance(value, bool):
        return value == "1"
    raise invalid("testFlag is not 0 or 1")


def number(call, name):
    """Returns a whole number, written as a number or as a text."""
    value = call.get(name)
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,2}", value):
        raise invalid(f"{name} is missing or not a number")
    return int(value)


def time_of_digits(call, name, optional=False):
    """Returns a time of 14 digits, or of 17 with milliseconds."""
    value = text(call, name, 20, optional)
    if value is not None:
        valid_digits(value, name, (14, 17))
    return value


def valid_digits(value, name, sizes):
    try:
        if len(value) not in sizes or not re.fullmatch("[0-9]+", value):
            raise ValueError(value)
        return datetime.datetime.strptime(value[:14], "%Y%m%d%H%M%S").replace(tzinfo=datetime.timezone.utc)
    except ValueError as error:
        raise invalid(f"{name} is not a time") from error


def ids(call, longest=64, most=100):
    """Returns the instance ids of a query, which are joined with commas."""
    listed = text(call, "instanceId", most * (longest + 1)).split(",")
    if len(listed) > most or any(not one or len(one) > longest for one in listed):
        raise invalid("instanceId is not 1 to 100 ids")
    return listed


def items(call, name):
    """Returns a list of objects, sent as one or as a text that holds JSON, with or without quoted names."""
    value = call.get(name)
    if type(value) is str:  # pylint: disable=unidiomatic-typecheck
        if re.match(r"\s*\[\s*{\s*[A-Za-z]", value):
            value = re.sub(r"([{,]\s*)([A-Za-z]+)\s*:", r'\1"\2":', value)
        try:
            value = json.loads(value, parse_int=Literal, parse_float=Literal)
        except (ValueError, RecursionError) as error:
            raise invalid(f"{name} does not hold JSON") from error
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid(f"{name} is not a list of objects")
    return value
