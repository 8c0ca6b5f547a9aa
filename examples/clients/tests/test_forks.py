"""What forked workers say arrives, once, however they end: gunicorn, Celery, multiprocessing and os.fork against a running server.

AUDIT_URL and AUDIT_KEY say where the server is. Needs gunicorn and Celery.
"""

import contextlib
import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 60
home = tempfile.mkdtemp()
os.environ["AUDIT_SPOOL"] = os.path.join(home, "spool")
os.makedirs(os.path.join(home, "broker"))
sys.path.insert(0, str(HERE))

import forked

context = multiprocessing.get_context("fork")
groups = []


def end_all(*_):
    """When the test itself is ended from outside: nothing stays running. A child of it, as in a pool, just ends."""
    for group in groups if os.getpid() == MAIN else ():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    os._exit(1)


MAIN = os.getpid()
signal.signal(signal.SIGTERM, end_all)


def get(path, **query):
    request = urllib.request.Request(f"{os.environ['AUDIT_URL']}{path}?{urllib.parse.urlencode(query)}",
                                     headers={"Authorization": f"Token {os.environ['AUDIT_KEY']}"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def stored(path, member, mark):
    """What is in the log and begins with the mark."""
    found, more = [], {}
    while True:
        page = get(path, sort="position", limit=1000, **more)
        found += [record[member] for record in page["results"] if (record[member] or "").startswith(mark)]
        if page["next_cursor"] is None:
            return sorted(found)
        more = {"cursor": page["next_cursor"]}


def until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise AssertionError("it does not happen")
        time.sleep(0.02)


def in_fork(work):
    """A child that does this and ends at once, without a chance to finish anything."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def spool():
    return [name for name in os.listdir(os.environ["AUDIT_SPOOL"]) if name.endswith(".ndjson")]


class Case(unittest.TestCase):
    def setUp(self):
        self.mark = f"{self.id().rpartition('.')[2]}-"
        self.labels = [f"{self.mark}{n}" for n in range(100)]

    def flush(self):
        self.assertTrue(forked.client.flush(PATIENCE) and forked.handler.flush(PATIENCE))

    def run_group(self, command):
        """A process that others are forked from, in a group of its own."""
        process = subprocess.Popen(command, cwd=HERE, env=dict(os.environ), start_new_session=True, stdout=subprocess.DEVNULL)
        groups.append(process.pid)
        self.addCleanup(process.wait)
        self.addCleanup(self.end, process, signal.SIGKILL)
        return process

    def end(self, process, number):
        """To the whole group: the process and its workers."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def stored(self):
        return stored("/api/v1/events", "description", self.mark), stored("/api/v1/action-logs", "message", self.mark)

    def assert_stored(self, labels):
        """These and no others, once: now, or as soon as killed processes are gone, which keep their files locked until then."""
        def is_stored():
            self.flush()
            return all(len(found) >= len(labels) for found in self.stored())

        with contextlib.suppress(AssertionError):
            until(is_stored)
        for found in self.stored():
            self.assertEqual(found, sorted(labels))


class Multiprocessing(Case):
    def test_a_process_for_each_record_loses_none(self):
        for label in self.labels:
            process = context.Process(target=forked.work, args=(label,))
            process.start()
            process.join()
            self.assertEqual(process.exitcode, 0)
        self.assert_stored(self.labels)

    def test_a_pool_that_is_terminated_loses_no_job(self):
        with context.Pool(4) as pool:
            pool.map(forked.work, self.labels[:40], chunksize=1)
        self.assert_stored(self.labels[:40])

    def test_a_pool_with_a_process_for_each_job_loses_none(self):
        with context.Pool(4, maxtasksperchild=1) as pool:
            pool.map(forked.work, self.labels[:40], chunksize=1)
            # To terminate a pool while it replaces a worker leaves that worker waiting for ever now and then, in Python itself.
            pool.close()
            pool.join()
        self.assert_stored(self.labels[:40])


class Deaths(Case):
    def test_what_is_said_just_before_os_exit_arrives(self):
        for label in self.labels:
            os.waitpid(in_fork(lambda: forked.work(label)), 0)
        self.assert_stored(self.labels)

    def test_a_child_of_a_child_that_is_killed_loses_nothing(self):
        def work():
            def die():
                forked.work(self.labels[1])
                os.kill(os.getpid(), signal.SIGKILL)

            forked.work(self.labels[0])
            os.waitpid(in_fork(die), 0)
            os.kill(os.getpid(), signal.SIGKILL)

        os.waitpid(in_fork(work), 0)
        self.assert_stored(self.labels[:2])

    def test_children_of_threads_that_log_do_not_hang_and_lose_nothing(self):
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                forked.logger.warning("busy")

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for label in self.labels[:30]:
                child = in_fork(lambda: forked.work(label))
                until(lambda: os.waitpid(child, os.WNOHANG)[0])
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assert_stored(self.labels[:30])

    def test_what_children_leave_while_the_server_is_away_the_next_start_sends(self):
        self.flush()
        before = len(spool())
        # A port that refuses: bound, so that nobody else gets it, but not listening.
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            program = (
                "import os, sys, forked\n"
                "for label in sys.argv[1:]:\n"
                "    if os.fork() == 0:\n"
                "        forked.work(label)\n"
                "        os._exit(0)\n"
                "    os.wait()\n"
                "forked.work(sys.argv[1] + '-parent')\n"
                "os._exit(0)\n"
            )
            environ = {**os.environ, "AUDIT_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}", "PYTHONPATH": str(HERE)}
            subprocess.run([sys.executable, "-c", program, *self.labels], env=environ, check=True, timeout=PATIENCE)
        self.assertEqual(len(spool()) - before, 202, "each process has a file for each kind")
        self.assert_stored([*self.labels, f"{self.labels[0]}-parent"])


class Gunicorn(Case):
    def start(self, *options):
        """The arbiter with three workers, and a function that asks one of them."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "--workers", "3", "--bind", f"127.0.0.1:{port}", "--log-level", "critical",
                   "--chdir", str(HERE), *options, "forked:application"]
        process = self.run_group(command)

        def ask(path):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
                return answer.read()

        def answers():
            with contextlib.suppress(OSError):
                with socket.create_connection(("127.0.0.1", port), 1):
                    return True
            return process.poll() is not None

        until(answers)
        self.assertIsNone(process.poll())
        return process, ask

    def ask_all(self, ask, labels):
        for label in labels:
            self.assertNotEqual(int(ask(f"/work/{label}")), os.getpid())

    def check(self, *options):
        process, ask = self.start(*options)
        self.ask_all(ask, self.labels[:60])
        for label in self.labels[60:64]:
            # The worker is gone before it answers; the arbiter starts another one.
            with self.assertRaises((OSError, urllib.error.URLError)):
                ask(f"/die/{label}")
        self.ask_all(ask, self.labels[64:])
        self.end(process, signal.SIGKILL)
        process.wait()
        self.assert_stored(self.labels)

    def test_workers_that_load_the_application_lose_nothing(self):
        self.check()

    def test_workers_of_a_preloaded_application_lose_nothing(self):
        self.check("--preload")

    def test_workers_that_are_replaced_lose_nothing(self):
        self.check("--preload", "--max-requests", "7")

    def test_an_orderly_end_leaves_nothing_in_the_spool(self):
        for options in ([], ["--preload"]):
            process, ask = self.start(*options)
            self.ask_all(ask, self.labels[:50])
            os.kill(process.pid, signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 0)
        self.assert_stored(self.labels[:50] * 2)


class Celery(Case):
    def test_prefork_workers_lose_nothing_however_they_end(self):
        command = [sys.executable, "-m", "celery", "-A", "forked", "worker", "--pool", "prefork", "--concurrency", "3",
                   "--loglevel", "CRITICAL", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        for number, labels in ((signal.SIGKILL, self.labels[:50]), (signal.SIGTERM, self.labels[50:])):
            process = self.run_group(command)
            for label in labels:
                forked.task.delay(label)
            until(lambda: process.poll() is not None or len(self.said(labels)) == len(labels))
            if number == signal.SIGKILL:
                self.end(process, number)
                process.wait()
            else:
                os.kill(process.pid, number)
                self.assertEqual(process.wait(PATIENCE), 0)
        self.assert_stored(self.labels)

    def said(self, labels):
        """Those of which both the event and the log record are in the spool or in the log: only then a worker has said all."""
        found = []
        for kind, member, in_log in zip(("events-", "action-logs-"), ("description", "message"), self.stored()):
            text = ""
            for name in filter(lambda name: name.startswith(kind), spool()):
                with contextlib.suppress(FileNotFoundError):
                    text += pathlib.Path(os.environ["AUDIT_SPOOL"], name).read_text().rpartition("\n")[0] + "\n"
            found.append({json.loads(line)[member] for line in text.splitlines() if line} | set(in_log))
        return found[0] & found[1] & set(labels)


def tearDownModule():
    forked.client.close(PATIENCE)
    forked.handler.close(PATIENCE)
    left = os.listdir(os.environ["AUDIT_SPOOL"])
    shutil.rmtree(home)
    assert left == [], left


if __name__ == "__main__":
    unittest.main()
