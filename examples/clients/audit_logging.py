"""Sends an application's log records and audit events to an audit log server.

One file for Python 3.9 and later on a POSIX system, nothing but the standard library: copy it beside your code.

    import logging
    from audit_logging import AuditClient, AuditHandler

    logging.getLogger().addHandler(AuditHandler("http://127.0.0.1:8080", KEY, app_name="shop", spool="audit-spool"))

    audit = AuditClient("http://127.0.0.1:8080", KEY, spool="audit-spool")
    audit.send({"action": "LOGIN", "user": {"pk": 7, "username": "zoe"}})

The way of a record: the caller writes one line of JSON, with a uuid of its own, to a file of the spool and goes on. One thread
syncs the file to the disk. Another sends the spool to the server, oldest first, and forgets a record only when the server says that
it is on disk. So a record outlives the process from the moment that the call returns, and the machine from a moment later, whether or
not the server is there. The server knows the uuid, so what is sent twice is stored once. What the server refuses for good goes
into `KIND.rejected` in the spool's directory, with the reason.

What is logged and sent in one request or task is found together by its `correlation_id`: set it once with
`correlation_id.set("…")`, a `contextvars.ContextVar`, or as an attribute of a log record (`extra={"correlation_id": …}`, or a filter).

Nothing here raises into the application, and its threads do not wait for the network or for a sync. The price is a bound: when the
spool is full or cannot be written, records wait in memory; when that is full too, new records are dropped, counted in
`sender.dropped`, and reported (on stderr, or to `on_error`).

A process that is forked (by gunicorn, Celery, `multiprocessing` or `os.fork`) begins with its first record a file and threads of
its own, and leaves what waits in the parent to the parent. However it ends, by `os._exit` and SIGKILL too, its file remains, and is
sent by the next process that starts, or by a living one at its next `flush`, at its end, or within half a minute.

Give each application on each host a directory of its own, on a local disk. Its processes share the directory: a process locks its
files, and each sends, beside its own files, those that nobody locks any more. Without `spool` there is only memory, and records
that wait die with the process.
"""

import atexit
import collections
import contextlib
import contextvars
import datetime
import email.utils
import fcntl
import http.client
import itertools
import json
import logging
import math
import os
import random
import sys
import threading
import time
import urllib.parse
import uuid
import weakref

__all__ = ["AuditClient", "AuditHandler", "Sender", "correlation_id"]

# The id of the request, the task or the trace, for all records and events of this thread or coroutine that name none.
correlation_id = contextvars.ContextVar("audit_correlation_id", default=None)

BATCH_RECORDS_MAX = 500
# Reverse proxies commonly take a body of 1 MiB; a single record may be larger.
BATCH_BYTES_MAX = 512 << 10
SEGMENT_BYTES_MAX = 4 << 20
ANSWER_BYTES_MAX = 4 << 20
BACK_OFF_SECONDS = (0.5, 60.0)
RETRY_AFTER_SECONDS_MAX = 300.0
ADOPT_SECONDS = 30.0
# Files of dead processes that one process has open at a time.
ADOPT_FILES_MAX = 64
# A file of one short line takes as much of a disk.
BLOCK_BYTES = 4096
REPORT_SECONDS = 60.0
# What no retry can change: bad content, a uuid that belongs to another event, a record that is too large.
REFUSED_FOR_GOOD = (400, 409, 413)

# Set in our own threads: what they log, say in `on_error`, must not come back to them.
_own = threading.local()
_senders = weakref.WeakSet()
# Open descriptors of spool files. A forked child closes its copies, because a copy keeps the file locked after its parent's end. No
# fork happens while the lock is held, so that no copy is unknown.
_files, _files_lock = set(), threading.RLock()


class AuditHandler(logging.Handler):
    """Log records to `/api/v1/action-logs`. `options` are those of `Sender`."""

    def __init__(self, url, key, *, app_name=None, channel_id=None, level=logging.NOTSET, **options):
        super().__init__(level)
        self.app_name = app_name
        self.channel_id = channel_id
        self.sender = Sender(url, key, "action-logs", **options)

    def emit(self, record):
        try:
            if not getattr(_own, "thread", False):
                self.sender.put(self.to_json(record))
        except Exception:
            self.handleError(record)

    def to_json(self, record):
        """The native shape of a record; override it to send more, or less."""
        shown = {
            "uuid": str(uuid.uuid4()),
            "created_at": datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc).isoformat(),
            # The server takes Python's range; a level beyond it is kept in `extra`.
            "level": min(max(int(record.levelno), 0), 50),
            "logger_name": record.name,
            "app_name": self.app_name,
            "message": _message(record),
            "trace": _trace(record),
            "extra": _extra(record),
        }
        correlation = _correlation(getattr(record, "correlation_id", None))
        if correlation is not None:
            shown["correlation_id"] = correlation
        return shown if self.channel_id is None else {**shown, "channel_id": self.channel_id}

    def flush(self, timeout=None):
        """Waits until the server has everything; False if it does not within `timeout` seconds."""
        return self.sender.flush(timeout)

    def close(self, timeout=None):
        self.sender.close(timeout)
        super().close()


class AuditClient:
    """Events to `/api/v1/events`. `source` names the application in each; `options` are those of `Sender`."""

    def __init__(self, url, key, *, channel_id=None, source=None, **options):
        self.channel_id = channel_id
        self.source = source
        self.sender = Sender(url, key, "events", **options)

    def send(self, event):
        """Takes an event on its way, in the server's native shape. Returns its uuid, or None where it had to be dropped."""
        try:
            event = self._whole(event)
            return str(event["uuid"]) if self.sender.put(event) else None
        except Exception as error:
            self.sender.drop(1, f"an event cannot be taken: {error!r}")
            return None

    def send_all(self, events):
        """Takes events that belong together. They are sent in one request, as far as they fit: 500 events and 512 KiB."""
        try:
            self.sender.put_all([self._whole(event) for event in events])
        except Exception as error:
            self.sender.drop(len(events), f"events cannot be taken: {error!r}")

    def _whole(self, event):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        event = {"uuid": str(uuid.uuid4()), "timestamp": now, **event}
        correlation = _correlation(event.get("correlation_id"))
        for name, value in (("channel_id", self.channel_id), ("source", self.source), ("correlation_id", correlation)):
            if value is not None:
                event.setdefault(name, value)
        return event

    def flush(self, timeout=None):
        """Waits until the server has everything; False if it does not within `timeout` seconds."""
        return self.sender.flush(timeout)

    def close(self, timeout=None):
        self.sender.close(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Sender:
    """The way of records of one kind (`events` or `action-logs`) to one server.

    spool          directory for what is not sent yet; None: memory only
    spool_limit    bytes that may wait in the directory; each process may exceed it by one file of 4 MiB
    queue_limit    bytes that may wait in memory
    timeout        seconds for each step of a request
    close_timeout  seconds that `flush`, `close` and the end of the interpreter wait for the server by default
    context        an `ssl.SSLContext`, for a certificate authority of your own
    on_error       called with a sentence when something goes wrong, from any thread, at most once a minute for each kind of
                   fault; default: stderr
    """

    def __init__(self, url, key, kind, *, spool=None, spool_limit=256 << 20, queue_limit=16 << 20, timeout=10.0,
                 close_timeout=3.0, context=None, on_error=None):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the address of the audit log must be http://HOST:PORT or https://HOST:PORT, not {url!r}")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/api/v1/{kind}"
        self._headers = {"Authorization": f"Token {key}", "Content-Type": "application/x-ndjson", "Accept": "application/json"}
        self._kind, self._spool, self._spool_limit, self._queue_limit = kind, spool, spool_limit, queue_limit
        self._timeout, self._close_timeout, self._context, self._on_error = timeout, close_timeout, context, on_error
        if spool is not None:
            # A daemon may change its directory later.
            self._spool = os.path.abspath(spool)
        self._reset()
        if spool is not None:
            self._prepare()
        _senders.add(self)
        with self._changed:
            # At once, not with the first record: an earlier process may have left something.
            self._start()

    def _prepare(self):
        try:
            os.makedirs(self._spool, mode=0o700, exist_ok=True)
            if not os.access(self._spool, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(f"no right to read and write in {self._spool!r}")
        except OSError as error:
            self.report("spool", f"the spool cannot be written, records wait in memory: {error}")
            # The same fault.
            self._reported["spool-read"] = time.monotonic()

    def _reset(self):
        # One condition for all. Its lock is reentrant: a destructor may log while this thread holds it.
        self._changed = threading.Condition()
        self._backlog = _Backlog(self._spool, self._kind, self._spool_limit, self._queue_limit, self.report, self._changed)
        self._threads, self._connection = {}, None
        self._closing = self._hurry = self._ended = False
        # When to look for files of dead processes (0: now; inf: it does), and whether the last look left some.
        self._adopt_at, self._more = 0.0, False
        self.sent = self.rejected = self.dropped = 0
        self._reported = {}

    def put(self, record):
        """Takes a record; False where it had to be dropped."""
        return self.put_all([record])

    def put_all(self, records):
        """Takes records that belong together; False where some had to be dropped."""
        lines = (_encode(record).encode("ascii") + b"\n" for record in records)
        kept = True
        # As many as fit in one request: then other threads have their turn.
        while portion := list(_portion(lines, BATCH_RECORDS_MAX, BATCH_BYTES_MAX)):
            kept &= self._put(portion)
        return kept

    def _put(self, lines):
        with self._changed:
            # Into the file before anything else: nothing that goes wrong from here on can lose it.
            taken = [self._backlog.append(line, in_memory=not self._ended) for line in lines]
            started = self._start()
            self._changed.notify_all()
        fault = next((fault for _, fault in taken if fault is not None), None)
        dropped = sum(not kept for kept, _ in taken)
        # Without the lock: stderr may be a pipe that nobody reads.
        if fault is not None:
            self.report("spool", f"the spool cannot be written, records wait in memory: {fault}")
        if started is not None:
            self.report("threads", f"nothing is sent now: {started}")
        if dropped:
            self.drop(dropped, "spool and queue are full, or cannot be written: new records are dropped")
        return not dropped

    def drop(self, count, reason):
        """Counts what is lost, and says so."""
        with self._changed:
            self.dropped += count
        self.report("dropped", f"{reason} ({self.dropped} until now)")

    def waiting(self):
        """Bytes that the server has not confirmed."""
        return self._backlog.bytes

    def spooled(self, timeout=None):
        """Waits until what was logged before is on the disk, or with the server already."""
        return self._wait(lambda: not self._backlog.is_unsafe(), timeout)

    def flush(self, timeout=None):
        """Waits until the server has everything, also what processes that have ended left; False if it does not in `timeout` seconds."""
        with self._changed:
            self._start()
            self._hurry, self._adopt_at = True, 0.0
            self._changed.notify_all()
        return self._wait(self._is_done, timeout)

    def close(self, timeout=None):
        """Sends what it can within `timeout` seconds and leaves the rest in the spool, for the next start."""
        with self._changed:
            if self._closing:
                return
            self._closing = self._hurry = True
            if not self._threads:  # A forked child that had nothing to say.
                self._ended = True
                return
            self._adopt_at = 0.0
            self._changed.notify_all()
        end = time.monotonic() + (self._close_timeout if timeout is None else timeout)
        self._wait(self._is_done, timeout)
        with self._changed:
            self._backlog.move()
            lost = len(self._backlog.memory)
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads.values():
            # They are done in a moment, unless a request is on its way: then what it carries is in the spool.
            if thread is not threading.current_thread():
                thread.join(max(0.5, end - time.monotonic()))
        if lost:
            self.drop(lost, "records could not be sent before the end, nor kept in the spool")

    def _is_done(self):
        return not self.waiting() and not self._more and 0 < self._adopt_at < math.inf

    def _wait(self, done, timeout):
        timeout = self._close_timeout if timeout is None else timeout
        with self._changed:
            return self._changed.wait_for(lambda: done() or self._ended, timeout) and done()

    def report(self, fault, text):
        """Tells of a fault: the first of its kind, then one a minute."""
        now = time.monotonic()
        if now - self._reported.get(fault, -math.inf) < REPORT_SECONDS:
            return
        self._reported[fault] = now
        # What `on_error` logs must not come back to here, in whatever thread this is.
        before, _own.thread = getattr(_own, "thread", False), True
        try:
            if self._on_error is not None:
                self._on_error(text)
            elif sys.stderr is not None:
                print(f"audit_logging: {self._kind}: {text}", file=sys.stderr)
        except Exception:
            pass  # There is nobody left to tell.
        finally:
            _own.thread = before

    # ---- The threads ----------------------------------------------------------------------------------------------

    def _start(self):
        """Starts what does not run yet; the error where no thread can be started, as at the end of the interpreter."""
        if len(self._threads) == 2 or self._closing:
            return None
        try:
            for name, work in (("keep", self._keep), ("send", self._send)):
                if name not in self._threads:
                    thread = threading.Thread(target=self._run, args=(work,), name=f"audit-{self._kind}-{name}", daemon=True)
                    thread.start()
                    self._threads[name] = thread
        except RuntimeError as error:
            return error
        return None

    def _run(self, work):
        _own.thread = True
        while True:
            try:
                return work()
            except Exception as error:  # A fault of ours must not end the sending for good.
                self.report("fault", f"going on after a fault: {error!r}")
                time.sleep(BACK_OFF_SECONDS[0])

    def _keep(self):
        """Memory to spool, and spool to disk."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._backlog.is_unsafe() or self._is_over())
                over, fault = self._is_over(), self._backlog.move()
                segments = self._backlog.unsynced()
            # Without the lock: the disk may be slow, and the application must not notice.
            try:
                for segment in segments:
                    segment.sync()
            except OSError as error:
                fault = error
            with self._changed:
                self._backlog.synced()
                self._changed.notify_all()
                if over:
                    return
                stuck = bool(self._backlog.memory)
            if fault is not None:
                self.report("spool", f"the spool cannot be written, records wait in memory: {fault}")
            if stuck:
                with self._changed:
                    self._changed.wait_for(self._is_over, BACK_OFF_SECONDS[0])

    def _send(self):
        """Spool to server."""
        failures, count = 0, BATCH_RECORDS_MAX
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._backlog.bytes or self._may_adopt() or self._is_over(),
                                       max(0.0, self._adopt_at - time.monotonic()))
                over, due = self._is_over(), self._may_adopt()
            if over:
                self._backlog.release()
                return self._disconnect()
            if due:
                self._adopt()
            lines = self._backlog.head(count, BATCH_BYTES_MAX)
            if not lines:
                continue
            verdict, detail, wait = self._post(lines)
            if verdict == "stored":
                self.sent += len(lines)
                self._done(lines)
                failures, count = 0, min(count * 2, BATCH_RECORDS_MAX)
            elif verdict == "refused" and len(lines) > 1:
                # A request is stored whole or not at all: halve it until the one that is refused stands alone.
                count = len(lines) // 2
            elif verdict == "refused" and self._backlog.set_aside(lines[0], detail):
                self.rejected += 1
                self._done(lines)
                failures, count = 0, min(count * 2, BATCH_RECORDS_MAX)
            else:
                self.report("away", f"{detail}; {self.waiting()} bytes wait")
                self._pause(_delay(failures, wait))
                failures += 1

    def _may_adopt(self):
        return self._adopt_at <= time.monotonic() or self._more and not self._backlog.adopted()

    def _adopt(self):
        with self._changed:
            self._adopt_at = math.inf
        try:
            self._more = self._backlog.adopt()
        finally:
            with self._changed:
                # Unless a flush asks for another look: files may have been left since this one began.
                if self._adopt_at == math.inf:
                    self._adopt_at = time.monotonic() + ADOPT_SECONDS
                self._changed.notify_all()

    def _is_over(self):
        return self._ended or self._closing and self._is_done()

    def _done(self, lines):
        self._backlog.drop(lines)
        with self._changed:
            self._changed.notify_all()

    def _pause(self, seconds):
        with self._changed:
            self._changed.wait_for(lambda: self._hurry or self._ended, seconds)
            # One attempt for each flush; then the time-out of the one who waits decides.
            self._hurry = False

    # ---- The request ----------------------------------------------------------------------------------------------

    def _post(self, lines):
        """`stored`, `refused` for good, or `later`; why; and the seconds that the server asks for."""
        while True:
            reused = self._connection is not None
            try:
                self._connection = self._connection or self._connect()
                try:
                    self._connection.request("POST", self._path, b"".join(lines), self._headers)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # A server may refuse a body before it has read it, and then its answer is there to read.
                response = self._connection.getresponse()
                answer = response.read(ANSWER_BYTES_MAX)
                if response.will_close or not response.isclosed():
                    self._disconnect()
                return self._verdict(lines, response, answer)
            except (OSError, http.client.HTTPException) as error:
                self._disconnect()
                # An idle connection that the server has closed says nothing about the server.
                if not reused:
                    return "later", f"the server cannot be reached: {error!r}", None

    def _connect(self):
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _disconnect(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _verdict(self, lines, response, answer):
        text = answer[:1000].decode("utf-8", "replace")
        if response.status in (200, 201):
            # Only receipts count: a page that some gateway answers with is no promise.
            if _receipts(answer) == len(lines):
                return "stored", None, None
            return "later", f"{response.status}, but not the receipts of an audit log: {text}", None
        detail = {"status": response.status, "answer": text}
        # 404 is about the token or the address, which can be mended, unless the record itself names its channel.
        named = response.status == 404 and any(b'"channel_id":' in line for line in lines)
        if response.status in REFUSED_FOR_GOOD or named:
            return "refused", detail, None
        said = f"the server answers {response.status}: {text}"
        if 300 <= response.status < 400:
            # Not followed: the key is for this address only, and a POST may become a GET on the way.
            said = f"the server answers {response.status} and points to {response.getheader('Location')}: set the address to what is right"
        return "later", said, _retry_after(response.getheader("Retry-After"))


class _Backlog:
    """What waits, oldest first: in files that end with a whole line, then in memory where no file can be written.

    A file is locked by its process as long as it lives, and holds only what is unsent or was sent a moment ago: there is no mark
    of progress that could be wrong, since sending a line again does no harm.

    The sender's condition guards all of it. Only the thread that sends takes anything away, so it reads files without the lock.
    """

    def __init__(self, directory, kind, limit, memory_limit, report, lock):
        self._directory, self._kind, self._limit, self._memory_limit = directory, kind, limit, memory_limit
        self.report, self._lock, self._segments = report, lock, collections.deque()
        self.memory, self._memory_bytes, self._file_bytes, self._syncing = collections.deque(), 0, 0, False

    @property
    def bytes(self):
        return self._memory_bytes + self._file_bytes

    def append(self, line, in_memory):
        """Keeps a line, in a file if that can be; False if it cannot be kept. And the error of a file that cannot be written."""
        fault = None
        # In order: what waits in memory is older.
        if self._directory is not None and not self.memory:
            try:
                if self._write(line):
                    return True, None
            except OSError as error:
                fault = error
        kept = in_memory and self._memory_bytes + len(line) <= self._memory_limit
        if kept:
            self.memory.append(line)
            self._memory_bytes += len(line)
        return kept, fault

    def move(self):
        """Moves into a file what waits in memory; the error if that fails."""
        with self._lock:
            try:
                if self.memory and self._directory is not None and self._write(b"".join(self.memory)):
                    self.memory.clear()
                    self._memory_bytes = 0
            except OSError as error:
                return error
            return None

    def _write(self, data):
        """False if the spool is full."""
        if self._file_bytes >= self._limit:
            return False
        last = self._segments[-1] if self._segments else None
        if last is None or last.sealed or last.size >= SEGMENT_BYTES_MAX:
            if self._used() >= self._limit:
                return False
            last = _Segment.create(self._directory, self._kind)
            self._segments.append(last)
        last.append(data)
        self._file_bytes += len(data)
        return True

    def _used(self):
        """Bytes that the files of all processes take; counted for each new file, so that short-lived processes are bounded too."""
        with os.scandir(self._directory) as entries:
            return sum(max(_size(entry), BLOCK_BYTES) for entry in entries if self._is_ours(entry.name))

    def _is_ours(self, name):
        return name.startswith(f"{self._kind}-") and name.endswith(".ndjson")

    def is_unsafe(self):
        """Whether something waits for the spool, or the spool for the disk."""
        return self._directory is not None and bool(self.memory or self._syncing or any(s.dirty for s in self._segments))

    def unsynced(self):
        self._syncing = True
        dirty = [segment for segment in self._segments if segment.dirty]
        for segment in dirty:
            segment.dirty = False
        return dirty

    def synced(self):
        self._syncing = False

    def head(self, count, size):
        """The oldest lines: at least one, then as many as fit."""
        with self._lock:
            # A file that could not be written to has nothing in it.
            empty = []
            while self._segments and self._segments[0].sealed and not self._segments[0].rest():
                empty.append(self._segments.popleft())
            parts = [(segment, segment.sent, segment.size) for segment in self._segments if segment.rest()]
            memory = [] if parts else list(itertools.islice(self.memory, count))
        for segment in empty:
            segment.remove()
        lines = _up_to(count, size, memory or (line for part in parts for line in part[0].lines(*part[1:])))
        if parts and not lines:
            first = parts[0][0]
            self.report("spool-read", f"{first.path} was shortened by somebody else: {first.rest()} bytes are lost")
            with self._lock:
                self._segments.remove(first)
                self._file_bytes -= first.rest()
            first.remove()
        return lines

    def drop(self, lines):
        """Forgets the oldest lines. Memory may have become a file since they were taken: it is still the same order."""
        size, gone = sum(map(len, lines)), []
        with self._lock:
            if not any(segment.rest() for segment in self._segments):
                for _ in lines:
                    self.memory.popleft()
                self._memory_bytes -= size
                return
            self._file_bytes -= size
            while size:
                first = self._segments[0]
                step = min(size, first.rest())
                first.sent += step
                size -= step
                if first.rest():
                    break
                if len(self._segments) == 1 and not first.sealed:
                    first.truncate()
                    break
                gone.append(self._segments.popleft())
        for segment in gone:
            segment.remove()

    def adopted(self):
        """How many files of dead processes are still to be sent."""
        with self._lock:
            return sum(segment.adopted for segment in self._segments)

    def adopt(self):
        """Takes over the files of processes that have died, oldest first, in front of our own; True if there may be more."""
        if self._directory is None:
            return False
        if self.adopted():
            return True  # In order: these are older.
        with self._lock:
            own = {segment.path for segment in self._segments}
        found, more = [], False
        try:
            for name in sorted(filter(self._is_ours, os.listdir(self._directory))):
                path = os.path.join(self._directory, name)
                segment = None if path in own else self._adopt(path)
                if segment is not None and len(found) == ADOPT_FILES_MAX:
                    segment.release()
                    more = True
                    break
                if segment is not None:
                    found.append(segment)
        except OSError as error:
            self.report("spool-read", f"the spool cannot be read: {error}")
        with self._lock:
            self._segments.extendleft(reversed(found))
            self._file_bytes += sum(segment.rest() for segment in found)
        return more

    def _adopt(self, path):
        segment = _Segment.open(path)
        if segment is None:
            return None
        torn = segment.tail()
        if torn:
            # The machine stopped in the middle of a line.
            if not self.set_aside(torn, {"answer": "an incomplete line at the end of a spool file"}):
                return segment.release()
            segment.cut(len(torn))
        return segment if segment.rest() else segment.remove()

    def set_aside(self, line, detail):
        """Keeps a line that the server will never take, and why; False if that cannot be done now."""
        self.report("rejected", f"the server refuses a record for good: {detail}")
        if self._directory is None:
            return True
        text = line.decode("utf-8", "replace").rstrip("\n")
        try:
            entry = _encode({**detail, "record": json.loads(text)})
        except (ValueError, RecursionError):
            entry = _encode({**detail, "record": text})
        try:
            path = os.path.join(self._directory, f"{self._kind}.rejected")
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.fstat(fd).st_size < self._limit:
                    _write_all(fd, entry.encode("ascii") + b"\n")
                    os.fsync(fd)
                else:
                    self.report("rejected-full", f"{path} is full: what the server refuses is dropped")
            finally:
                os.close(fd)
        except OSError as error:
            self.report("spool", f"{self._kind}.rejected cannot be written: {error}")
            return False
        return True

    def release(self):
        """Removes what is empty and unlocks the rest, for the next start."""
        with self._lock:
            segments = tuple(self._segments)
            self._segments.clear()
        for segment in segments:
            if segment.rest():
                if segment.dirty:
                    with contextlib.suppress(OSError):
                        segment.sync()
                segment.release()
            else:
                segment.remove()


class _Segment:
    """One file of the spool."""

    def __init__(self, path, fd, adopted):
        self.path, self.fd, self.sealed, self.adopted, self.sent, self.size = path, fd, adopted, adopted, 0, os.fstat(fd).st_size
        # Written and not synced; and whether the directory knows the file on the disk. One's own file only.
        self.dirty, self.is_new = False, not adopted
        # A descriptor is not closed, and its number not used again, while it is synced.
        self._closing = threading.Lock()

    @staticmethod
    def create(directory, kind):
        while True:
            path = os.path.join(directory, f"{kind}-{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.ndjson")
            fd = _open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND)
            if _lock(fd, path):
                return _Segment(path, fd, adopted=False)
            _close(fd)  # Another process took it for a dead one's, in the moment before the lock.

    @staticmethod
    def open(path):
        try:
            fd = _open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        if _lock(fd, path):
            return _Segment(path, fd, adopted=True)
        _close(fd)
        return None

    def rest(self):
        return self.size - self.sent

    def append(self, data):
        try:
            _write_all(self.fd, data)
        except OSError:
            # Half a write must not stand between two lines: nothing more goes into this file.
            self.sealed = True
            with contextlib.suppress(OSError):
                os.ftruncate(self.fd, self.size)
            raise
        self.size += len(data)
        self.dirty = True

    def sync(self):
        with self._closing:
            if self.fd is None:
                return
            os.fsync(self.fd)
        if self.is_new:
            _sync_directory(os.path.dirname(self.path) or ".")
            self.is_new = False

    def lines(self, start, end):
        """Whole lines in between. Raises EOFError where somebody else has shortened the file."""
        rest = b""
        while start < end:
            chunk = os.pread(self.fd, min(BATCH_BYTES_MAX, end - start), start)
            if not chunk:
                raise EOFError
            start += len(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line + b"\n"

    def tail(self):
        """What comes after the last line end."""
        data, start = b"", self.size
        while start > 0 and b"\n" not in data:
            step = min(64 << 10, start)
            start -= step
            data = os.pread(self.fd, step, start) + data
        return data[data.rfind(b"\n") + 1:]

    def cut(self, count):
        self.size -= count
        os.ftruncate(self.fd, self.size)

    def truncate(self):
        os.ftruncate(self.fd, 0)
        self.size = self.sent = 0
        self.dirty = False

    def release(self):
        with self._closing:
            _close(self.fd)
            self.fd = None

    def remove(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.release()


def _up_to(count, size, source):
    """The first lines: at least one, then as many as fit. A file that ends early ends them, so that they are all in one row."""
    lines, taken = [], 0
    with contextlib.suppress(EOFError):
        for line in source:
            if lines and (len(lines) >= count or taken + len(line) > size):
                break
            lines.append(line)
            taken += len(line)
    return lines


def _portion(lines, count, size):
    """The next lines of an iterator: as many, until they have this size."""
    for line in itertools.islice(lines, count):
        yield line
        size -= len(line)
        if size <= 0:
            return


def _open(path, flags):
    with _files_lock:
        fd = os.open(path, flags, 0o600)
        _files.add(fd)
    return fd


def _close(fd):
    with _files_lock:
        _files.discard(fd)
        os.close(fd)


def _size(entry):
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0


def _lock(fd, path):
    """True if the file is ours now, and still the one at this path."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here, there = os.fstat(fd), os.stat(path)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    except (BlockingIOError, FileNotFoundError):
        return False


def _write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def _sync_directory(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _receipts(answer):
    try:
        receipts = json.loads(answer)
        return receipts["accepted"] + receipts["duplicates"]
    except (ValueError, TypeError, KeyError):
        return None


def _delay(failures, asked):
    """Seconds until the next attempt: doubled each time, spread so that many clients do not come back at once."""
    least, most = BACK_OFF_SECONDS
    delay = min(most, least * 2 ** min(failures, 20))
    delay = random.uniform(delay / 2, delay)
    return delay if asked is None else min(asked, RETRY_AFTER_SECONDS_MAX) + delay


def _retry_after(value):
    """Seconds from a `Retry-After` of seconds or of a date."""
    try:
        return max(0.0, float(int(value)))
    except (TypeError, ValueError):
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None


# ---- Records as JSON ----------------------------------------------------------------------------------------------------

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "correlation_id"}


def _correlation(given):
    """The id that is given, or that of the context. Filters of logging put `-` where there is none."""
    found = correlation_id.get() if given in (None, "", "-") else given
    return None if found is None else str(found)


def _message(record):
    try:
        return record.getMessage()
    except Exception:  # Arguments that do not fit: the record is worth more than its form.
        return f"{_plain(record.msg)} {_plain(record.args)}"


def _trace(record):
    trace = record.exc_text
    if not trace and record.exc_info and record.exc_info[0] is not None:
        trace = logging.Formatter().formatException(record.exc_info)
    return "\n".join(filter(None, (trace, record.stack_info))) or None


def _extra(record):
    extra = {"pathname": record.pathname, "lineno": record.lineno, "function": record.funcName, "process": record.process,
             "thread": record.threadName}
    if not 0 <= record.levelno <= 50:
        extra["levelno"] = record.levelno
    extra.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
    return extra


def _encode(value):
    try:
        return json.dumps(value, default=_plain, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        # Keys that are no texts, NaN, circles: said in words, since a record that is refused helps nobody.
        return json.dumps(_tame(value, ()), separators=(",", ":"))


def _plain(value):
    try:
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        return sorted(value, key=repr) if isinstance(value, (set, frozenset)) else str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _tame(value, path):
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if id(value) in path or len(path) > 50:
        return "…"
    path = (*path, id(value))
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _plain(key): _tame(item, path) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_tame(item, path) for item in value]
    return _plain(value)


def _after_fork():
    """The child begins with nothing of its own: what waits is the parent's to send. Its file and threads come with its first record.

    Other threads of the parent may have held any of our locks, and are not here to release them: all are made anew.
    """
    global _files_lock
    _files_lock, _own.thread = threading.RLock(), False
    for fd in _files:
        with contextlib.suppress(OSError):
            os.close(fd)  # The file stays locked, by the parent.
    _files.clear()
    for sender in list(_senders):
        if sender._connection is not None and sender._connection.sock is not None:
            os.close(sender._connection.sock.detach())  # Without a word to the server: the connection is the parent's.
        sender._reset()


def _at_exit():
    senders = list(_senders)
    end = time.monotonic() + max((sender._close_timeout for sender in senders), default=0)
    for sender in senders:
        sender.close(max(0.1, end - time.monotonic()))


os.register_at_fork(before=lambda: _files_lock.acquire(), after_in_parent=lambda: _files_lock.release(), after_in_child=_after_fork)
atexit.register(_at_exit)
