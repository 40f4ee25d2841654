"""Instances of the good receivers, in memory.

One lock guards all of them, so that a call is one step: copies of a call that come at the same time do its work once.
"""

import json
import secrets
import threading
import uuid

from fields import Refused


class Instance:
    def __init__(self, instance_id, order_id, order_line_id=None, product_id=None, expire_time=None):
        self.instance_id, self.order_id, self.order_line_id = instance_id, order_id, order_line_id
        self.product_id, self.expire_time, self.state = product_id, expire_time, "active"
        self.runs = 1
        self.password = secrets.token_urlsafe(16)
        self.charging_mode = None
        self._done = set()

    def once(self, *key):
        """Returns whether this work is due: it has not been done for the instance before."""
        if key in self._done:
            return False
        self._done.add(key)
        self.runs += 1
        return True

    def set_state(self, state):
        if self.state != state:
            self.state = state
            self.runs += 1

    def shown(self):
        return {
            "instanceId": self.instance_id, "orderId": self.order_id, "orderLineId": self.order_line_id,
            "productId": self.product_id, "state": self.state, "expireTime": self.expire_time, "handlerRuns": self.runs,
        }


class Instances:
    def __init__(self):
        self.lock = threading.RLock()
        self._by_id, self._by_order = {}, {}

    def create(self, key, wanted_id, **details):
        """Returns the instance of an order key, which is made at its first call."""
        instance = self._by_order.get(key)
        if instance is None:
            unique = wanted_id if wanted_id not in self._by_id else str(uuid.uuid4())
            instance = self._by_order[key] = self._by_id[unique] = Instance(unique, **details)
        return instance

    def find(self, instance_id, released_too=False):
        """Returns a known instance; raises Refused with 000003."""
        instance = self._by_id.get(instance_id)
        if instance is None or (instance.state == "released" and not released_too):
            raise Refused("000003", "the instance does not exist")
        return instance

    def listed(self):
        with self.lock:
            return json.dumps([instance.shown() for instance in self._by_id.values()])
