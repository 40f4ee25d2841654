#!/usr/bin/env python3
"""Draws the pictures of the handbook, in English and Chinese.

`make.py` writes them to src/manual/pictures; `make.py --check` fails if the files there are others.
"""

import pathlib
import sys

from canvas import Canvas

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "src" / "manual" / "pictures"


def call(say):
    """The way of a call through the service, and where it may end early."""
    canvas = Canvas("call", say("The way of a call", "一次调用的路径"), 860, 640)
    x, width, right, right_width = 220, 310, 580, 260
    rows = [
        ([say("adapter", "适配器"), say("raw head and body, within limits", "原始请求头与请求体，受限额约束")], "plain",
         ([say("000001, 000002, 000005", "000001、000002、000005"), say("unsigned, too old, too large", "无签名、过期、过大")], "bad")),
        ([say("verify", "验签"), say("signature and time, over raw bytes", "对原始字节检查签名与时间")], "plain",
         ([say("000001, 000002", "000001、000002"), say("nothing was interpreted", "没有解读任何内容")], "bad")),
        ([say("read", "读取"), say("fields into a command and its event", "由字段得到命令与事件")], "plain",
         ([say("000002", "000002"), say("a field that decides is missing", "缺少起决定作用的字段")], "bad")),
        ([say("replay guard", "防重放"), say("claims the nonce or token", "登记 nonce 或令牌")], "store",
         ([say("the same bytes again", "相同字节再次到达"), say("the first answer again", "返回首次的响应")], "good")),
        ([say("ledger", "账本"), say("instance id; done already? else a lease", "实例 ID；已完成？否则取得租约")], "store",
         ([say("done already", "已完成"), say("success, the handler does not run", "成功，不运行处理器")], "good")),
        ([say("YOUR HANDLER", "您的处理器"), say("with the order, once per change", "附带订单，每次变更运行一次")], "seller",
         ([say("longer than the deadline", "超过期限"), say("000004, goes on in the background", "000004，在后台继续")], "good")),
        ([say("ledger", "账本"), say("the mark, after the work", "工作完成之后记账")], "store",
         ([say("failed", "失败"), say("no mark: a retry runs it again", "不记账：重试时再次运行")], "bad")),
        ([say("answer", "响应"), say("checked against the tables, signed", "按文档的表检查，签名")], "plain", None),
    ]
    top, height, step = 24, 48, 72
    for number, (lines, kind, exit_box) in enumerate(rows):
        y = top + number * step
        canvas.box(x, y, width, height, lines, kind)
        if number:
            canvas.arrow((x + width / 2, y - step + height), (x + width / 2, y - 1))
        if exit_box:
            canvas.box(right, y, right_width, height, *exit_box)
            canvas.arrow((x + width, y + height / 2), (right - 1, y + height / 2))
            canvas.line((right + right_width / 2, y + height), (right + right_width / 2, y + step))
    bottom = top + 7 * step
    canvas.box(20, top, 150, 48, [say("marketplace", "云商店")], size=14)
    canvas.arrow((170, top + 24), (x - 1, top + 24))
    canvas.arrow((x, bottom + 24), (60, bottom + 24), (60, top + 49))
    canvas.text(68, bottom + 14, say("HTTP 200, resultCode", "HTTP 200，resultCode"))
    canvas.arrow((right + right_width / 2, bottom), (right + right_width / 2, bottom + 24), (x + width + 1, bottom + 24))
    canvas.text(20, 612, say("Each exchange is one event of your observer, with the full reason; the answer has a code only.",
                             "每次交互都是观察者的一个事件，含完整原因；响应中只有结果码。"))
    return canvas


def life(say):
    """The states of an instance, and the messages that change them."""
    canvas = Canvas("life", say("The life of an instance", "实例的一生"), 860, 440)
    y, height = 150, 64
    canvas.box(170, y, 120, height, say(["creating"], ["开通中", "creating"]), "store")
    canvas.box(420, y, 120, height, say(["active"], ["使用中", "active"]), "good")
    canvas.box(720, y, 120, height, say(["frozen"], ["已冻结", "frozen"]), "bad")
    canvas.box(420, 340, 120, height, say(["released"], ["已释放", "released"]), "plain")

    canvas.arrow((20, y + 32), (169, y + 32))
    canvas.text(20, y + 8, "newInstance", bold=True)
    canvas.text(20, y + 24, say("the id is fixed", "ID 由此固定"))
    canvas.arrow((290, y + 32), (419, y + 32))
    canvas.text(355, y + 8, "create", anchor="middle", bold=True)
    canvas.text(355, y + 24, say("by your handler", "由您的处理器"), anchor="middle")

    canvas.arrow((540, y + 16), (719, y + 16))
    canvas.text(630, y - 42, say("V2.0 updateInstanceStatus FREEZE", "V2.0 updateInstanceStatus FREEZE"), anchor="middle")
    canvas.text(630, y - 26, "V1.0 expireInstance, instanceStatus", anchor="middle")
    canvas.text(630, y + 8, "freeze", anchor="middle", bold=True)
    canvas.arrow((720, y + 48), (541, y + 48))
    canvas.text(630, y + 65, "unfreeze", anchor="middle", bold=True)
    canvas.text(630, y + 84, "V2.0 updateInstanceStatus UNFREEZE", anchor="middle")
    canvas.text(630, y + 100, say("V1.0 instanceStatus, refreshInstance", "V1.0 instanceStatus、refreshInstance"), anchor="middle")

    canvas.arrow((450, y), (450, 108), (510, 108), (510, y - 1))
    canvas.text(480, 36, say("refreshInstance: renew", "refreshInstance：renew"), anchor="middle")
    canvas.text(480, 54, say("upgradeInstance (V1.0 upgrade): upgrade", "upgradeInstance（V1.0 upgrade）：upgrade"), anchor="middle")
    canvas.text(480, 72, say("changeInstanceCheck: check_change", "changeInstanceCheck：check_change"), anchor="middle")
    canvas.text(480, 90, say("queryInstance: describe", "queryInstance：describe"), anchor="middle")

    canvas.arrow((480, y + height), (480, 339))
    canvas.text(488, 300, "releaseInstance", bold=True)
    canvas.text(488, 318, "release", bold=True)
    canvas.arrow((780, y + height), (780, 372), (541, 372))
    canvas.text(772, 364, say("15 days without renewal, at most", "至多 15 天未续费"), anchor="end")
    canvas.arrow((230, y + height), (230, 372), (419, 372))
    canvas.text(238, 364, say("also where it never ended", "开通从未完成也一样"))
    canvas.text(20, 424, say("Bold: methods of the SubscriptionHandler, and the messages that begin and end a life.",
                             "粗体：SubscriptionHandler 的方法，以及开始与结束一生的消息。"))
    return canvas


def retries(say):
    """A slow creation and a crash, over time, on two replicas."""
    canvas = Canvas("retries", say("Leases and retries over time", "租约与重试的时间线"), 900, 530)
    lanes = [say("marketplace", "云商店"), say("replica A", "副本 A"), say("replica B", "副本 B"), say("ledger", "账本")]

    def story(top, title):
        canvas.text(20, top, title, 14, bold=True)
        ys = [top + 36 + number * 44 for number in range(len(lanes))]
        for y, lane in zip(ys, lanes):
            canvas.text(20, y + 4, lane)
            canvas.line((110, y), (880, y), dashed=True)
        return ys

    market, first, second, ledger = story(30, say("A slow creation (V2.0)", "耗时的开通（V2.0）"))
    canvas.box(150, first - 14, 330, 28, [say("your handler runs on", "您的处理器持续运行")], "seller", 12)
    canvas.box(150, ledger - 14, 345, 28, [say("lease of 5 s, extended while it runs", "5 秒租约，运行期间不断延长")], "store", 12)
    canvas.box(500, ledger - 14, 110, 28, [say("mark: created", "记账：已开通")], "good", 12)
    canvas.arrow((145, market), (145, first - 14))
    canvas.text(140, market - 10, "newInstance", anchor="middle")
    canvas.arrow((270, first - 14), (270, market + 1))
    canvas.text(262, market - 10, say("4 s: 000004, with the id", "4 秒：000004，含 ID"), anchor="start")
    canvas.arrow((420, market), (420, second - 1))
    canvas.arrow((440, second), (440, market + 1))
    canvas.text(430, market - 10, say("queryInstance: 000004", "queryInstance：000004"), anchor="start")
    canvas.arrow((480, first), (505, first), (505, ledger - 15))
    canvas.arrow((690, market), (690, second - 1))
    canvas.arrow((710, second), (710, market + 1))
    canvas.text(690, market - 10, say("queryInstance: success", "queryInstance：成功"), anchor="start")
    canvas.text(722, second - 8, say("any replica", "任一副本"))

    market, first, second, ledger = story(260, say("A crash, and the retry", "崩溃与重试"))
    canvas.box(150, first - 14, 120, 28, [say("handler", "处理器")], "seller", 12)
    canvas.box(272, first - 14, 70, 28, [say("killed", "被终止")], "bad", 12)
    canvas.box(150, ledger - 14, 300, 28, [say("id fixed, lease of 5 s", "ID 固定，5 秒租约")], "store", 12)
    canvas.arrow((145, market), (145, first - 14))
    canvas.text(140, market - 10, "newInstance", anchor="middle")
    canvas.text(235, market - 10, say("no answer: a failure", "没有响应：失败"))
    canvas.text(456, ledger - 18, say("lease over", "租约到期"))
    canvas.arrow((540, market), (540, second - 14))
    canvas.text(470, market - 10, say("an hour later: the same order", "一小时后：同一订单"))
    canvas.box(545, second - 14, 115, 28, [say("handler, again", "处理器再次运行")], "seller", 12)
    canvas.box(545, ledger - 14, 120, 28, [say("lease, same id", "租约，ID 相同")], "store", 12)
    canvas.box(667, ledger - 14, 60, 28, [say("mark", "记账")], "good", 12)
    canvas.arrow((660, second), (690, second), (690, ledger - 15))
    canvas.arrow((735, second), (735, market + 1))
    canvas.line((715, ledger - 14), (715, second), (735, second))
    canvas.text(685, market + 18, "000000")
    canvas.arrow((800, market), (800, first - 1))
    canvas.arrow((820, first), (820, market + 1))
    canvas.text(880, market - 10, say("a copy, next day: the same answer", "次日再次到达：相同响应"), anchor="end")
    canvas.text(830, first - 8, say("not run", "不运行"))

    canvas.text(20, 470, say("One caller works on an instance; copies that come meanwhile wait for its outcome.",
                             "一个实例同时只由一个调用处理；其间到来的相同调用等待其结果。"))
    canvas.text(20, 490, say("The handler runs again only where the mark is missing: make it idempotent, or commit the mark with your rows.",
                             "只有缺少标记时处理器才会再次运行：请做成幂等，或把标记与您的数据一同提交。"))
    canvas.text(20, 510, say("Times are those of V2.0 by default; purchases are repeated for 3 hours, then refunded.",
                             "时间为 V2.0 的默认值；购买重试 3 小时，之后退款。"))
    return canvas


def pictures():
    """Returns every picture by the name of its file."""
    made = {}
    for language in ("en", "zh"):
        def say(english, chinese):
            return english if language == "en" else chinese
        for draw in (call, life, retries):
            made[f"{draw.__name__}.{language}.svg"] = draw(say).svg()
    return made


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    made = pictures()
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*")}
    if arguments:
        different = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
        if different:
            sys.exit(f"{FOLDER}: not as make.py draws them: {', '.join(different)}")
        return
    FOLDER.mkdir(exist_ok=True)
    for name, svg in made.items():
        (FOLDER / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
