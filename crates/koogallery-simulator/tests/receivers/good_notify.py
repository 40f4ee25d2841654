"""Order notification, right by the documents. `/admin/instances` lists the orders that were notified."""

import good_v2
from fields import texts


def order_notify(instances, call, test):
    order, line, _flag = texts(call, {"orderId": 64, "orderLineId": 64, "testFlag": 2})
    if not test:
        instances.create((order, line), f"{order}/{line}", order_id=order, order_line_id=line)
    return good_v2.success()


if __name__ == "__main__":
    good_v2.main(__doc__, True, {"orderNotify": order_notify})
