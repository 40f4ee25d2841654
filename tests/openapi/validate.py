"""Validates the documents in `docs/openapi` by libraries that know nothing of this one: they are OpenAPI 3.1, real messages fit
their schemas, and a message with a mistake does not. `validate.py FOLDER` reads messages as the mock of the marketplace writes
them, `FOLDER/FAMILY/*`."""

import copy
import json
import pathlib
import sys
import urllib.parse

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "docs/openapi").glob("*.json"))}
QUERIES = ("saas-v1", "license-v1")
KITS = ("kit-v1", "kit-v2")
VECTORS = {
    "callback_v2": ("saas-v2", "license-online", "license-code", "order-notify"),
    "auth_token": QUERIES,
    "kit_v2": ("kit-v2",),
    "auth_token_body": ("kit-v1",),
}
# Made to be signed, not to be read: they lack what every message has.
FRAGMENTS = {"kat_5", "one_blank_member", "license_get_blank_slash_plus"}


def message_schemas(family):
    """Returns the schemas of a family's messages by activity."""
    schemas = {}
    for path, item in DOCUMENTS[family]["paths"].items():
        for operation in item.values():
            if family in QUERIES:
                content = next(one for one in operation["parameters"] if one["name"] == "message")
            else:
                content = operation["requestBody"]["content"]["application/json"]
            references = content["schema"].get("oneOf", [content["schema"]])
            for reference in references:
                name = reference["$ref"].rpartition("/")[2]
                schema = DOCUMENTS[family]["components"]["schemas"][name]
                activity = schema["properties"].get("activity", {}).get("const", path.rpartition("/")[2])
                schemas[activity] = reference
    return schemas


def validator(family, reference):
    document = Resource(contents=DOCUMENTS[family], specification=DRAFT202012)
    registry = Registry().with_resource("urn:document", document)
    return Draft202012Validator({"$ref": "urn:document" + reference["$ref"]}, registry=registry)


def read(family, text):
    """Returns activity and members; None where the text is no message."""
    if family in QUERIES:
        members = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
        members.pop("authToken", None)
    else:
        try:
            members = json.loads(text)
        except ValueError:
            return None
    if not isinstance(members, dict):
        return None
    return members.get("activity"), members


def kit_activity(members):
    """Kit messages are named by their path; what is in them tells as well."""
    marks = {"userList": "authSync", "clientId": "applicationSync", "orgInfo": "allOrgSync", "orgInfoList": "allOrgSync"}
    marks |= {"orgCode": "singleOrgSync", "tenantCode": "tenantSync"}
    return next((activity for mark, activity in marks.items() if mark in members), None)


def texts(value):
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for child in children for text in texts(child)]


def messages(folder):
    """Yields family, activity and members of real messages."""
    for vectors, families in VECTORS.items():
        for vector in json.loads((ROOT / f"tests/vectors/protocol/{vectors}.json").read_text()):
            if vector["name"] in FRAGMENTS:
                continue
            text = vector.get("body") or vector.get("query")
            for family in families:
                activity, members = read(family, text)
                activity = kit_activity(members) if family in KITS else activity
                if activity in message_schemas(family):
                    yield family, activity, members
    # The vectors are among the seeds.
    known = {text for path in (ROOT / "tests/vectors").glob("*/*.json") for text in texts(json.loads(path.read_text()))}
    for path in sorted(folder.glob("*/*")):
        family = path.parent.name
        content = path.read_bytes()
        # Seeds of the Kit begin with a byte that says which path they are for.
        text = content[1:] if family in KITS else content
        text = text.decode("utf-8", "replace")
        found = None if text in known else read(family, text)
        if found is None:
            continue
        activity = kit_activity(found[1]) if family in KITS else found[0]
        if activity in message_schemas(family):
            yield family, activity, found[1]


def broken(members, schema):
    """Yields the message with one mistake each."""
    for name in schema["required"]:
        yield f"without {name}", {other: value for other, value in members.items() if other != name}
        blank = copy.deepcopy(members)
        blank[name] = " "
        yield f"with a blank {name}", blank
    for name, member in schema["properties"].items():
        if member.get("maxLength") and name in members:
            yield f"with an endless {name}", members | {name: "x" * (member["maxLength"] + 1)}
    yield "with a test flag of 2", members | {"testFlag": "2"}


def main():
    folder = pathlib.Path(sys.argv[1])
    assert len(DOCUMENTS) == 9, sorted(DOCUMENTS)
    for document in DOCUMENTS.values():
        OpenAPIV31SpecValidator(document).validate()
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)
    seen, mistakes = set(), 0
    for family, activity, members in messages(folder):
        reference = message_schemas(family)[activity]
        check = validator(family, reference)
        check.validate(members)
        seen.add((family, activity))
        schema = DOCUMENTS[family]["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
        for mistake, wrong in broken(members, schema):
            assert not check.is_valid(wrong), f"{family} {activity} {mistake} fits its schema: {wrong}"
            mistakes += 1
    missing = {(family, activity) for family in DOCUMENTS if family != "open-api" for activity in message_schemas(family)} - seen
    assert not missing, f"no message of {sorted(missing)} was seen"
    print(f"{len(DOCUMENTS)} documents are OpenAPI 3.1; messages of {len(seen)} activities fit, {mistakes} with a mistake do not")


main()
