"""SaaS V1.0, all activities, right by the documents: encrypted access data, and Body-Sign on every answer.

`--period-only` is a receiver for products that are sold by period only: it answers 000002 to queryInstance,
instanceStatus and upgrade, which such a product does not need. `/admin/instances` lists the instances.
"""

import base64
import collections
import decimal
import json
import re
import time

import aes
from fields import Refused, ids, invalid, is_test, one_of, text, texts, time_of_digits
from instances import Instances
from serving import Answer, arguments, json_answer, result, serve
from signing import body_sign
from token_call import WINDOW, open_get

NOT_FOR_PERIOD = ("queryInstance", "instanceStatus", "upgrade")
PAY_PER_USE, PACKAGE = "0", "5"


class Receiver:
    def __init__(self, key, encrypt_type, handlers):
        self.key, self.encrypt_type = key, encrypt_type
        self.handlers = handlers
        self.instances, self.answered = Instances(), _Answered()

    def handle(self, request):
        """Returns the answer to a request, signed."""
        if request.path == "/admin/instances":
            return Answer(200, self.instances.listed())
        if request.method != "GET":
            answer = json_answer({"resultCode": "000002", "resultMsg": "only GET is allowed"}, status=405)
            answer.headers.append(("Allow", "GET"))
        else:
            answer = self._answer(request)
        return self.signed(answer)

    def signed(self, answer):
        answer.headers.append(("Body-Sign", body_sign(self.key, answer.body)))
        return answer

    def crash(self, _error):
        return self.signed(result("000005", "internal error"))

    def _answer(self, request):
        try:
            call, token = open_get(self.key, request)
            handler = self.handlers.get(call.get("activity"))
            if handler is None:
                raise invalid("the activity is not known")
            with self.instances.lock:
                # The same token is the same call: its first success is answered again, without its effect.
                body = self.answered.find(token)
                if body is None:
                    answer = handler(self, call, is_test(call))
                    self.answered.add(token, answer.body)
                    return answer
            return Answer(200, body)
        except Refused as refused:
            return result(refused.code, refused.message)

    def encrypted(self, clear):
        return aes.encrypt_field(self.key, clear, self.encrypt_type)

    def decrypt(self, call, name):
        """Refuses a field that is present and cannot be decrypted."""
        sealed = text(call, name, 256, optional=True)
        try:
            return sealed and aes.decrypt_field(self.key, sealed, self.encrypt_type)
        except ValueError as error:
            raise invalid(f"{name} cannot be decrypted") from error

    def app_info(self, password):
        return {
            "frontEndUrl": "https://app.example.com",
            "adminUrl": "https://admin.example.com",
            "userName": self.encrypted("tenant-admin@app.example.com"),
            "password": self.encrypted(password),
            "memo": "Sign in with the account shown.",
        }


class _Answered:
    """Successful answers by token, for as long as the token can be inside the window."""

    def __init__(self):
        self.bodies, self.ages = {}, collections.deque()

    def find(self, token):
        return self.bodies.get(token)

    def add(self, token, body):
        now = time.monotonic()
        while self.ages and now - self.ages[0][0] > 2 * WINDOW.total_seconds():
            self.bodies.pop(self.ages.popleft()[1], None)
        self.bodies[token] = body
        self.ages.append((now, token))


def success(**members):
    return result("000000", "success.", **members)


def whole_number(call, name, digits):
    value = text(call, name, digits, optional=True)
    if value is not None and not re.fullmatch("[0-9]+", value):
        raise invalid(f"{name} is not a whole number")


def amount_of_money(call):
    value = text(call, "orderAmount", 20, optional=True)
    if value is not None:
        try:
            if not decimal.Decimal(value).is_finite():
                raise invalid("orderAmount is not an amount")
        except decimal.InvalidOperation as error:
            raise invalid("orderAmount is not an amount") from error


def extend_params(call):
    """Returns the extension parameters, which are Base64 of a list in JSON."""
    value = text(call, "saasExtendParams", 2048, optional=True)
    if value is None:
        return []
    try:
        listed = json.loads(base64.b64decode(value, validate=True))
        if not all(isinstance(item["name"], str) and isinstance(item["value"], str) for item in listed):
            raise ValueError("not names and values")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise invalid("saasExtendParams is not Base64 of a list") from error
    return listed


def purchase(receiver, call, test):
    """Returns the instance of a purchase and its password; tests get the id of the call, and leave nothing behind."""
    _customer, business, order, product = texts(
        call, {"customerId": 100, "businessId": 64, "orderId": 64, "productId": 64}
    )
    for name in ("customerName", "userId", "userName", "skuCode"):
        text(call, name, 64, optional=True)
    receiver.decrypt(call, "mobilePhone")
    receiver.decrypt(call, "email")
    expire_time = time_of_digits(call, "expireTime", optional=True)
    charging = text(call, "chargingMode", 3, optional=True)
    if charging not in (None, PAY_PER_USE, "1", "3", PACKAGE):
        raise invalid("chargingMode is not known")
    if call.get("trialFlag") not in (None, "", "0", "1"):
        raise invalid("trialFlag is not 0 or 1")
    text(call, "periodType", 10, optional=True)
    for name, digits in (("periodNumber", 2), ("amount", 7), ("diskSize", 7), ("bandWidth", 7)):
        whole_number(call, name, digits)
    amount_of_money(call)
    extend_params(call)
    if test:
        return business, "Test-only-9f8e7d"
    key = (order, product) if charging in (PAY_PER_USE, PACKAGE) else (order,)
    instance = receiver.instances.create(key, business, order_id=order, product_id=product, expire_time=expire_time)
    instance.charging_mode = charging
    return instance.instance_id, instance.password


def new_instance(receiver, call, test):
    instance_id, password = purchase(receiver, call, test)
    return success(encryptType=receiver.encrypt_type, instanceId=instance_id, appInfo=receiver.app_info(password))


def refresh_instance(receiver, call, test):
    order, instance_id = texts(call, {"orderId": 64, "instanceId": 64})
    expire_time, product = time_of_digits(call, "expireTime"), text(call, "productId", 64, optional=True)
    text(call, "trialToFormal", 2, optional=True)
    text(call, "periodType", 10, optional=True)
    whole_number(call, "periodNumber", 2)
    amount_of_money(call)
    if not test:
        instance = receiver.instances.find(instance_id)
        if instance.once("refresh", order):
            instance.expire_time, instance.state = expire_time, "active"
            instance.product_id = product or instance.product_id
    return success()


def expire_instance(receiver, call, test):
    instance_id = text(call, "instanceId", 64)
    text(call, "orderId", 64, optional=True)
    if not test:
        receiver.instances.find(instance_id).set_state("frozen")
    return success()


def release_instance(receiver, call, test):
    instance_id = text(call, "instanceId", 64)
    text(call, "orderId", 64, optional=True)
    amount_of_money(call)
    if not test:
        receiver.instances.find(instance_id, released_too=True).set_state("released")
    return success()


def upgrade(receiver, call, test):
    instance_id, order, _sku, product = texts(call, {"instanceId": 64, "orderId": 64, "skuCode": 64, "productId": 64})
    for name in ("amount", "diskSize", "bandWidth"):
        whole_number(call, name, 7)
    extend_params(call)
    if not test:
        instance = receiver.instances.find(instance_id)
        if instance.once("upgrade", order):
            instance.product_id = product
    return success()


def instance_status(receiver, call, test):
    instance_id, status = text(call, "instanceId", 64), one_of(call, "instanceStatus", ("FREEZE", "NORMAL"))
    if not test:
        receiver.instances.find(instance_id).set_state("frozen" if status == "FREEZE" else "active")
    return success()


def query_instance(receiver, call, test):
    wanted = ids(call)
    if test:
        shown = [{"instanceId": one, "appInfo": receiver.app_info("Test-only-9f8e7d")} for one in wanted]
    else:
        shown = [info(receiver, receiver.instances.find(one)) for one in wanted]
    return success(encryptType=receiver.encrypt_type, info=shown)


def info(receiver, instance):
    shown = {"instanceId": instance.instance_id, "appInfo": receiver.app_info(instance.password)}
    if instance.charging_mode in (PAY_PER_USE, PACKAGE):
        now = time.strftime("%Y%m%d%H%M%S000", time.gmtime())
        shown["usageInfo"] = [{"usageValue": 12.5, "statisticalTime": now}]
    return shown


HANDLERS = {
    "newInstance": new_instance,
    "refreshInstance": refresh_instance,
    "expireInstance": expire_instance,
    "releaseInstance": release_instance,
    "upgrade": upgrade,
    "instanceStatus": instance_status,
    "queryInstance": query_instance,
}

ENCRYPT_TYPE = ("--encrypt-type", {"choices": ("1", "2"), "default": "1"})


def main():
    given = arguments(__doc__, ENCRYPT_TYPE, ("--period-only", {"action": "store_true"}))
    handlers = {name: handler for name, handler in HANDLERS.items() if not (given.period_only and name in NOT_FOR_PERIOD)}
    receiver = Receiver(given.key, given.encrypt_type, handlers)
    serve(receiver.handle, receiver.crash, max_body=0)


if __name__ == "__main__":
    main()
