"""A stage before a V1.0 receiver: adds optional parameters that real calls of its product carry."""

from urllib.parse import urlencode

from serving import strict_pairs
from signing import same_text, v1_token


def filled(handle, key, fields):
    """Wraps `handle`: `fields` makes the parameters to add from the activity.

    Only a call that was rightly signed is signed again.
    """

    def handle_filled(request):
        if request.method == "GET" and request.query:
            try:
                request.query = _filled_query(request.query, key, fields)
            except ValueError:
                pass  # Goes on as it came.
        return handle(request)

    return handle_filled


def _filled_query(query, key, fields):
    pairs = strict_pairs(query)
    names = dict(pairs)
    added = [(name, value) for name, value in fields(names.get("activity")).items() if name not in names]
    given, time_stamp = names.get("authToken"), names.get("timeStamp", "")
    signed = [pair for pair in pairs if pair[0] != "authToken"]
    right = given is not None and same_text(given, v1_token(key, time_stamp, signed))
    if not right:
        return query + "&" + urlencode(added) if added else query
    return urlencode(signed + added + [("authToken", v1_token(key, time_stamp, signed + added))])
