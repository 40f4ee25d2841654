"""Kit V1 and V2, right by the documents.

`--canonical-only` verifies V2 as the marketplace's own sample project does: only over the canonical form rebuilt from
the parsed body. Client secrets are decrypted with `--private-key`; without it each is refused with 000101. The
instances of purchases are not known here, so that every instance id is taken for a known one.
"""

import threading

import good_v2
from fields import Refused, invalid, items, number, text, texts, valid_digits
from posted_call import MAX_BODY, PostedCalls
from rsa_oaep import PrivateKey
from serving import arguments, result, serve
from signing import body_sign
from token_call import open_kit

DELETE, ADD, MODIFY, CANCEL = 0, 1, 2, 3


class Receiver:
    def __init__(self, key, private_key, raw_too):
        self.key, self.private_key = key, private_key
        self.v2 = PostedCalls(key, kit=True, raw_too=raw_too)
        self.entries, self.lock = {}, threading.Lock()

    def handle(self, request):
        version, callback = callback_of(request.path)
        if callback is None:
            answer = result("000002", "the path is not known")
            answer.status = 404
        elif request.method != "POST":
            answer = good_v2.not_post()
        else:
            answer = self.answer(request, version, callback)
        return self.signed(answer)

    def signed(self, answer):
        answer.headers.append(("Body-Sign", body_sign(self.key, answer.body)))
        return answer

    def crash(self, _error):
        return self.signed(result("000005", "internal error"))

    def answer(self, request, version, callback):
        try:
            call = self.v2.open(request) if version == 2 else open_kit(self.key, request)
            changes, removed = callback(self, call, version)
            with self.lock:
                for entry, value in changes.items():
                    if removed:
                        self.entries.pop(entry, None)
                    else:
                        self.entries[entry] = value
            return result("000000", "Success")
        except Refused as refused:
            return result(refused.code, refused.message)


def common(call, flags):
    """Checks what all messages have; returns the instance id, which may be empty, the tenant and the flag."""
    text(call, "instanceId", 64, optional=True)
    if number(call, "testFlag") not in (0, 1):
        raise invalid("testFlag is not 0 or 1")
    valid_digits(text(call, "timeStamp", 20), "timeStamp", (17,))
    flag = number(call, "flag") if flags else ADD
    if flags and flag not in flags:
        raise invalid("flag is not known")
    return call.get("instanceId") or "", text(call, "tenantId", 64), flag


def tenant_sync(_receiver, call, _version):
    instance, tenant, flag = common(call, (DELETE, ADD, MODIFY))
    text(call, "orderId", 64, optional=True)
    code, name, domain = texts(call, {"tenantCode": 64, "name": 255, "domainName": 255})
    return {("tenant", instance, tenant): (code, name, domain)}, flag == DELETE


def application_sync(receiver, call, _version):
    instance, tenant, flag = common(call, (DELETE, ADD, MODIFY))
    app, client = texts(call, {"appId": 64, "clientId": 64})
    secret = None
    if flag != DELETE:
        try:
            secret = receiver.private_key and receiver.private_key.decrypt(text(call, "clientSecret", 2048))
        except ValueError:
            pass
        if not secret:
            raise Refused("000101", "clientSecret cannot be decrypted")
    return {("app", instance, tenant, app): (client, secret)}, flag == DELETE


def auth_sync(_receiver, call, version):
    instance, tenant, flag = common(call, (DELETE, ADD, MODIFY, CANCEL))
    app, _time = texts(call, {"appId": 64, "currentSyncTime": 20})
    users = items(call, "userList")
    if version == 1 and len(users) > 500:
        raise invalid("userList has more than 500 users")
    changes = {}
    for user in users:
        name, _shown, _org = texts(user, {"userName": 64, "name": 64, "orgCode": 64})
        if user.get("role") not in ("user", "admin"):
            raise invalid("role is not known")
        if user.get("enable") not in ("true", "false", True, False):
            raise invalid("enable is not true or false")
        changes["user", instance, tenant, app, name] = user
    return changes, flag in (DELETE, CANCEL)


def single_org_sync(_receiver, call, _version):
    instance, tenant, flag = common(call, (DELETE, ADD, MODIFY))
    code, name = texts(call, {"orgCode": 64, "orgName": 128})
    parent = text(call, "parentCode", 64, optional=True)
    return {("org", instance, tenant, code): (name, parent)}, flag == DELETE


def all_org_sync(_receiver, call, version):
    instance, tenant, _flag = common(call, ())
    changes = {}
    for org in items(call, "orgInfoList" if version == 2 else "orgInfo"):
        named = next((name for name in ("orgName", "OrgName", "name") if name in org), "orgName")
        code, name = texts(org, {"orgCode": 64, named: 128})
        changes["org", instance, tenant, code] = (name, text(org, "parentCode", 64, optional=True))
    return changes, False


CALLBACKS = {
    "tenantSync": tenant_sync,
    "applicationSync": application_sync,
    "authSync": auth_sync,
    "singleOrgSync": single_org_sync,
    "allOrgSync": all_org_sync,
}


def callback_of(path):
    """Returns the version and the callback of a path, by its end."""
    start, _, name = path.rpartition("/")
    version = 2 if start.endswith("/produceAPI/v2") else 1 if start.endswith("/produceAPI") else None
    return version, CALLBACKS.get(name) if version else None


def main():
    given = arguments(
        __doc__,
        ("--kit-key", {"default": "kit-key-0123456789", "help": "access key of the Kit callbacks"}),
        ("--private-key", {"metavar": "FILE", "help": "RSA key in PEM, to decrypt client secrets"}),
        ("--canonical-only", {"action": "store_true"}),
        key=False,
    )
    private_key = PrivateKey.read(given.private_key) if given.private_key else None
    receiver = Receiver(given.kit_key, private_key, raw_too=not given.canonical_only)
    serve(receiver.handle, receiver.crash, MAX_BODY)


if __name__ == "__main__":
    main()
