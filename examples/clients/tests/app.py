"""An application under test: it sends what it is told to on stdin, and says on stdout what it did.

    send N     makes N records, each with a label that nobody else uses, and prints the labels
    poison     makes a record that the server refuses for good
    spooled    waits until all of it is in the spool
    flush      waits until the server has all of it
    close      ends in order; so does the end of stdin

Started with `log` it sends log records, with `events` events. AUDIT_URL, AUDIT_KEY and AUDIT_SPOOL say where to.
"""

import itertools
import logging
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import audit_logging

PATIENCE = 60


def main(kind):
    # As a test cannot wait for as long as a network operator would.
    audit_logging.BACK_OFF_SECONDS = (0.02, 0.2)
    audit_logging.RETRY_AFTER_SECONDS_MAX = 0.1
    address, key, spool = (os.environ[name] for name in ("AUDIT_URL", "AUDIT_KEY", "AUDIT_SPOOL"))
    labels = (f"{os.urandom(4).hex()}-{n}" for n in itertools.count())
    if kind == "log":
        handler = audit_logging.AuditHandler(address, key, app_name="app", spool=spool)
        logging.getLogger("shop").addHandler(handler)
        sender = handler.sender
    else:
        client = audit_logging.AuditClient(address, key, spool=spool)
        sender = client.sender

    def send(label, **more):
        if kind == "log":
            logging.getLogger("shop.orders").warning("%s", label, extra=more)
        else:
            client.send({"action": "TEST", "description": label, **more})

    for line in sys.stdin:
        command, _, count = line.strip().partition(" ")
        if command == "send":
            for label in itertools.islice(labels, int(count)):
                send(label)
                print(label)
        elif command == "poison":
            # Larger than the server takes a record.
            send("poison", content="x" * (1 << 20))
        elif command == "spooled":
            print(f"spooled {sender.spooled(PATIENCE)}".lower())
        elif command == "flush":
            print(f"flushed {sender.flush(PATIENCE)}".lower())
        elif command == "close":
            break
        print("done", flush=True)


main(sys.argv[1])
