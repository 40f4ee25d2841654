"""SaaS V2.0, all activities, right by the documents. `/admin/instances` lists the instances."""

from fields import Refused, ids, invalid, is_test, one_of, text, texts, time_of_digits
from instances import Instances
from posted_call import MAX_BODY, PostedCalls
from serving import Answer, arguments, json_answer, result, serve

SCENES = ("TRIAL_TO_FORMAL", "RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD", "RENEWAL_CHANGE")


def success(**members):
    return result("000000", "success", **members)


def new_instance(instances, call, test):
    order, line, business = texts(call, {"orderId": 64, "orderLineId": 64, "businessId": 64})
    if test:
        return success(instanceId=business)
    instance = instances.create((order, line), business, order_id=order, order_line_id=line)
    return success(instanceId=instance.instance_id)


def query_instance(instances, call, test):
    wanted = ids(call)
    if not test:
        for one in wanted:
            instances.find(one)
    return success(info=[{"instanceId": one, "appInfo": app_info(instances, one, test)} for one in wanted])


def app_info(instances, instance_id, test):
    return {
        "frontEndUrl": "https://app.example.com",
        "adminUrl": "https://admin.example.com",
        "userName": "tenant-admin",
        "password": "Test-only-9f8e7d" if test else instances.find(instance_id).password,
        "memo": "Sign in with the account shown.",
    }


def refresh_instance(instances, call, test):
    order, line, instance_id = texts(call, {"orderId": 64, "orderLineId": 64, "instanceId": 64})
    scene, expire_time = one_of(call, "scene", SCENES), time_of_digits(call, "expireTime")
    product = text(call, "productId", 64, optional=True)
    if not test:
        instance = instances.find(instance_id)
        if instance.once("refresh", order, line, scene):
            instance.expire_time = expire_time
            instance.product_id = product or instance.product_id
    return success()


def update_status(instances, call, test):
    instance_id, status = text(call, "instanceId", 64), one_of(call, "status", ("FREEZE", "UNFREEZE"))
    if not test:
        instances.find(instance_id).set_state("frozen" if status == "FREEZE" else "active")
    return success()


def release_instance(instances, call, test):
    instance_id = text(call, "instanceId", 64)
    for name in ("orderId", "orderLineId"):
        text(call, name, 64, optional=True)
    if not test:
        instances.find(instance_id, released_too=True).set_state("released")
    return success()


def upgrade_instance(instances, call, test):
    instance_id, order, line = texts(call, {"instanceId": 64, "orderId": 64, "orderLineId": 64})
    if not test:
        instances.find(instance_id).once("upgrade", order, line)
    return success()


def change_check(instances, call, test):
    instance_id, product = text(call, "instanceId", 64), call.get("productInfo")
    if not isinstance(product, dict):
        raise invalid("productInfo is not an object")
    texts(product, {"productId": 64, "skuCode": 64, "productName": 64})
    if not test:
        instances.find(instance_id)
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


def receiver(calls, handlers):
    """Returns the handling of requests, for calls that differ in their activity."""
    instances = Instances()

    def handle(request):
        if request.method == "GET" and request.path == "/admin/instances":
            return Answer(200, instances.listed())
        if request.method != "POST":
            return not_post()
        try:
            call = calls.open(request)
            handler = handlers.get(call.get("activity"))
            if handler is None:
                raise invalid("the activity is not known")
            with instances.lock:
                return handler(instances, call, is_test(call))
        except Refused as refused:
            return result(refused.code, refused.message)

    return handle


def not_post():
    answer = json_answer({"resultCode": "000002", "resultMsg": "only POST is allowed"}, status=405)
    answer.headers.append(("Allow", "POST"))
    return answer


def crash(_error):
    return result("000005", "internal error")


def main(description, raw_too, handlers):
    calls = PostedCalls(arguments(description).key, raw_too=raw_too)
    serve(receiver(calls, handlers), crash, MAX_BODY)


if __name__ == "__main__":
    main(__doc__, True, HANDLERS)
