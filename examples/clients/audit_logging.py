"""Sends an application's log records and audit events to an audit log server.

One file for Python 3.9 and later on a POSIX system, nothing but the standard library: copy it beside your code.

    import logging
    from audit_logging import AuditClient, AuditHandler

    logging.getLogger().addHandler(AuditHandler("http://127.0.0.1:8080", KEY, app_name="shop", spool="audit-spool"))

    audit = AuditClient("http://127.0.0.1:8080", KEY, spool="audit-spool")
    audit.send({"action": "LOGIN", "user": {"pk": 7, "username": "zoe"}})

The way of a record: the caller puts one line of JSON with a uuid of its own into a queue in memory and goes on. One thread moves
the queue into the spool and syncs it; another sends the spool to the server, oldest first, and forgets a record only when the
server says that it is on disk. So a record outlives the application from a moment after it was made, whether or not the
server is there; and since the server knows its uuid, what is sent twice is stored once. What the server refuses for good goes into
`KIND.rejected` in the spool's directory, with the reason.

Nothing here raises into the application or waits for disk or network in its threads. The price is a bound: when queue
and spool are full, new records are dropped, counted in `sender.dropped`, and reported (on stderr, or to `on_error`).

Give each application on each host a directory of its own, on a local disk: its processes share it, and each sends, beside its own
files, those of processes that have died. Without `spool` there is only memory, and records that wait die with the process.
"""

import atexit
import collections
import datetime
import email.utils
import fcntl
import http.client
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

__all__ = ["AuditClient", "AuditHandler", "Sender"]

BATCH_RECORDS_MAX = 500
# Reverse proxies commonly take a body of 1 MiB; a single record may be larger.
BATCH_BYTES_MAX = 512 << 10
SEGMENT_BYTES_MAX = 4 << 20
ANSWER_BYTES_MAX = 4 << 20
BACK_OFF_SECONDS = (0.5, 60.0)
RETRY_AFTER_SECONDS_MAX = 300.0
ADOPT_SECONDS = 30.0
REPORT_SECONDS = 60.0
# What no retry can change: bad content, a uuid that belongs to another event, a record that is too large.
REFUSED_FOR_GOOD = (400, 409, 413)

# Set in our own threads: what they log, say in `on_error`, must not come back to them.
_own = threading.local()
_senders = weakref.WeakSet()


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
        return shown if self.channel_id is None else {**shown, "channel_id": self.channel_id}

    def flush(self, timeout=None):
        """Waits until the server has everything; False if it does not within `timeout` seconds."""
        return self.sender.flush(timeout)

    def close(self, timeout=None):
        self.sender.close(timeout)
        super().close()


class AuditClient:
    """Events to `/api/v1/events`. `options` are those of `Sender`."""

    def __init__(self, url, key, *, channel_id=None, **options):
        self.channel_id = channel_id
        self.sender = Sender(url, key, "events", **options)

    def send(self, event):
        """Takes an event on its way, in the server's native shape. Returns its uuid, or None where it had to be dropped."""
        try:
            now = datetime.datetime.now(datetime.timezone.utc).isoformat()
            event = {"uuid": str(uuid.uuid4()), "timestamp": now, **event}
            if self.channel_id is not None:
                event.setdefault("channel_id", self.channel_id)
            return str(event["uuid"]) if self.sender.put(event) else None
        except Exception as error:
            self.sender.drop(1, f"an event cannot be taken: {error!r}")
            return None

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
    spool_limit    bytes that may wait on disk, for each process
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
        self._reported = {}
        if spool is not None:
            os.makedirs(spool, mode=0o700, exist_ok=True)
        self._reset()
        _senders.add(self)
        with self._changed:
            # At once, not with the first record: an earlier process may have left something.
            self._start()

    def _reset(self):
        # One condition for all. Its lock is reentrant: a destructor may log while this thread holds it.
        self._changed = threading.Condition()
        self._queue, self._queue_bytes, self._moving = collections.deque(), 0, 0
        self._backlog = _Backlog(self._spool, self._kind, self._spool_limit, self._queue_limit, self.report)
        self._threads, self._connection = (), None
        self._closing = self._hurry = self._ended = False
        self.sent = self.rejected = self.dropped = 0

    def put(self, record):
        """Takes a record; False where it had to be dropped."""
        line = _encode(record).encode("ascii") + b"\n"
        with self._changed:
            if self._closing:
                kept = self._spool is not None and not self._backlog.is_full() and self._backlog.append([line])
            else:
                kept = self._queue_bytes + len(line) <= self._queue_limit
                if kept:
                    self._start()
                    self._queue.append(line)
                    self._queue_bytes += len(line)
                    self._changed.notify_all()
        if not kept:
            self.drop(1, "the queue is full: new records are dropped")
        return kept

    def drop(self, count, reason):
        """Counts what is lost, and says so."""
        with self._changed:
            self.dropped += count
        self.report("dropped", f"{reason} ({self.dropped} until now)")

    def waiting(self):
        """Bytes that the server has not confirmed."""
        return self._queue_bytes + self._moving + self._backlog.bytes

    def spooled(self, timeout=None):
        """Waits until nothing is in the queue: what was logged before is in the spool, or with the server already."""
        return self._wait(lambda: not self._queue and not self._moving, timeout)

    def flush(self, timeout=None):
        """Waits until the server has everything; False if it does not within `timeout` seconds."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
        return self._wait(lambda: not self.waiting(), timeout)

    def close(self, timeout=None):
        """Sends what it can within `timeout` seconds and leaves the rest in the spool, for the next start."""
        with self._changed:
            if self._closing:
                return
            self._closing = self._hurry = True
            self._changed.notify_all()
        end = time.monotonic() + (self._close_timeout if timeout is None else timeout)
        self._wait(lambda: not self.waiting(), timeout)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
            lost = len(self._queue) + len(self._backlog.memory)
        for thread in self._threads:
            # They are done in a moment, unless a request is on its way: then what it carries is in the spool.
            if thread is not threading.current_thread():
                thread.join(max(0.1, end - time.monotonic()))
        if lost:
            self.drop(lost, "records could not be sent before the end, nor kept in the spool")

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
        try:
            if self._on_error is not None:
                self._on_error(text)
            elif sys.stderr is not None:
                print(f"audit_logging: {self._kind}: {text}", file=sys.stderr)
        except Exception:
            pass  # There is nobody left to tell.

    # ---- The threads ----------------------------------------------------------------------------------------------

    def _start(self):
        if self._threads:
            return
        self._threads = tuple(
            threading.Thread(target=self._run, args=(work,), name=f"audit-{self._kind}", daemon=True)
            for work in (self._keep, self._send)
        )
        for thread in self._threads:
            thread.start()

    def _run(self, work):
        _own.thread = True
        while True:
            try:
                return work()
            except Exception as error:  # A fault of ours must not end the sending for good.
                self.report("fault", f"going on after a fault: {error!r}")
                time.sleep(BACK_OFF_SECONDS[0])

    def _keep(self):
        """Queue to spool."""
        while True:
            with self._changed:
                while not self._queue or self._backlog.is_full():
                    if self._ended or self._closing and not self._queue:
                        return
                    self._changed.wait()
                lines = list(self._queue)
                self._moving = self._queue_bytes
                self._queue.clear()
                self._queue_bytes = 0
            # Outside the lock: the disk may be slow, and the application must not notice.
            self._backlog.append(lines)
            with self._changed:
                self._moving = 0
                self._changed.notify_all()

    def _send(self):
        """Spool to server."""
        failures, count = 0, BATCH_RECORDS_MAX
        self._backlog.adopt()
        while True:
            with self._changed:
                woken = self._changed.wait_for(lambda: self._backlog.bytes or self._is_over(), ADOPT_SECONDS)
                over = self._is_over()
            if over:
                self._backlog.release()
                return self._disconnect()
            if not woken:
                self._backlog.adopt()
                continue
            lines = self._backlog.head(count, BATCH_BYTES_MAX)
            if not lines:
                continue
            verdict, detail, wait = self._post(lines)
            if verdict == "stored":
                self._done(lines)
                self.sent += len(lines)
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

    def _is_over(self):
        return self._ended or self._closing and not self.waiting()

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
        return "later", f"the server answers {response.status}: {text}", _retry_after(response.getheader("Retry-After"))


class _Backlog:
    """What waits, oldest first: in files that end with a whole line, then in memory where no file can be written.

    A file is locked by its process as long as it lives, and holds only what is unsent or was sent a moment ago: there is no mark
    of progress that could be wrong, since sending a line again does no harm.
    """

    def __init__(self, directory, kind, limit, memory_limit, report):
        self._directory, self._kind, self._limit, self._memory_limit = directory, kind, limit, memory_limit
        self.report, self._lock, self._segments = report, threading.RLock(), collections.deque()
        self.memory, self._memory_bytes = collections.deque(), 0

    @property
    def bytes(self):
        # Without the lock, which may be held while the disk is slow: the application's threads come by here.
        return self._memory_bytes + sum(segment.size - segment.sent for segment in tuple(self._segments))

    def is_full(self):
        return self._memory_bytes >= self._memory_limit or self.bytes >= self._limit

    def append(self, lines):
        """Keeps the lines; False if that is in memory only."""
        with self._lock:
            self.memory.extend(lines)
            self._memory_bytes += sum(map(len, lines))
            if self._directory is None:
                return False
            try:
                self._write(b"".join(self.memory))
            except OSError as error:
                self.report("spool", f"the spool cannot be written, records wait in memory: {error}")
                return False
            self.memory.clear()
            self._memory_bytes = 0
            return True

    def _write(self, data):
        last = self._segments[-1] if self._segments else None
        if last is None or last.sealed or last.size >= SEGMENT_BYTES_MAX:
            last = _Segment.create(self._directory, self._kind)
            self._segments.append(last)
        last.append(data)

    def head(self, count, size):
        """The oldest lines: at least one, then as many as fit."""
        with self._lock:
            first = self._segments[0] if self._segments and self._segments[0].rest() else None
            lines, taken = [], 0
            for line in self.memory if first is None else first.lines():
                if lines and (len(lines) >= count or taken + len(line) > size):
                    break
                lines.append(line)
                taken += len(line)
            if first is not None and not lines:
                self.report("spool-read", f"{first.path} was shortened by somebody else: {first.rest()} bytes are lost")
                self._segments.popleft().remove()
            return lines

    def drop(self, lines):
        """Forgets the oldest lines. Memory may have become a file since they were taken: it is still the same order."""
        with self._lock:
            if not self._segments or not self._segments[0].rest():
                for line in lines:
                    self.memory.popleft()
                    self._memory_bytes -= len(line)
                return
            first = self._segments[0]
            first.sent += sum(map(len, lines))
            if not first.rest():
                if len(self._segments) > 1 or first.sealed:
                    self._segments.popleft().remove()
                else:
                    first.truncate()

    def adopt(self):
        """Takes over the files of processes that have died, oldest first, in front of our own."""
        if self._directory is None:
            return
        with self._lock:
            try:
                own = {segment.path for segment in self._segments}
                names = sorted(os.listdir(self._directory), reverse=True)
                for path in (os.path.join(self._directory, name) for name in names):
                    name = os.path.basename(path)
                    if name.startswith(f"{self._kind}-") and name.endswith(".ndjson") and path not in own:
                        self._adopt(path)
            except OSError as error:
                self.report("spool-read", f"the spool cannot be read: {error}")

    def _adopt(self, path):
        segment = _Segment.open(path)
        if segment is None:
            return
        torn = segment.tail()
        if torn:
            # The machine stopped in the middle of a line.
            if not self.set_aside(torn, {"answer": "an incomplete line at the end of a spool file"}):
                return segment.release()
            segment.cut(len(torn))
        if segment.rest():
            self._segments.appendleft(segment)
        else:
            segment.remove()

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
            while self._segments:
                segment = self._segments.popleft()
                if segment.rest():
                    segment.release()
                else:
                    segment.remove()


class _Segment:
    """One file of the spool."""

    def __init__(self, path, fd, sealed):
        self.path, self.fd, self.sealed, self.sent, self.size = path, fd, sealed, 0, os.fstat(fd).st_size

    @staticmethod
    def create(directory, kind):
        while True:
            path = os.path.join(directory, f"{kind}-{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.ndjson")
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            if _lock(fd, path):
                _sync_directory(directory)
                return _Segment(path, fd, sealed=False)
            os.close(fd)  # Another process took it for a dead one's, in the moment before the lock.

    @staticmethod
    def open(path):
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        if _lock(fd, path):
            return _Segment(path, fd, sealed=True)
        os.close(fd)
        return None

    def rest(self):
        return self.size - self.sent

    def append(self, data):
        try:
            _write_all(self.fd, data)
        except OSError:
            self.sealed = True  # Half a write must not stand between two lines: nothing more goes into this file.
            raise
        self.size += len(data)

    def lines(self):
        """Whole lines from where the sending is."""
        offset, rest = self.sent, b""
        while offset < self.size:
            chunk = os.pread(self.fd, min(BATCH_BYTES_MAX, self.size - offset), offset)
            if not chunk:
                return
            offset += len(chunk)
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

    def release(self):
        os.close(self.fd)

    def remove(self):
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        os.close(self.fd)


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
    os.fsync(fd)


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

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


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
    """The child begins with nothing of its own: what waits is the parent's to send. Its threads start with its first record."""
    _own.thread = False
    for sender in list(_senders):
        for segment in sender._backlog._segments:
            segment.release()  # It stays locked, by the parent.
        if sender._connection is not None and sender._connection.sock is not None:
            os.close(sender._connection.sock.detach())  # Without a word to the server: the connection is the parent's.
        sender._reset()


def _at_exit():
    senders = list(_senders)
    end = time.monotonic() + max((sender._close_timeout for sender in senders), default=0)
    for sender in senders:
        sender.close(max(0.1, end - time.monotonic()))


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
