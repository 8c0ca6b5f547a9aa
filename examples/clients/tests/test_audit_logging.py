"""What `audit_logging.py` does by itself, against a stand-in server: python3 -m unittest discover -s examples/clients/tests

How it gets on with the real server, through kills and restarts, is tested by crates/audit-server/tests/clients.
"""

import datetime
import decimal
import email.utils
import json
import logging
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import audit_logging
from audit_logging import AuditClient, AuditHandler
from stand_in import StandIn

PATIENCE = 60


class Case(unittest.TestCase):
    def setUp(self):
        self.spool = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.spool, True)
        self.told = []
        # A port that refuses: bound, so that nobody else gets it, but not listening.
        nobody = socket.socket()
        nobody.bind(("127.0.0.1", 0))
        self.addCleanup(nobody.close)
        self.away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        seconds = audit_logging.BACK_OFF_SECONDS
        audit_logging.BACK_OFF_SECONDS = (0.01, 0.1)
        self.addCleanup(setattr, audit_logging, "BACK_OFF_SECONDS", seconds)

    def server(self, script=()):
        server = StandIn(script)
        self.addCleanup(server.close)
        return server

    def client(self, url, **options):
        client = AuditClient(url, "key", **{"spool": self.spool, "on_error": self.told.append, **options})
        self.addCleanup(client.close, 0)
        return client

    def logger(self, url, **options):
        handler = AuditHandler(url, "key", **{"spool": self.spool, "on_error": self.told.append, "app_name": "shop", **options})
        self.addCleanup(handler.close, 0)
        logger = logging.Logger(f"test.{self.id()}")
        logger.addHandler(handler)
        return logger, handler

    def files(self, suffix):
        return sorted(name for name in os.listdir(self.spool) if name.endswith(suffix))

    def lines(self, suffix):
        found = (pathlib.Path(self.spool, name).read_text().splitlines() for name in self.files(suffix))
        return [json.loads(line) for lines in found for line in lines]


class Records(Case):
    def record(self, log):
        server = self.server()
        logger, handler = self.logger(server.url)
        log(logger)
        self.assertTrue(handler.flush(PATIENCE))
        (record,) = server.records.values()
        return record

    def test_a_record_has_the_members_of_the_action_log(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        record = self.record(lambda logger: logger.warning("order %s of %d", "A-17", 3, extra={"order": {"id": 17}}))
        self.assertEqual(record["level"], 30)
        self.assertEqual(record["message"], "order A-17 of 3")
        self.assertEqual(record["logger_name"], f"test.{self.id()}")
        self.assertEqual(record["app_name"], "shop")
        self.assertIsNone(record["trace"])
        self.assertEqual(record["extra"]["order"], {"id": 17})
        self.assertEqual(record["extra"]["process"], os.getpid())
        self.assertEqual(uuid.UUID(record["uuid"]).version, 4)
        created = datetime.datetime.fromisoformat(record["created_at"])
        self.assertLess(abs(created - before), datetime.timedelta(minutes=5))

    def test_an_exception_brings_its_traceback(self):
        def log(logger):
            try:
                raise LookupError("no such order")
            except LookupError:
                logger.exception("failed")

        record = self.record(log)
        self.assertEqual((record["level"], record["message"]), (40, "failed"))
        self.assertTrue(record["trace"].startswith("Traceback (most recent call last)"))
        self.assertTrue(record["trace"].endswith("LookupError: no such order"))

    def test_a_level_beyond_the_range_is_kept_beside_the_nearest_one(self):
        record = self.record(lambda logger: logger.log(70, "loud"))
        self.assertEqual((record["level"], record["extra"]["levelno"]), (50, 70))

    def test_arguments_that_do_not_fit_the_message_are_kept(self):
        record = self.record(lambda logger: logger.info("%d items", "many"))
        self.assertEqual(record["message"], "%d items ('many',)")

    def test_values_that_are_no_json_are_said_in_words(self):
        circle = {"self": None}
        circle["self"] = circle
        value = {("a", 1): float("nan"), "circle": circle, "price": decimal.Decimal("2.50"), "at": datetime.date(2023, 10, 16),
                 "lone": "\udc80", "tags": {"b", "a"}}
        extra = self.record(lambda logger: logger.info("odd", extra={"value": value}))["extra"]["value"]
        self.assertEqual(extra["('a', 1)"], "nan")
        self.assertEqual(extra["circle"], {"self": "…"})
        self.assertEqual((extra["price"], extra["at"], extra["lone"]), ("2.50", "2023-10-16", "\udc80"))
        self.assertEqual(sorted(extra["tags"]), ["a", "b"])

    def test_an_object_that_cannot_be_shown_is_named_by_its_type(self):
        class Broken:
            def __str__(self):
                raise RuntimeError("not today")

        self.assertEqual(self.record(lambda logger: logger.info("x", extra={"it": Broken()}))["extra"]["it"], "<Broken>")

    def test_an_event_gets_a_uuid_and_a_time_and_keeps_its_own(self):
        server = self.server()
        client = self.client(server.url, channel_id=3)
        first = client.send({"action": "LOGIN"})
        own = str(uuid.uuid4())
        self.assertEqual(client.send({"uuid": own, "timestamp": "2023-10-16", "channel_id": 4}), own)
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((server.records[first]["action"], server.records[first]["channel_id"]), ("LOGIN", 3))
        self.assertIn("timestamp", server.records[first])
        self.assertEqual(server.records[own], {"uuid": own, "timestamp": "2023-10-16", "channel_id": 4})

    def test_what_is_no_event_is_counted_and_does_not_raise(self):
        client = self.client(self.server().url)
        self.assertIsNone(client.send(7))
        self.assertEqual(client.sender.dropped, 1)
        self.assertIn("cannot be taken", self.told[0])

    def test_records_and_events_of_a_context_have_its_id(self):
        mark = audit_logging.correlation_id.set("task-7")
        record = self.record(lambda logger: logger.warning("x"))
        own = self.record(lambda logger: logger.warning("x", extra={"correlation_id": uuid.UUID(int=7)}))
        none = self.record(lambda logger: logger.warning("x", extra={"correlation_id": "-"}))
        server = self.server()
        client = self.client(server.url, source="shop")
        client.send({"action": "A"})
        client.send({"action": "B", "correlation_id": "own", "source": "other"})
        audit_logging.correlation_id.reset(mark)
        client.send({"action": "C"})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual([shown["correlation_id"] for shown in (record, own, none)], ["task-7", str(uuid.UUID(int=7)), "task-7"])
        self.assertNotIn("correlation_id", own["extra"])
        self.assertEqual([(event.get("source"), event.get("correlation_id")) for event in server.records.values()],
                         [("shop", "task-7"), ("other", "own"), ("shop", None)])
        self.assertNotIn("correlation_id", self.record(lambda logger: logger.warning("x")))

    def test_events_that_belong_together_are_one_request(self):
        server = self.server()
        client = self.client(server.url)
        client.send_all([{"action": str(n)} for n in range(audit_logging.BATCH_RECORDS_MAX)])
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((len(server.requests), len(server.records)), (1, audit_logging.BATCH_RECORDS_MAX))
        client.send_all(["not an event", {}])
        self.assertEqual(client.sender.dropped, 2)
        self.told.clear()

    def test_many_events_leave_other_threads_their_turn(self):
        client = self.client(self.away, spool=None)

        class Value:
            """Of the first event that no longer fits in the first portion: as it is written, another thread has something to say."""

            def __str__(self):
                other = threading.Thread(target=client.send, args=({"n": "other"},))
                other.start()
                other.join(PATIENCE)
                return "late"

        most = audit_logging.BATCH_RECORDS_MAX
        client.send_all([{"n": Value() if n == most else n} for n in range(2 * most + 1)])
        seen = [json.loads(line)["n"] for line in client.sender._backlog.memory]
        self.assertEqual(seen, [*range(most), "other", "late", *range(most + 1, 2 * most + 1)])

    def test_an_address_that_is_none_is_said_at_once(self):
        for url in ("127.0.0.1:8080", "ftp://example.com", "http://"):
            with self.assertRaisesRegex(ValueError, "http://HOST:PORT"):
                AuditClient(url, "key")


class Sending(Case):
    def test_refused_requests_are_repeated_until_they_are_taken(self):
        server = self.server([503, 429, 500, (503, {"Retry-After": "0"}, b""), 401, 302])
        client = self.client(server.url)
        uuids = [client.send({"n": n}) for n in range(20)]
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual(list(server.records), uuids, "all of them, in order")
        self.assertGreaterEqual(len(server.requests), 7)
        self.assertEqual((client.sender.dropped, client.sender.rejected), (0, 0))

    def test_the_pause_doubles_up_to_a_limit_and_is_never_shorter_than_the_server_asks(self):
        audit_logging.BACK_OFF_SECONDS = (0.5, 60.0)
        for failures, longest in ((0, 0.5), (1, 1), (3, 4), (7, 60), (10_000, 60)):
            for _ in range(50):
                delay = audit_logging._delay(failures, None)
                self.assertTrue(longest / 2 <= delay <= longest, (failures, delay))
        self.assertGreater(audit_logging._delay(0, 17.0), 17)
        self.assertLess(audit_logging._delay(0, 1e9), 400)
        self.assertEqual(audit_logging._retry_after("5"), 5.0)
        self.assertTrue(50 < audit_logging._retry_after(email.utils.formatdate(time.time() + 60, usegmt=True)) <= 60)
        self.assertEqual([audit_logging._retry_after(odd) for odd in (None, "soon", "", "-3")], [None, None, None, 0.0])

    def test_a_retry_after_is_honoured(self):
        asked = []
        self.addCleanup(setattr, audit_logging, "_delay", audit_logging._delay)
        audit_logging._delay = lambda failures, wait: asked.append((failures, wait)) or 0.001
        server = self.server([(503, {"Retry-After": "7"}, b""), 503])
        client = self.client(server.url)
        client.send({})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual(asked, [(0, 7.0), (1, None)])

    def test_a_page_of_somebody_else_is_no_receipt(self):
        login = (200, {}, b"<html>Please log in</html>")
        short = (201, {}, b'{"accepted":0,"duplicates":0}')
        server = self.server([login, short])
        client = self.client(server.url)
        uuid_ = client.send({"n": 1})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((list(server.records), len(server.requests)), ([uuid_], 3))

    def test_an_idle_connection_that_was_closed_is_no_failure(self):
        server = self.server()
        server.closes = True
        client = self.client(server.url)
        for n in range(5):
            client.send({"n": n})
            self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((len(server.records), self.told), (5, []))

    def test_a_record_that_is_refused_for_good_does_not_hold_up_the_others(self):
        server = self.server([503])
        client = self.client(server.url)
        uuids = [client.send({"poison": 1} if n in (0, 33, 34, 99) else {"n": n}) for n in range(100)]
        self.assertTrue(client.flush(PATIENCE))
        good = [uuid_ for n, uuid_ in enumerate(uuids) if n not in (0, 33, 34, 99)]
        self.assertEqual(list(server.records), good)
        refused = self.lines(".rejected")
        self.assertEqual([line["record"]["uuid"] for line in refused], [uuids[0], uuids[33], uuids[34], uuids[99]])
        self.assertEqual(({line["status"] for line in refused}, client.sender.rejected), ({400}, 4))
        self.assertIn("invalid_body", refused[0]["answer"])

    def test_a_wrong_address_is_waited_out_but_a_wrong_channel_of_a_record_is_set_aside(self):
        missing = (404, {}, b'{"code":"not_found"}')
        server = self.server([missing, missing])
        client = self.client(server.url)
        client.send({"n": 1})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((len(server.records), client.sender.rejected), (1, 0))
        server.script = [missing]
        client.send({"channel_id": 99})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((len(server.records), client.sender.rejected), (1, 1))

    def test_a_record_larger_than_a_batch_goes_alone(self):
        server = self.server([503])
        client = self.client(server.url)
        large = "x" * (audit_logging.BATCH_BYTES_MAX + 10)
        for text in ("a", large, "b"):
            client.send({"text": text})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual([record["text"] for record in server.records.values()], ["a", large, "b"])
        self.assertIn(1, [len(body.splitlines()) for body in server.requests if len(body) > len(large)])

    def test_a_redirect_is_not_followed_and_is_told_with_its_target(self):
        server = self.server([(308, {"Location": "/api/v1/events/"}, b""), (301, {"Location": "https://other.example/"}, b"")])
        client = self.client(server.url)
        uuid_ = client.send({"n": 1})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((list(server.records), len(server.requests)), ([uuid_], 3))
        self.assertIn("answers 308 and points to /api/v1/events/", self.told[0])

    def test_its_own_troubles_are_not_logged_into_itself(self):
        told = []
        logger, handler = self.logger(self.away, on_error=lambda text: told.append(text) or logger.error(text))
        audit_logging.REPORT_SECONDS, seconds = 0, audit_logging.REPORT_SECONDS
        self.addCleanup(setattr, audit_logging, "REPORT_SECONDS", seconds)
        logger.info("one")
        self.assertTrue(handler.sender.spooled(PATIENCE))
        self.until(lambda: len(told) > 5)
        self.assertEqual([line["message"] for line in self.lines(".ndjson")], ["one"])

    def until(self, true):
        end = time.monotonic() + PATIENCE
        while not true():
            self.assertLess(time.monotonic(), end, "it does not happen")
            time.sleep(0.005)


class Bounds(Case):
    def test_a_full_queue_drops_and_counts_and_neither_waits_nor_raises(self):
        logger, handler = self.logger(self.away, spool=None, queue_limit=10_000)
        for n in range(1_000):
            logger.info("record %d", n)
        sender = handler.sender
        self.assertGreater(sender.dropped, 900)
        self.assertLess(sender.waiting(), 30_000)
        self.assertIn("dropped", " ".join(self.told))
        handler.close(0)
        self.assertEqual(sender.dropped, 1_000, "without a spool, the end loses the rest, and says so")

    def test_the_spool_is_bounded(self):
        client = self.client(self.away, spool_limit=20_000, queue_limit=20_000)
        for n in range(2_000):
            client.send({"n": n})
            client.sender.spooled(0)
        size = sum(os.path.getsize(os.path.join(self.spool, name)) for name in self.files(".ndjson"))
        self.assertLess(size, 60_000)
        self.assertGreater(client.sender.dropped, 1_000)

    def test_a_spool_that_cannot_be_written_is_done_without(self):
        server = self.server([503])
        client = self.client(server.url)
        shutil.rmtree(self.spool)
        uuids = [client.send({"n": n}) for n in range(50)]
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual(list(server.records), uuids)
        self.assertIn("the spool cannot be written", " ".join(self.told))

    def test_a_spool_that_cannot_be_made_is_told_and_done_without(self):
        file = pathlib.Path(self.spool, "a-file")
        file.write_text("")
        server = self.server()
        client = self.client(server.url, spool=str(file / "spool"))
        uuids = [client.send({"n": n}) for n in range(5)]
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((list(server.records), client.sender.dropped), (uuids, 0))
        self.assertIn("the spool cannot be written, records wait in memory", self.told[0])
        self.assertIn("a-file", self.told[0])

    def test_a_disk_that_is_full_for_a_while_loses_nothing_and_keeps_the_order(self):
        full, write = threading.Event(), os.write
        self.addCleanup(setattr, os, "write", write)

        def write_half(fd, data):
            if full.is_set() and fd in audit_logging._files:
                write(fd, bytes(data)[:7])
                raise OSError(28, "No space left on device")
            return write(fd, data)

        os.write = write_half
        server = self.server([503] * 3)
        client = self.client(server.url)
        full.set()
        uuids = [client.send({"n": n}) for n in range(3)]
        full.clear()
        self.assertTrue(client.sender.spooled(PATIENCE))
        uuids += [client.send({"n": n}) for n in range(3, 6)]
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual((list(server.records), client.sender.dropped), (uuids, 0))
        self.assertIn("No space left", " ".join(self.told))
        client.close(PATIENCE)
        self.assertEqual(os.listdir(self.spool), [])

    def test_the_spool_is_bounded_for_short_lived_processes_too(self):
        client = self.client(self.away, spool_limit=100_000, queue_limit=0)
        statuses = []
        for n in range(60):
            child = os.fork()
            if child == 0:
                os._exit(0 if client.send({"n": n}) else 3)
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        # A file takes a block of 4096 bytes.
        self.assertEqual((statuses[:20], statuses[-20:]), ([0] * 20, [3] * 20))
        self.assertLess(len(self.files(".ndjson")), 30)

    def test_sending_empties_the_spool(self):
        client = self.client(self.server().url)
        for n in range(2_000):
            client.send({"n": n, "text": "x" * 1_000})
        self.assertTrue(client.flush(PATIENCE))
        client.close(PATIENCE)
        self.assertEqual(os.listdir(self.spool), [])

    def test_closing_twice_and_logging_afterwards_is_harmless_and_loses_nothing(self):
        server = self.server()
        logger, handler = self.logger(server.url)
        handler.close()
        handler.close()
        logger.info("late")
        self.assertEqual([line["message"] for line in self.lines(".ndjson")], ["late"])


class Lives(Case):
    """What several processes, and several lives of one, do with a spool."""

    def test_what_waited_is_sent_first_and_in_order_after_a_restart(self):
        before = self.client(self.away)
        early = [before.send({"n": n}) for n in range(300)]
        before.close(0.2)
        server = self.server()
        after = self.client(server.url)
        self.assertTrue(after.flush(PATIENCE))
        late = after.send({"n": 300})
        self.assertTrue(after.flush(PATIENCE))
        self.assertEqual(list(server.records), [*early, late])

    def test_a_torn_last_line_is_set_aside(self):
        uuid_ = str(uuid.uuid4())
        pathlib.Path(self.spool, "events-1-a.ndjson").write_text(f'{{"uuid":"{uuid_}"}}\n{{"uuid":"torn')
        server = self.server()
        client = self.client(server.url)
        client.send({})
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual(next(iter(server.records)), uuid_)
        self.assertEqual([line["record"] for line in self.lines(".rejected")], ['{"uuid":"torn'])

    def test_kinds_share_a_directory_and_do_not_mix(self):
        self.client(self.away).send({"n": 1})
        server = self.server()
        logger, handler = self.logger(server.url)
        logger.info("x")
        self.assertTrue(handler.flush(PATIENCE))
        self.assertEqual([record["message"] for record in server.records.values()], ["x"])

    def test_files_of_living_processes_are_left_alone_and_those_of_dead_ones_are_taken(self):
        program = (
            "import sys, audit_logging\n"
            "client = audit_logging.AuditClient(sys.argv[1], 'key', spool=sys.argv[2], on_error=lambda text: None)\n"
            "uuid = client.send({})\n"
            "assert client.sender.spooled(60)\n"
            "sys.stdout.write(uuid + '\\n')\n"
            "sys.stdout.flush()\n"
            "sys.stdin.read()\n"
        )
        path = str(pathlib.Path(audit_logging.__file__).parent)
        child = subprocess.Popen([sys.executable, "-c", program, self.away, self.spool], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stdin.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        uuid_ = child.stdout.readline().strip()
        server = self.server()
        seconds, audit_logging.ADOPT_SECONDS = audit_logging.ADOPT_SECONDS, 0.02
        self.addCleanup(setattr, audit_logging, "ADOPT_SECONDS", seconds)
        client = self.client(server.url)
        own = client.send({})
        self.assertTrue(client.flush(PATIENCE))
        time.sleep(0.2)
        self.assertEqual(list(server.records), [own], "the living process sends its own")
        child.kill()
        child.wait()
        end = time.monotonic() + PATIENCE
        while uuid_ not in server.records and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(list(server.records), [own, uuid_])

    def test_a_record_is_in_the_spool_when_the_call_returns(self):
        client = self.client(self.away)
        logger, _ = self.logger(self.away)
        for n in range(20):
            uuid_ = client.send({"n": n})
            self.assertEqual(self.lines(".ndjson")[-1]["uuid"], uuid_)
        logger.info("at once")
        self.assertEqual(self.lines(".ndjson")[0]["message"], "at once")

    def test_no_file_is_sent_by_two_processes(self):
        uuids = [str(uuid.uuid4()) for _ in range(60)]
        for n, uuid_ in enumerate(uuids):
            pathlib.Path(self.spool, f"events-{n:020d}-a.ndjson").write_text(f'{{"uuid":"{uuid_}"}}\n')
        program = (
            "import sys, audit_logging\n"
            "client = audit_logging.AuditClient(sys.argv[1], 'key', spool=sys.argv[2])\n"
            "sys.exit(not client.flush(60))\n"
        )
        server = self.server()
        environ = {**os.environ, "PYTHONPATH": str(pathlib.Path(audit_logging.__file__).parent)}
        command = [sys.executable, "-c", program, server.url, self.spool]
        children = [subprocess.Popen(command, env=environ) for _ in range(4)]
        self.assertEqual([child.wait(PATIENCE) for child in children], [0] * 4)
        sent = [json.loads(line)["uuid"] for body in server.requests for line in body.splitlines()]
        self.assertEqual(sorted(sent), sorted(uuids), "each of them once")
        self.assertEqual(os.listdir(self.spool), [])

    def test_more_files_than_may_be_open_are_sent_in_turns_and_in_order(self):
        most, audit_logging.ADOPT_FILES_MAX = audit_logging.ADOPT_FILES_MAX, 4
        self.addCleanup(setattr, audit_logging, "ADOPT_FILES_MAX", most)
        for n in range(30):
            pathlib.Path(self.spool, f"events-{n:020d}-a.ndjson").write_text(f'{{"uuid":"{uuid.uuid4()}","n":{n}}}\n')
        server = self.server()
        client = self.client(server.url)
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual([record["n"] for record in server.records.values()], list(range(30)))
        self.assertLess(len(server.requests), 15, "files are sent together")
        self.assertEqual(os.listdir(self.spool), [])

    def test_a_child_that_outlives_its_parent_keeps_nothing_of_it_locked(self):
        program = (
            "import os, sys, time, audit_logging\n"
            "client = audit_logging.AuditClient(sys.argv[1], 'key', spool=sys.argv[2], on_error=lambda text: None)\n"
            "uuid = client.send({})\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    sys.stdin.read()\n"
            "    os._exit(0)\n"
            "print(uuid, flush=True)\n"
            "os.kill(os.getpid(), 9)\n"
        )
        environ = {**os.environ, "PYTHONPATH": str(pathlib.Path(audit_logging.__file__).parent)}
        parent = subprocess.Popen([sys.executable, "-c", program, self.away, self.spool], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, env=environ)
        self.addCleanup(parent.stdout.close)
        # Its end is that of the grandchild.
        self.addCleanup(parent.stdin.close)
        uuid_ = parent.stdout.readline().strip()
        self.assertEqual(parent.wait(PATIENCE), -9)
        server = self.server()
        client = self.client(server.url)
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual(list(server.records), [uuid_])

    def test_a_fork_while_others_hold_every_lock_does_not_hang(self):
        server = self.server()
        client = self.client(server.url)
        logger, handler = self.logger(server.url)
        held, release = threading.Event(), threading.Event()

        def hold():
            with client.sender._changed, handler.sender._changed, handler.lock:
                held.set()
                release.wait(PATIENCE)

        thread = threading.Thread(target=hold)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(release.set)
        held.wait(PATIENCE)
        child = os.fork()
        if child == 0:
            logger.info("from a child")
            client.send({"message": "from a child"})
            os._exit(0 if client.flush(PATIENCE) and handler.flush(PATIENCE) else 1)
        self.assertEqual(self.status(child), 0)
        self.assertEqual([record["message"] for record in server.records.values()], ["from a child"] * 2)

    def status(self, child):
        """The exit code of a child, which is killed if it hangs."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        os.kill(child, 9)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_a_child_with_nothing_to_say_ends_at_once_and_starts_no_thread(self):
        client = self.client(self.away)
        client.send({})
        child = os.fork()
        if child == 0:
            before = time.monotonic()
            client.close(PATIENCE)
            os._exit(0 if threading.active_count() == 1 and time.monotonic() - before < PATIENCE / 2 else 1)
        self.assertEqual(self.status(child), 0)

    def test_what_children_leave_their_parent_sends_before_its_end(self):
        server = self.server([503])
        client = self.client(server.url)
        for n in range(10):
            child = os.fork()
            if child == 0:
                client.send({"n": n})
                os._exit(0)
            os.waitpid(child, 0)
        client.close(PATIENCE)
        self.assertEqual(sorted(record["n"] for record in server.records.values()), list(range(10)))
        self.assertEqual(os.listdir(self.spool), [])

    def test_a_forked_child_sends_its_own_records_and_not_its_parents(self):
        server = self.server()
        away = self.client(self.away)
        waiting = away.send({"of": "the parent"})
        self.assertTrue(away.sender.spooled(PATIENCE))
        client = self.client(server.url)
        client.send({"of": "the parent"})
        self.assertTrue(client.flush(PATIENCE))
        for n in range(5):
            child = os.fork()
            if child == 0:
                client.send({"of": "a child", "n": n})
                done = client.flush(PATIENCE) and not away.sender.waiting()
                client.close()
                os._exit(0 if done else 1)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        client.send({"of": "the parent"})
        self.assertTrue(client.flush(PATIENCE))
        records = list(server.records.values())
        self.assertEqual(sum(record["of"] == "a child" for record in records), 5)
        self.assertEqual(sum(record["of"] == "the parent" for record in records), 2)
        self.assertEqual(len(server.requests), 7, "nothing was sent twice")
        self.assertNotIn(waiting, server.records)

    def test_a_fork_while_others_log_does_not_hang(self):
        server = self.server()
        logger, handler = self.logger(server.url)
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                logger.info("busy")

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                child = os.fork()
                if child == 0:
                    logger.info("from a child")
                    os._exit(0 if handler.flush(PATIENCE) else 1)
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertTrue(handler.flush(PATIENCE))
        self.assertEqual(sum(record["message"] == "from a child" for record in server.records.values()), 10)


if __name__ == "__main__":
    unittest.main()
