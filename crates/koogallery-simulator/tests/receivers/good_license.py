"""License products, right by the documents: online License and authorization codes (POST), and License V1 (GET).

All three are served with one key, so that each can be checked by itself. `/admin/instances` lists the instances of what
was called last, GET or POST.
"""

import re
import secrets

import good_v1
import good_v2
from fields import Refused, invalid, one_of, text, texts, time_of_digits, valid_digits
from posted_call import MAX_BODY, PostedCalls
from serving import arguments, serve

SCENES = ("TRIAL_TO_FORMAL", "RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD")
CODE_SCENES = ("RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD")


def refresh_online(instances, call, test):
    one_of(call, "scene", SCENES)
    return good_v2.refresh_instance(instances, call, test)


def get_license_async(instances, call, test):
    """Accepts an application; the License itself would be uploaded, once for each event and device."""
    instance_id, event = texts(call, {"instanceId": 64, "eventId": 64})
    license_time(call, "effectiveTime")
    license_time(call, "expireTime", optional=True)
    device = text(call, "deviceFingerprint", 1024, optional=True)
    if not test:
        instances.find(instance_id).once("license", event, device)
    return good_v2.success()


def license_time(call, name, optional=False):
    value = text(call, name, 32, optional)
    if value is not None:
        found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)( ?[zZ])?", value)
        if not found:
            raise invalid(f"{name} is not a time")
        valid_digits("".join(found.groups()[:6]), name, (14,))


def code_of(instances, call):
    """Returns the entry of an authorization code.

    The marketplace makes the codes and sends no callback for a new one: every code of its form is known, until released.
    """
    code = text(call, "license", 64)
    if not code.startswith("PL"):
        raise Refused("000003", "the authorization code does not exist")
    return instances.create(code, code, order_id="")


def refresh_code(instances, call, test):
    order, line, _code = texts(call, {"orderId": 64, "orderLineId": 64, "license": 64})
    scene, expire_time = one_of(call, "scene", CODE_SCENES), time_of_digits(call, "expireTime")
    text(call, "productId", 64, optional=True)
    if not test:
        entry = instances.find(code_of(instances, call).instance_id)
        if entry.once("refresh", order, line, scene):
            entry.expire_time = expire_time
    return good_v2.success()


def update_code(instances, call, test):
    text(call, "license", 64)
    status = one_of(call, "status", ("FREEZE", "UNFREEZE"))
    if not test:
        entry = instances.find(code_of(instances, call).instance_id)
        entry.set_state("frozen" if status == "FREEZE" else "active")
    return good_v2.success()


def release_code(instances, call, test):
    text(call, "license", 64)
    for name in ("orderId", "orderLineId"):
        text(call, name, 64, optional=True)
    if not test:
        code_of(instances, call).set_state("released")
    return good_v2.success()


POSTED = {
    "newInstance": good_v2.new_instance,
    "refreshInstance": refresh_online,
    "updateInstanceStatus": good_v2.update_status,
    "releaseInstance": good_v2.release_instance,
    "getLicenseAsync": get_license_async,
    "refreshLicenseCode": refresh_code,
    "updateLicenseCodeStatus": update_code,
    "releaseLicenseCode": release_code,
}


def get_license(receiver, call, test):
    instance_id, _password = good_v1.purchase(receiver, call, test)
    if test:
        return good_v1.success(instanceId=instance_id, license="TEST-LICENSE")
    instance = receiver.instances.find(instance_id, released_too=True)
    instance.license = getattr(instance, "license", None) or secrets.token_hex(16)
    return good_v1.success(instanceId=instance_id, license=instance.license)


GOT = {
    "getLicense": get_license,
    "refreshLicense": good_v1.refresh_instance,
    "expireLicense": good_v1.expire_instance,
    "releaseLicense": good_v1.release_instance,
}


def main():
    given = arguments(__doc__, good_v1.ENCRYPT_TYPE)
    v1 = good_v1.Receiver(given.key, given.encrypt_type, GOT)
    posted = good_v2.receiver(PostedCalls(given.key), POSTED)
    last = [v1.handle]

    def handle(request):
        if request.path != "/admin/instances":
            last[0] = posted if request.method == "POST" else v1.handle
        return last[0](request)

    serve(handle, v1.crash, MAX_BODY)


if __name__ == "__main__":
    main()
