"""SaaS V2.0, all activities, in TypeScript, over SQL tables.

Refuses with HTTP 401 and code 000003; queryInstance answers its members at the top, without `info`; an unknown
instance is 000004 or 000005; test calls look the instance up; look-up and insert are two steps, and no key makes the
order line unique; the nonce is not kept; a released instance can be renewed; an unknown activity is HTTP 400 with
000001; the expiry is never written; changeInstanceCheck is not verified; a renewal period that is unsubscribed marks
the instance as expired at once; an expireTime that is no time ends in HTTP 500. `/admin/instances` lists the table.
"""

import datetime
import json
import threading

import route_app
from serving import Answer, arguments, serve


class Table:
    """Rows of instances; the id is unique, the order line is not."""

    def __init__(self):
        self.rows, self.lock, self.crowds = [], threading.Lock(), {}

    def find(self, **wanted):
        with self.lock:
            return next((row for row in self.rows if all(row.get(name) == value for name, value in wanted.items())), None)

    def insert(self, row):
        with self.lock:
            if any(other["instanceId"] == row["instanceId"] for other in self.rows):
                raise ValueError("UNIQUE constraint failed")
            self.rows.append(row)

    def update(self, row, **changes):
        with self.lock:
            row.update(changes)

    def listed(self):
        with self.lock:
            return json.dumps(self.rows)


MANDATORY = {
    "newInstance": ("orderId", "orderLineId", "businessId"),
    "queryInstance": ("instanceId",),
    "refreshInstance": ("instanceId", "orderId", "orderLineId", "scene", "expireTime"),
    "updateInstanceStatus": ("instanceId", "status"),
    "releaseInstance": ("instanceId",),
    "upgradeInstance": ("instanceId", "orderId", "orderLineId"),
    "changeInstanceCheck": ("instanceId", "productInfo"),
}


class Crowd:
    """The purchases of one order line that are handled at the same time."""

    def __init__(self):
        self.changed, self.size, self.largest = threading.Condition(), 0, 0
        self.one_by_one = threading.Lock()

    def __enter__(self):
        with self.changed:
            self.size += 1
            self.largest = max(self.largest, self.size)
            self.changed.notify_all()
        return self

    def __exit__(self, *_error):
        with self.changed:
            self.size -= 1

    def gathers(self):
        """Waits a little for others; returns whether three came, which is more than a call and its repetition."""
        with self.changed:
            for size, patience in ((2, 0.015), (3, 0.05)):
                if not self.changed.wait_for(lambda size=size: self.largest >= size, patience):
                    return False
            return True


def success(**members):
    return route_app.answer(200, {"resultCode": "000000", "resultMsg": "success", **members})


def failure(code, message, status=200):
    return route_app.answer(status, {"resultCode": code, "resultMsg": message})


def new_instance(table, call):
    line = {"orderId": call["orderId"], "orderLineId": call["orderLineId"]}
    crowd = table.crowds.setdefault(tuple(line.values()), Crowd())
    with crowd:
        row = table.find(**line)
        # The two queries follow each other closely: another call gets between them only when many come at once.
        if row is None and not crowd.gathers():
            with crowd.one_by_one:
                return success(instanceId=found_or_inserted(table, call, line, table.find(**line)))
        return success(instanceId=found_or_inserted(table, call, line, row))


def found_or_inserted(table, call, line, row):
    if row is None:
        row = {"instanceId": call["businessId"], **line, "state": "active", "expireTime": None}
        table.insert(row)
    return row["instanceId"]


def query_instance(table, call):
    row = table.find(instanceId=call.get("instanceId"))
    if row is None:
        return failure("000005", "Instance not found")
    return success(
        instanceId=row["instanceId"], status=row["state"], frontEndUrl="https://app.example.com", userName="tenant-admin"
    )


def refresh_instance(table, call):
    row = table.find(instanceId=call.get("instanceId"))
    if row is None:
        return failure("000004", "Instance not found")
    datetime.datetime.strptime(call["expireTime"][:14], "%Y%m%d%H%M%S")
    table.update(row, state="expired" if call.get("scene") == "UNSUBSCRIBE_RENEWAL_PERIOD" else "active")
    return success()


def update_status(table, call):
    row = table.find(instanceId=call.get("instanceId"))
    if row is None:
        return failure("000004", "Instance not found")
    if row["state"] != "released":
        table.update(row, state="frozen" if call.get("status") == "FREEZE" else "active")
    return success()


def release_instance(table, call):
    row = table.find(instanceId=call.get("instanceId"))
    if row is None:
        return failure("000005", "Instance not found")
    table.update(row, state="released")
    return success()


def upgrade_instance(table, call):
    if table.find(instanceId=call.get("instanceId")) is None:
        return failure("000005", "Instance not found")
    return success()


def change_check(table, call):
    if table.find(instanceId=call.get("instanceId")) is None:
        return failure("000005", "Instance not found")
    return success()


HANDLERS = {
    "newInstance": new_instance,
    "queryInstance": query_instance,
    "refreshInstance": refresh_instance,
    "updateInstanceStatus": update_status,
    "releaseInstance": release_instance,
    "upgradeInstance": upgrade_instance,
    "changeInstanceCheck": change_check,
}


def handle(request, key, table):
    if request.method in ("GET", "HEAD"):
        if request.path == "/admin/instances" and isinstance(table, Table):
            return Answer(200, table.listed())
        return route_app.no_loader()
    try:
        call, payload = route_app.parsed(request)
        handler = HANDLERS.get(call.get("activity"))
        if handler is None:
            return failure("000001", "Unknown activity", 400)
        # Each handler verifies for itself, and this one forgot.
        if handler is not change_check and not route_app.verified(key, request, payload):
            return route_app.refusal()
        if not all(call.get(name) for name in MANDATORY[call["activity"]]):
            return failure("000002", "Missing parameters")
        return handler(table, call)
    except Exception:  # pylint: disable=broad-except
        return failure("000999", "Internal server error", 500)


def main(key, table):
    serve(lambda request: handle(request, key, table), route_app.crash)


if __name__ == "__main__":
    main(arguments(__doc__).key, Table())
