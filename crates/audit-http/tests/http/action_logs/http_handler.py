"""Logs to the server of the arguments, and prints what Python itself makes of each record."""

import json
import logging
import logging.handlers
import sys

address, path, key = sys.argv[1:]
said = []


class Remember(logging.Filter):
    """Of each record, what should be stored, and which attributes should be kept as they are."""

    def filter(self, record):
        said.append(
            {
                "level": record.levelno,
                "levelname": record.levelname,
                "name": record.name,
                "message": MESSAGES.get(record.msg, record.getMessage) if isinstance(record.msg, str) else str(record.msg),
                "exc_text": record.exc_text,
                "created": record.created,
                "app_name": getattr(record, "app_name", None),
                "kept": {name: str(value) for name, value in vars(record).items() if name in KEPT},
            }
        )
        if callable(said[-1]["message"]):
            said[-1]["message"] = said[-1]["message"]()
        return True


class Strict(logging.handlers.HTTPHandler):
    """HTTPHandler does not look at the answer; a test does."""

    def getConnection(self, host, secure):
        connection = super().getConnection(host, secure)
        get = connection.getresponse

        def checked():
            answer = get()
            body = answer.read()
            if answer.status != 201:
                raise AssertionError(f"{answer.status} {body}")
            return answer

        connection.getresponse = checked
        return connection


class Odd:
    def __repr__(self):
        return "<Odd>"


# What Python cannot format: the arguments follow the template.
MESSAGES = {"too few %s %s": "too few %s %s ('x',)"}
KEPT = {"lineno", "module", "process", "threadName", "user_id", "id", "position", "extra"}

handler = Strict(address, path, method="POST", credentials=("anybody", key))
handler.addFilter(Remember())
logging.raiseExceptions = True
logging.addLevelName(25, "NOTICE")
log = logging.getLogger("shop.cart")
log.setLevel(1)
log.propagate = False
log.addHandler(handler)

for level in (1, 10, 20, 25, 30, 40, 50):
    log.log(level, "level %d of %s", level, "seven")
log.info("plain")
log.info("100% sure, with no arguments %s %d")
log.info("100%% of %s", "it")
log.info("")
log.info(None)
log.info("None")
log.info(12345)
log.info(["a", 1])
log.info("%s", None)
log.info("%s %r %s", "it's", 'say "hi"', ("a", 'b"'))
log.info("%(user)s did %(what)r", {"user": "zoë", "what": ["x", 1.5]})
log.info("whole %s", {"id": 7, "name": "ünï"})
log.info("%5d|%-5d|%05d|%x|%.2f|%s", 42, 42, -42, 255, 2 / 3, True)
log.info("%s", "žluťoučký kůň 🐎 \u2028 \x00 \t \\ end\n")
log.info("žluťoučký %s & = + %% ;", "🐎&=+%")
log.info("%s", 10**60)
log.info("%s", b"\x00\xff")
log.info("%s and %s", {"a": {1: [None, (True,)]}}, float("1e100"))
log.info("x" * 100_000 + "%s", "y" * 100_000)
log.info("an object %s", Odd())
log.info("objects %r %s", [Odd(), Odd], {"a": Odd()})
log.info("too few %s %s", "x")
logging.getLogger("shop.cart.None").info("child")
none = logging.getLogger("None")
none.setLevel(1)
none.addHandler(handler)
none.warning("a logger with an odd name")

# With extra attributes; some are called as members that only the server sets.
log.info("extras", extra={"user_id": 7, "id": 5, "position": "x", "extra": "y", "app_name": "shop"})

# An exception: the traceback comes where another handler has formatted the record before.
try:
    1 / 0
except ZeroDivisionError:
    log.exception("without a text of it %s", "yet")
    formatter = logging.Formatter("%(asctime)s %(message)s")
    record = log.makeRecord(log.name, 40, "cart.py", 1, "failed: %s", ("é",), sys.exc_info(), "main")
    formatter.format(record)
    log.handle(record)

print(json.dumps(said))
