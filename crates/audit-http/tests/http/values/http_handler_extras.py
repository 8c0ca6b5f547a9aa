"""Logs through HTTPHandler with `extra=` names that the log has too, and prints after each record what is new in the log."""

import datetime
import decimal
import json
import logging
import logging.handlers
import sys
import types
import urllib.request
import uuid

address, path, writer, admin = sys.argv[1:]

handler = logging.handlers.HTTPHandler(address, path, method="POST", credentials=("shop", writer))
log = logging.getLogger("shop")
log.setLevel(-100)
handler.setLevel(-100)
logging.disable(-100)
log.addHandler(handler)
log.propagate = False
steps = []


def stored():
    """All records of all channels, newest first."""
    url = f"http://{address}/api/v1/action-logs?channel_id=all&count=true&limit=1000"
    request = urllib.request.Request(url, headers={"Authorization": f"Token {admin}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Row:
    """As Django shows a row: its name is anything."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"<Row: {self.name}>"


def step(name, act, **wanted):
    before = {(record["channel_id"], record["position"]) for record in stored()["results"]}
    act()
    new = [record for record in stored()["results"] if (record["channel_id"], record["position"]) not in before]
    steps.append({"name": name, "new": new, "wanted": wanted})


order = str(uuid.uuid4())
step("plain", lambda: log.info("hello %s", "x"), message="hello x")
step("the uuid of an order", lambda: log.info("order created", extra={"uuid": order}), extra={"uuid": order})
step("the same order again", lambda: log.info("order paid", extra={"uuid": order}), extra={"uuid": order})
step("what looks like a retry", lambda: log.info("order created", extra={"uuid": order}), extra={"uuid": order})
for name, value in [
    ("uuid", "ord-17"),
    ("uuid", str(uuid.UUID(int=0))),
    ("level", "INFO"),
    ("level", 7),
    ("trace", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ("channel_id", 99),
    ("created_at", "yesterday"),
    ("created_at", "2001-01-01"),
    ("logger_name", "other"),
    ("id", 5),
    ("position", 5),
    ("extra", "abc"),
    ("timestamp", "abc"),
    ("recorded_at", "abc"),
    ("producer_id", 5),
    ("leaf_hash", "abc"),
    ("user", 7),
]:
    step(f"extra {name}", lambda: log.info("x", extra={name: value}), message="x", extra={name: str(value)})
step("app_name", lambda: log.info("x", extra={"app_name": "shop"}), app_name="shop")
step("level 60", lambda: log.log(60, "AUDIT"), level=50, extra={"levelno": "60", "levelname": "Level 60"})
step("level -7", lambda: log.log(-7, "deep"), level=0, extra={"levelno": "-7"})
step("level 1", lambda: log.log(1, "spam"), level=1)
paid = ("paid %s at %s", decimal.Decimal("1.10"), datetime.datetime(2026, 1, 1))
step("Decimal and datetime", lambda: log.info(*paid), message="paid 1.10 at datetime.datetime(2026, 1, 1, 0, 0)")
bob = types.SimpleNamespace(name="bob")
step("an object", lambda: log.info("user %s", bob), message="user namespace(name='bob')", extra={"msg": "user %s"})
step("an error", lambda: log.error("failed: %s", KeyError("a, b)")), message="failed: KeyError('a, b)')", level=40)
step("objects in a list", lambda: log.info("%s", [Row("it's"), Row(">")]), message="[<Row: it's>, <Row: >>]")
step("correlation_id", lambda: log.info("x", extra={"correlation_id": "c-1"}), correlation_id="c-1")
step("bytes", lambda: log.info("b %r", b"\xff"), message="b b'\\xff'")
step("a dictionary", lambda: log.info({"event": "x", "a": 1}), message="{'event': 'x', 'a': 1}")
step("an exception that is none", lambda: log.exception("boom"), message="boom", level=40)


def divide():
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("boom %s", "y")


step("an exception", divide, message="boom y", level=40)
step("U+0000", lambda: log.info("a\0b"), message="a\0b")
step("a percent sign", lambda: log.info("100%"), message="100%")
step("wrong arguments", lambda: log.info("%d items", "five"), message="%d items ('five',)")
step("too few arguments", lambda: log.info("%s %s", "x"), message="%s %s ('x',)")
# What is too large for a record is cut, whichever part of it is.
step("a message of 2 MB", lambda: log.info("x" * 2_000_000), cut={"message": 2_000_000})
step("and of other letters", lambda: log.info("\x01é🐎" * 300_000), cut={"message": 900_000})
step("an argument of 2 MB", lambda: log.info("%s", "y" * 2_000_000), message="%s", cut_extra={"args": 2_000_005})
step("extras of 2 MB", lambda: log.info("m", extra={"a": "a" * 1_000_000, "b": "b" * 1_000_000}), message="m",
     cut_extra={"a": 1_000_000, "b": 1_000_000})
print(json.dumps(steps))
