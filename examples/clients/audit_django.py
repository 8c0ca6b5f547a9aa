"""Sends what a Django project changes to an audit log server: who, from where, and old and new data of each object.

One file for Django 4.2 to 5.2; it needs `audit_logging.py` beside it, which does the sending (queue, spool, retries).

    INSTALLED_APPS = [..., "audit_django.AuditConfig"]
    MIDDLEWARE = [..., "django.contrib.auth.middleware.AuthenticationMiddleware", "audit_django.audit_middleware"]
    AUDIT = {"url": "http://127.0.0.1:8080", "key": KEY, "spool": "/var/lib/shop/audit-spool"}

Each `save()` and `delete()` of a model, each change of a many-to-many relation, and what a cascade deletes become one event each,
sent when the transaction is committed; a rollback sends nothing. `content` has the fields that changed: `new_data` alone for a
creation, `old_data` alone for a deletion, there with the ids of its many-to-many relations. Both are read from the database, so they
are what is stored there and not what an instance held (two reads by primary key for a save, one for a deletion and one for each of
its relations). Within a request the event has the user, address, URL, query, body and headers too, and as `correlation_id` the
`X-Request-ID` of the request or the trace id of its `traceparent`. In commands and tasks it has what `actor` says:

    with audit_django.actor(user, job="nightly"):
        ...

A login, a failed login and a logout are events of their own (LOGIN, LOGIN_FAILED, LOGOUT) with an `outcome`, sent at once, also when
a transaction is rolled back. LOGIN_FAILED has the name that was tried under `extra`, and never the password.

Values whose names end with one of the names of MASK are not sent: in old and new data, bodies, queries, headers, the path of the URL. A
key of an API is one whatever its field is called (Django REST framework's `authtoken.token` has it as `key`, which is the primary key
too): in a model whose name tells of credentials, primary keys that are texts and fields called `key`, `digest`, `hash`, `code` or
`seed` are masked. `object_id` is masked too, and `extra` has `object_fingerprint`, which only this project can make (by its
SECRET_KEY) and which is the same for each event of the object.

Django has no signals for `QuerySet.update()`, `bulk_create()` and `bulk_update()`. A model that has AuditManager (or a manager made
from AuditQuerySet) has events of these too, one for each object, with old and new data as above:

    class Order(models.Model):
        objects = audit_django.AuditManager()

It reads the rows before and after, in their transaction, and on databases that can lock rows it locks them. The columns that change
of all these rows are in memory until the commit; events are made and sent in portions of 500. Rows of a relation that are made
through its through-model are rows of that model: `AuditQuerySet(Order.tags.through).bulk_create(rows)`, or AuditManager in a
through-model of your own. For raw SQL, call `record()`. Fixtures (`raw`) and the historical models of migrations are left out. A
process that dies between the commit and its event, a moment later, loses the event: to rule that out, write to an outbox table in the
same transaction.

Nothing here raises into the application. Where AUDIT is missing or cannot be used, nothing is sent, and stderr says why in a sentence.

Further keys of AUDIT, all optional:

    channel_id        the channel to write to; otherwise the server decides by the key
    source            the name of the application, in each event
    models            labels ("shop.order", or "shop" for all of an app) to record; default: all
    exclude           labels to leave out; default: sessions, content types, migrations, the admin's own log
    logins            False: logins, failed logins and logouts are not recorded
    mask              names whose values are not sent, by their last words; default: MASK
    headers_exclude   headers not to send at all; default: HEADERS_EXCLUDE
    user_fields       attributes of the user to keep beside `pk`; default: USER_FIELDS
    proxies           how many reverse proxies of yours add to X-Forwarded-For; default 0: the header is not believed
    body_bytes_max    longest JSON body to keep; default 65536
    options           further options of audit_logging.Sender: spool_limit, timeout, context, on_error …
"""

import contextlib
import contextvars
import datetime
import functools
import inspect
import json
import re
import sys
import urllib.parse

from asgiref.sync import iscoroutinefunction
from django.apps import AppConfig, apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.models import BinaryField, BooleanField, CharField, IntegerField, Manager, Q, QuerySet, TextField, UUIDField, signals
from django.utils.crypto import salted_hmac
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import LazyObject

try:
    from .audit_logging import AuditClient, correlation_id
except ImportError:
    from audit_logging import AuditClient, correlation_id

__all__ = ["AuditConfig", "AuditManager", "AuditQuerySet", "actor", "audit_middleware", "client", "record"]

EXCLUDE = ("sessions.session", "contenttypes.contenttype", "migrations.migration", "admin.logentry")
# The last words of names, written as one: `cardnumber` is `card_number`, `cardNumber` and `Shop-Card-Number`, and their plurals. Words
# count and not parts of them: `otp` is not in `eco.footprint`, nor `secret` in `secretary`. The server has a longer list.
MASK = ("password", "passwd", "pwd", "passphrase", "passcode", "newpassword", "oldpassword", "userpassword", "currentpassword",
        "secret", "clientsecret", "appsecret", "apisecret", "token", "accesstoken", "refreshtoken", "idtoken", "authtoken", "bearertoken",
        "sessiontoken", "apitoken", "csrftoken", "csrfmiddlewaretoken", "xsrftoken", "jwt", "bearer", "csrf", "xsrf", "apikey",
        "accesskey", "privatekey", "sessionkey", "secretkey", "encryptionkey", "signingkey", "masterkey", "accountkey", "authkey",
        "tokenkey", "authorization", "credential", "cookie", "sessionid", "jsessionid", "phpsessid", "otp", "totp", "otpcode",
        "totpcode", "otpseed", "totpseed", "recoverycode", "backupcode", "cardnumber", "ccnumber", "cvv", "cvc", "iban", "ssn",
        "socialsecuritynumber")
# After these words, what they say the form of: `password_hash`, `token_value`, `old_password` and `password2`.
FORMS = {"value", "hash", "hashed", "digest", "raw", "plain", "plaintext", "string", "str", "header", "old", "new", "current", "previous",
         "original", "confirm", "confirmation", "again", "repeat", "retype", "encrypted", "encoded", "enc", "base", "hex", "bytes",
         "input", "default", "before", "after"}
# In front of them, what makes the name that of a flag, a number or, with a token, a page: `has_password`, `max_tokens`, `next_token`.
STATEMENTS = {"is", "are", "has", "have", "had", "was", "no", "non", "not", "need", "needs", "require", "requires", "required", "use",
              "uses", "allow", "allows", "enable", "enabled", "disable", "disabled", "show", "hide", "can", "should", "must", "missing",
              "min", "max", "num", "n", "total", "count", "with", "without"}
PAGES = {"next", "page", "paging", "pagination", "continuation", "continue", "cursor", "sync", "delta", "skip", "prompt", "completion",
         "input", "output", "reasoning", "cached", "remaining", "used", "idempotency"}
# Words of the names of models, views and tables of credentials; and what fields are called that hold them there.
CREDENTIALS = ("password", "secret", "token", "authtoken", "accesstoken", "refreshtoken", "apitoken", "credential", "apikey", "accesskey",
               "otp", "totp", "hotp", "oauth", "jwt")
CREDENTIAL_FIELDS = ("key", "digest", "hash", "code", "seed")
# A shorter value of a masked column is not looked for elsewhere in the event: it may be a word that has nothing to do with it.
SECRET_CHARACTERS_MIN = 16
IDS_MAX = 10_000
# Objects whose events are made and sent together: as many as one request to the log takes. The events of a million objects take
# gigabytes, their rows some hundred megabytes.
PORTION = 500
# Objects in one query. Each may bring several parameters, and SQLite takes 999 of them and an expression of 1,000 levels.
CHUNK = 200
SETTINGS = ("url", "key", "spool", "channel_id", "source", "models", "exclude", "logins", "mask", "headers_exclude", "user_fields",
            "proxies", "body_bytes_max", "options")
# The word that the server has for it too.
MASKED = "[masked]"
HEADERS_EXCLUDE = ("authorization", "proxy-authorization", "cookie", "x-csrftoken", "x-api-key")
USER_FIELDS = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "date_joined", "last_login")

# Holds for threads that Django starts for a request as well as for its coroutines.
_request = contextvars.ContextVar("audit_request", default=None)
_acting = contextvars.ContextVar("audit_acting", default={})
_in_bulk = contextvars.ContextVar("audit_in_bulk", default=False)
# (database, model): whose content types Django has read.
_types_read = set()


class AuditConfig(AppConfig):
    name = __name__
    verbose_name = "Audit log"

    def ready(self):
        receivers = [
            (signals.pre_save, _before_save), (signals.post_save, _after_save), (signals.pre_delete, _before_delete),
            (signals.post_delete, _after_delete), (signals.m2m_changed, _relation_changed),
        ]
        if apps.is_installed("django.contrib.auth") and _setting("logins", True):
            from django.contrib.auth import signals as auth
            receivers += [(auth.user_logged_in, _logged_in), (auth.user_login_failed, _login_failed), (auth.user_logged_out, _logged_out)]
        for signal, receiver in receivers:
            signal.connect(receiver, dispatch_uid=f"audit_django.{receiver.__name__}", weak=False)
        client()  # At once: an earlier process may have left something to send.


@functools.lru_cache(maxsize=None)
def client():
    """The one client of the process; `client().send(event)` for events of your own, which are sent as they are."""
    try:
        audit = getattr(settings, "AUDIT", None)
        if not isinstance(audit, dict):
            raise ValueError("the setting AUDIT is missing" if audit is None else f"the setting AUDIT is not a dict but {audit!r}")
        for name in ("url", "key"):
            if not isinstance(audit.get(name), str) or not audit[name]:
                raise ValueError(f"the setting AUDIT lacks {name!r}")
        made = AuditClient(audit["url"], audit["key"], channel_id=_setting("channel_id"), source=_setting("source"),
                           spool=_setting("spool"), **_setting("options", {}))
    except Exception as error:
        return _Nobody(f'no event is sent: {error}; set AUDIT = {{"url": "http://HOST:PORT", "key": KEY, "spool": DIRECTORY}}')
    unknown = sorted(str(name) for name in audit if name not in SETTINGS)
    if unknown:
        made.sender.report("settings", f"the setting AUDIT has unknown keys: {', '.join(unknown)}; known are {', '.join(SETTINGS)}")
    return made


class _Nobody:
    """In the place of a client that cannot be made. It takes nothing, and has said why."""

    def __init__(self, reason):
        self.sender, self.sent, self.rejected, self.dropped, self._told = self, 0, 0, 0, set()
        self.report("settings", reason)

    def send(self, event):
        self.dropped += 1

    def send_all(self, events):
        self.dropped += len(events)

    def flush(self, timeout=None):
        return not self.dropped

    spooled = flush

    def close(self, timeout=None):
        pass

    def report(self, fault, text):
        """Tells of the first fault of each kind."""
        if fault not in self._told and sys.stderr is not None:
            self._told.add(fault)
            print(f"audit_django: {text}", file=sys.stderr)


def record(action, model, object_id, *, old_data=None, new_data=None, using=DEFAULT_DB_ALIAS, **members):
    """Records a change that no signal tells of. `model` is a class or an instance; further members go into the event."""
    _send(action, model, object_id, old_data, new_data, using, **members)


class actor:
    """Says who acts in the block, for events outside of requests: a user of Django, a dict with `pk` and `username`, an id, or None.

    Further members go into each event too, such as `impersonator`, `correlation_id` (log records of an AuditHandler get it as well)
    or those of your own. A block inside of another one counts until its end. Threads and coroutines do not see each other's.

    As a decorator it is for functions and coroutine functions, and holds for each call.
    """

    def __init__(self, user, **members):
        self._correlation = members.pop("correlation_id", None)
        self._members, self._marks = {"user": user, **members}, []

    def __enter__(self):
        marks = [(_acting, _acting.set({**_acting.get(), **self._members}))]
        if self._correlation is not None:
            marks.append((correlation_id, correlation_id.set(str(self._correlation))))
        self._marks.append(marks)

    def __exit__(self, *_):
        for variable, mark in self._marks.pop():
            variable.reset(mark)

    def __call__(self, function):
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            # Its body runs while somebody asks it for values: the block would hold for the code that asks, between two of them.
            raise TypeError(f"actor() cannot decorate the generator {function!r}: write `with actor(...)` where it makes changes")
        if iscoroutinefunction(function):
            @functools.wraps(function)
            async def acting(*args, **kwargs):
                with self._again():
                    return await function(*args, **kwargs)
        else:
            @functools.wraps(function)
            def acting(*args, **kwargs):
                with self._again():
                    return function(*args, **kwargs)
        return acting

    def _again(self):
        """For one call of many, which may be at the same time."""
        return actor(correlation_id=self._correlation, **self._members)


# ---- Requests -------------------------------------------------------------------------------------------------------------


@sync_and_async_middleware
def audit_middleware(get_response):
    """Remembers the request for the events that are made in it."""
    if iscoroutinefunction(get_response):
        async def middleware(request):
            with _entered(request):
                return await get_response(request)
    else:
        def middleware(request):
            with _entered(request):
                return get_response(request)
    return middleware


@contextlib.contextmanager
def _entered(request):
    # A JSON body can be read once only: by us now, and then from memory by everybody.
    try:
        if request.content_type == "application/json" and request.method not in ("GET", "HEAD", "OPTIONS"):
            if 0 < int(request.META.get("CONTENT_LENGTH") or 0) <= _setting("body_bytes_max", 65536):
                request.body
    except Exception as error:
        # The view meets the same fault and answers it.
        _tell(f"the body of a request cannot be read: {error!r}")
    mark, correlation = _request.set(request), correlation_id.set(_correlation(request) or correlation_id.get())
    try:
        yield
    finally:
        _request.reset(mark)
        correlation_id.reset(correlation)


def _correlation(request):
    """The id that a proxy has given the request, or that of its trace."""
    given = request.headers.get("X-Request-ID", "").strip()[:200]
    trace = re.fullmatch(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", request.headers.get("traceparent", "").strip())
    return given or (trace[1] if trace else None)


def _request_members(request):
    if request is None:
        return {}
    excluded = {name.lower() for name in _setting("headers_exclude", HEADERS_EXCLUDE)}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in excluded}
    # As django-impersonate has it: who really acts, while `user` is shown.
    impersonator = getattr(request, "impersonator", None)
    return {
        "user": _user(_user_of(request)),
        **({"impersonator": _person(impersonator)} if impersonator is not None else {}),
        "remote_addr": _remote_addr(request),
        "url": _url(request),
        "query_params": _mask(_parameters(request.GET)),
        "post_data": _mask(_post_data(request)),
        "headers": {name: _mask_queries(value) for name, value in _mask(headers).items()},
        "method": request.method,
    }


def _user_of(request):
    """The user of the request. Django reads it from the database when it is first asked for."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and not hasattr(request, "_audit_user_read"):
        # A router may have the sessions and the users in any of the databases.
        with _savepoints(*connections):
            user.pk
        request._audit_user_read = True
    return user


def _user(user):
    """The user of this moment; None for nobody, whom Django calls AnonymousUser."""
    if user is None or user.pk is None:
        return None
    fields = (name for name in _setting("user_fields", USER_FIELDS) if hasattr(user, name))
    return {"pk": user.pk, **{name: getattr(user, name) for name in fields}}


def _person(someone):
    """A user of Django, or who was said in the server's own form."""
    return _user(someone) if hasattr(someone, "pk") else _mask(someone)


def _remote_addr(request):
    proxies = _setting("proxies", 0)
    if proxies:
        # Each proxy adds whom it was called by at the end; what stands further in front, anybody may have written.
        forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if forwarded:
            return _without_port(forwarded[-min(proxies, len(forwarded))])
    return _without_port(request.META.get("REMOTE_ADDR") or "") or None


def _without_port(address):
    """`203.0.113.5:4711` and `[2001:db8::1]:4711` as some proxies write them, without what changes with each connection."""
    if address.startswith("[") and "]" in address:
        return address[1:address.index("]")]
    return address.partition(":")[0] if address.count(":") == 1 else address


def _url(request):
    # Without the query: it stands in query_params, where secrets can be masked.
    try:
        return request.build_absolute_uri(request.path)
    except Exception:  # A Host header that is not allowed.
        return request.path


def _parameters(query):
    return {name: values[0] if len(values) == 1 else values for name, values in query.lists()}


def _post_data(request):
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    if request.content_type == "application/json":
        try:
            return json.loads(request._body) if getattr(request, "_body", b"") else None
        except (ValueError, RecursionError):
            return {"unreadable": request._body.decode("utf-8", "replace")[:1000]}
    # A form that the view has not read is left to it: reading an upload here would take it away.
    if not hasattr(request, "_post") and request.content_type != "application/x-www-form-urlencoded":
        return None
    files = {name: {"name": file.name, "size": file.size} for name, file in request.FILES.items()}
    return {**_parameters(request.POST), **files}


# ---- Signals --------------------------------------------------------------------------------------------------------------


def _guarded(receiver):
    """A fault of ours is told, and never the application's."""
    @functools.wraps(receiver)
    def guarded(sender, **values):
        try:
            receiver(sender, **values)
        except Exception as error:
            _tell(f"a change of {sender!r} is not recorded: {error!r}")
    return guarded


@_guarded
def _before_save(sender, instance, using, raw=False, **_):
    if not raw and _is_recorded(sender):
        # A stack, since a receiver may save the instance again in the middle of this save.
        stack = instance.__dict__.setdefault("_audit_before", [])
        # Also where the row cannot be read: the end of this save takes one off, and must not take another save's.
        stack.append(None)
        stack[-1] = _row(sender, instance.pk, using)


@_guarded
def _before_delete(sender, instance, using, **_):
    if _is_recorded(sender):
        stack = instance.__dict__.setdefault("_audit_before", [])
        stack.append(None)
        stack[-1] = row = _row(sender, instance.pk, using)
        # Django removes the relations without a signal, and before the object.
        if row is not None:
            stack[-1] = {**row, **_relations(instance, using)}


@_guarded
def _after_save(sender, instance, using, created, raw=False, **_):
    if raw or not _is_recorded(sender):
        return
    old, new = _pop(instance), _row(sender, instance.pk, using)
    if old is None:
        _send("CREATE" if created else "UPDATE", instance, instance.pk, None, new, using)
        return
    changed = [name for name in new or {} if new[name] != old[name]]
    if changed:
        _send("UPDATE", instance, instance.pk, {name: old[name] for name in changed}, {name: new[name] for name in changed}, using)


@_guarded
def _after_delete(sender, instance, using, **_):
    if _is_recorded(sender):
        _send("DELETE", instance, instance.pk, _pop(instance), None, using)


def _pop(instance):
    before = instance.__dict__.get("_audit_before")
    return before.pop() if before else None


@_guarded
def _relation_changed(sender, instance, action, reverse, using, **_):
    moment, _, _ = action.partition("_")
    if not _is_recorded(type(instance)):
        return
    name = _relation_name(instance, sender, reverse)
    ids = _ids(instance, name, using)
    waiting = instance.__dict__.setdefault("_audit_relations", {})
    if moment == "pre":
        waiting[name] = ids
    else:
        before = waiting.pop(name, None)
        if before is not None and before != ids:
            _send("UPDATE", instance, instance.pk, {name: before}, {name: ids}, using)


def _relation_name(instance, through, reverse):
    if reverse:
        return next(relation.get_accessor_name() for relation in instance._meta.related_objects
                    if relation.many_to_many and relation.through is through)
    return next(field.name for field in instance._meta.many_to_many if field.remote_field.through is through)


def _relations(instance, using):
    """The ids of all many-to-many relations that have some, by name."""
    names = [field.name for field in instance._meta.many_to_many]
    # A relation that must not be seen from this side has no name here.
    names += [relation.get_accessor_name() for relation in instance._meta.related_objects if relation.many_to_many]
    ids = {name: _ids(instance, name, using) for name in names if name and hasattr(type(instance), name)}
    return {name: found for name, found in ids.items() if found}


def _ids(instance, name, using):
    related = getattr(instance, name).using(using).order_by("pk")
    with _savepoints(using):
        ids = list(related.values_list("pk", flat=True)[:IDS_MAX + 1])
        if len(ids) > IDS_MAX:
            ids[IDS_MAX:] = [f"and {related.count() - IDS_MAX} more"]
    return [MASKED + _fingerprint(pk) for pk in ids] if _is_secret(related.model._meta.pk) else ids


# ---- Many objects at once -------------------------------------------------------------------------------------------------------


class AuditQuerySet(QuerySet):
    """Records `update()`, `bulk_create()` and `bulk_update()`: one event for each object. Signals tell of `delete()` already."""

    def update(self, **values):
        change = functools.partial(super().update, **values)
        if _in_bulk.get() or self.query.is_sliced or not _is_recorded(self.model, auto_created=True):
            return change()
        return _changing(self, lambda: self.order_by("pk").values_list("pk", flat=True), values, change)

    update.alters_data = True

    def bulk_update(self, objs, fields, batch_size=None):
        objs, fields = tuple(objs), tuple(fields)
        change = functools.partial(super().bulk_update, objs, fields, batch_size)
        if not _is_recorded(self.model, auto_created=True):
            return change()
        return _changing(self, lambda: [obj.pk for obj in objs], fields, lambda: _quietly(change))

    bulk_update.alters_data = True

    def bulk_create(self, objs, batch_size=None, ignore_conflicts=False, update_conflicts=False, update_fields=None, unique_fields=None):
        objs = list(objs)
        create = functools.partial(super().bulk_create, objs, batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields)
        if not _is_recorded(self.model, auto_created=True):
            return create()
        self._for_write = True
        if ignore_conflicts or update_conflicts:
            return _creating_some(self, objs, unique_fields if update_conflicts else ["pk"], create)
        with _locking(self.db):
            made = create()
            with _telling(self.model):
                _send_created(self.model, made, self.db)
        return made

    bulk_create.alters_data = True


class AuditManager(Manager.from_queryset(AuditQuerySet)):
    """The manager of a model whose changes of many objects at once are to be recorded."""


def _changing(queryset, find, names, change):
    """Makes a change of these fields, and records it for each object that it has changed."""
    queryset._for_write = True
    model, using, before = queryset.model, queryset.db, {}
    with _locking(using) as lock:
        with _telling(model), _savepoints(using):
            columns = [model._meta.get_field(name).attname for name in names]
            before = _rows(model, _by_pk(find()), columns, using, lock)
        count = change()
        with _telling(model):
            if isinstance(count, int) and count > len(before):
                _tell(f"{count - len(before)} objects of {model._meta.label} are not recorded: they have come since the rows were read")
            for pks in _portions(before):
                with _savepoints(using):
                    after = _rows(model, _by_pk(pks), columns, using)
                _send_all(model, columns, _differences({pk: before[pk] for pk in pks}, after), using)
    return count


def _creating_some(queryset, objs, unique_fields, create):
    """Creates objects of which some may be there already, and records those that were made or changed."""
    model, using, known = queryset.model, queryset.db, []
    columns = [field.attname for field in model._meta.concrete_fields]
    with _locking(using) as lock:
        with _telling(model):
            wanted = _by_fields(model, objs, unique_fields)
            if wanted is None:
                _tell(f"objects of {model._meta.label} are not recorded: bulk_create() with conflicts must have unique_fields, or objects "
                      "with primary keys, to know which rows are new")
            else:
                with _savepoints(using):
                    known = [(condition, _rows(model, [condition], columns, using, lock)) for condition in wanted]
        made = create()
        with _telling(model):
            seen = set()
            for condition, before in known:
                with _savepoints(using):
                    after = _rows(model, [condition], columns, using)
                # Where a collation takes two texts for one, two conditions find the same row.
                created = [(pk, None, row) for pk, row in after.items() if pk not in before and pk not in seen]
                updated = [change for change in _differences(before, after) if change[0] not in seen]
                seen.update(before, after)
                _send_all(model, columns, created + updated, using)
    return made


def _send_created(model, made, using):
    columns = [field.attname for field in model._meta.concrete_fields]
    for objs in _portions(made):
        with _savepoints(using):
            rows = _rows(model, _by_pk([obj.pk for obj in objs if obj.pk is not None]), columns, using)
        # Some databases do not say the keys they have made.
        said = [rows.get(obj.pk) or tuple(getattr(obj, name) for name in columns) for obj in objs]
        _send_all(model, columns, [(obj.pk, None, row) for obj, row in zip(objs, said)], using)


def _portions(many):
    many = list(many)
    return (many[start:start + PORTION] for start in range(0, len(many), PORTION))


def _differences(before, after):
    """The objects whose rows are others now: primary key, row before, and row now. None is the row of one that has another key now."""
    return [(pk, old, after.get(pk)) for pk, old in before.items() if after.get(pk) != old]


def _by_pk(pks):
    """Conditions for these objects, one for each query."""
    pks = list(pks)
    return (Q(pk__in=pks[start:start + CHUNK]) for start in range(0, len(pks), CHUNK))


def _by_fields(model, objs, names):
    """Conditions for the rows that have these fields as the objects have them; None where that cannot be said."""
    fields = [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in names or ()]
    values = [{field.attname: getattr(obj, field.attname) for field in fields} for obj in objs]
    if not fields or any(value is None for said in values for value in said.values()):
        return None
    chunks = [values[start:start + CHUNK] for start in range(0, len(values), CHUNK)]
    return [functools.reduce(lambda one, other: one | other, (Q(**said) for said in chunk)) for chunk in chunks]


def _rows(model, conditions, columns, using, lock=False):
    """Rows as they are in the database, by primary key: the values of these columns."""
    rows, manager = {}, model._base_manager.using(using)
    for condition in conditions:
        found = manager.filter(condition).order_by("pk")
        for pk, *values in (found.select_for_update() if lock else found).values_list("pk", *columns):
            rows[pk] = tuple(values)
    return rows


@contextlib.contextmanager
def _locking(using):
    """One transaction for reading and changing; False where it could lock no rows, and is not begun."""
    if not connections[using].features.has_select_for_update:
        yield False
        return
    with transaction.atomic(using=using, savepoint=False):
        yield True


@contextlib.contextmanager
def _telling(model):
    """A fault of ours is told, and never the application's."""
    try:
        yield
    except Exception as error:
        _tell(f"a change of many {model!r} is not recorded: {error!r}")


def _quietly(change):
    """`bulk_update()` makes its changes by `update()`."""
    mark = _in_bulk.set(True)
    try:
        return change()
    finally:
        _in_bulk.reset(mark)


# ---- Logins -----------------------------------------------------------------------------------------------------------------


@_guarded
def _logged_in(sender, user, request=None, **_):
    _send_login("LOGIN", user, user.pk, request, outcome="success", user=_user(user))


@_guarded
def _logged_out(sender, user, request=None, **_):
    # Nobody was logged in otherwise.
    if user is not None:
        _send_login("LOGOUT", user, user.pk, request, outcome="success", user=_user(user))


@_guarded
def _login_failed(sender, credentials, request=None, **_):
    from django.contrib.auth import get_user_model
    model = get_user_model()
    tried = credentials.get(model.USERNAME_FIELD, credentials.get("username"))
    said = None if tried is None else str(tried)[:255]
    _send_login("LOGIN_FAILED", model, None, request, outcome="failure", user=None, username=said)


def _send_login(action, model, object_id, request, **members):
    # At once: it has happened, whatever becomes of a transaction.
    client().send(_event(action, model, object_id, {}, DEFAULT_DB_ALIAS, members, request))


# ---- Events -----------------------------------------------------------------------------------------------------------------


def _is_recorded(model, auto_created=False):
    # Historical models of migrations have this module, and tables that may not be there yet.
    if model.__module__ == "__fake__" or model._meta.auto_created and not auto_created:
        return False
    label, app = model._meta.label_lower, model._meta.app_label
    chosen = {name.lower() for name in _setting("models", (label,))}
    left_out = {name.lower() for name in _setting("exclude", EXCLUDE)}
    return not chosen.isdisjoint((label, app)) and left_out.isdisjoint((label, app))


def _row(model, pk, using):
    """The row as it is in the database, by attribute name; None if there is none."""
    if pk is None:
        return None
    names = [field.attname for field in model._meta.concrete_fields]
    with _savepoints(using):
        return model._base_manager.using(using).filter(pk=pk).values(*names).first()


@contextlib.contextmanager
def _savepoints(*aliases):
    """Savepoints in the open transactions of these databases, for reads of ours.

    A read may fail: a lock or a statement may take too long, or it may be the victim of a deadlock. PostgreSQL then takes no further
    statement of the transaction, and the application's own writes would fail with it, although we report the fault and go on.
    """
    with contextlib.ExitStack() as stack:
        for alias in aliases:
            if connections[alias].in_atomic_block:
                stack.enter_context(transaction.atomic(using=alias))
        yield


def _send(action, model, object_id, old_data, new_data, using, **members):
    content = {name: data for name, data in (("old_data", old_data), ("new_data", new_data)) if data is not None}
    event = _event(action, model, object_id, content, using, _mask(members))
    transaction.on_commit(lambda: client().send(event), using=using)


def _send_all(model, columns, changes, using):
    """Sends events of many objects after the commit: primary key, row before and row now, None for one that is not there."""
    if not changes:
        return
    # Who, from where and when is said now. The events, which take many times as much memory as the rows, are made when they are sent.
    make = _maker(model, using, {})

    def send():
        with _telling(model):
            client().send_all([make(*_change(columns, *change)) for change in changes])

    transaction.on_commit(send, using=using)


def _change(columns, pk, old, new):
    """Action, primary key and content of a change: of a row that was there, the columns that differ."""
    names = [name for at, name in enumerate(columns) if old is None or new is None or old[at] != new[at]]
    rows = {name: dict(zip(columns, row)) for name, row in (("old_data", old), ("new_data", new)) if row is not None}
    content = {side: {name: row[name] for name in names} for side, row in rows.items()}
    return "CREATE" if old is None else "UPDATE", pk, content


def _event(action, model, object_id, content, using, members, request=None):
    """The event as text and numbers now: what it is made of may change before the commit."""
    return _maker(model, using, members, request)(action, object_id, content)


def _maker(model, using, members, request=None):
    """Makes events of objects of a model, of this moment and this request: action, primary key, content."""
    concrete, request = model._meta.concrete_model, request or _request.get()
    acting = {name: _person(value) if name in ("user", "impersonator") else value for name, value in _mask(_acting.get()).items()}
    members = {**acting, **members}
    if correlation_id.get() is not None:
        members = {"correlation_id": correlation_id.get(), **members}
    said = _plain({**_request_members(request), **members})
    columns = {field.attname: _is_secret(field) for field in concrete._meta.concrete_fields}
    shared = {
        "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "content_type": _content_type(concrete, using),
        "table_name": concrete._meta.label_lower,
    }
    path_secrets, pk_is_secret = _path_secrets(request), _is_secret(concrete._meta.pk)

    def make(action, object_id, content):
        secrets, more = list(path_secrets), {}
        for data in content.values():
            if isinstance(data, dict):
                secrets += [value for name, value in data.items() if columns.get(name) and len(str(value)) >= SECRET_CHARACTERS_MIN]
        if object_id is not None and pk_is_secret:
            secrets += [object_id] if len(str(object_id)) > 3 else []
            more["object_fingerprint"], object_id = _fingerprint(object_id), MASKED
        masked = _plain({name: _mask(data, columns) for name, data in content.items()})
        return {
            **shared,
            "action": action,
            "object_id": object_id if object_id is None or type(object_id) is int else str(object_id),
            **_without({"content": masked or None, **said, **more}, _spellings(secrets)),
        }

    return make


def _plain(value):
    """Text and numbers."""
    return json.loads(json.dumps(value, cls=_Encoder))


def _content_type(model, using):
    # Django has no type of a through-model that it has made itself.
    if not apps.is_installed("django.contrib.contenttypes") or model._meta.auto_created:
        return None
    from django.contrib.contenttypes.models import ContentType
    # Django keeps a type once it has read it: no savepoint for the events after the first one.
    known = (using, model) in _types_read
    try:
        with contextlib.nullcontext() if known else _savepoints(using):
            found = ContentType.objects.db_manager(using).get_for_model(model).pk
    except DatabaseError:
        # A failed login in a transaction that takes no statement any more: `table_name` says it too.
        return None
    _types_read.add((using, model))
    return found


# ---- Secrets ----------------------------------------------------------------------------------------------------------------


def _mask(value, columns={}):
    """The value without secrets: what stands under a name that ends with one of MASK. Of these columns it is known whether they do."""
    if isinstance(value, dict):
        return {name: MASKED if columns.get(name, _tells_of(name)) and not _is_plain(name, item) else _mask(item)
                for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mask(item) for item in value]
    return value


def _is_plain(name, item):
    """Whether a value under the name of a secret is none: nothing, a flag, or a number under a plural, which is a count."""
    is_count = isinstance(item, (int, float)) and str(name).lower().endswith("s")
    return item is None or item == "" or isinstance(item, bool) or is_count


def _tells_of(name):
    """Whether the last words of a name are one of MASK."""
    return _names_secret(str(name), tuple(_setting("mask", MASK)))


@functools.lru_cache(maxsize=4096)
def _names_secret(name, listed):
    words, listed = _words(name), {"".join(_words(entry)) for entry in listed}
    while len(words) > 1 and not _ending(words, listed) and (words[-1].isdigit() or words[-1] in FORMS):
        words.pop()
    count = _ending(words, listed)
    before = words[:len(words) - count]
    if not count or not before:
        return bool(count)
    is_page = words[-1].startswith("token") and before[-1] in PAGES
    return not (is_page or "public" in before or before[0] in STATEMENTS or before[-1] in STATEMENTS)


def _ending(words, listed):
    """How many words at the end are one of the listed names, or its plural; 0 for none."""
    for count in (4, 3, 2, 1):
        joined = "".join(words[-count:])
        if joined in listed or joined[-1:] == "s" and joined[:-1] in listed:
            return min(count, len(words))
    return 0


def _words(name):
    """`userApiKey`, `user_api_key` and `User-APIKey` have the same three."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", name)
    return re.findall(r"[^\W_]+", name.lower())


def _is_of_credentials(name):
    """Whether one of CREDENTIALS is among the words of the name of a model or a view."""
    words = _words(name)
    return any(_ending(words[:end], CREDENTIALS) for end in range(1, len(words) + 1))


def _is_secret(field):
    """Whether a column holds what opens something: by its name, by that of its model, or by what it refers to."""
    if field.remote_field is not None:
        # `session` has the column `session_id`, whatever a session is here.
        target = field.target_field
        return target is not field and _is_secret(target)
    names_row = isinstance(field, (IntegerField, UUIDField)) and _is_id(field.attname)
    if names_row or field.primary_key and isinstance(field, IntegerField) or isinstance(field, BooleanField):
        return False  # The number or the UUID of a row opens nothing.
    if _tells_of(field.attname):
        return True
    if not isinstance(field, (CharField, TextField, BinaryField)) or not _is_of_credentials(field.model._meta.label):
        return False
    return field.primary_key or field.attname in CREDENTIAL_FIELDS


def _fingerprint(value):
    return salted_hmac(__name__, str(value), algorithm="sha256").hexdigest()[:16]


def _path_secrets(request):
    """Parts of the URL's path that are secrets, by their names or by that of the view (`password_reset_confirm`)."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return []
    everything = _is_of_credentials(match.view_name)
    parts = [(name, value) for name, value in (*enumerate(match.args), *match.kwargs.items())
             if len(str(value)) > 3 and not str(value).isdigit()]
    # `/tokens/<uuid:pk>/` has the name of a row, which is in `object_id` too.
    return [value for name, value in parts if (everything or _tells_of(name)) and not (_is_id(name) and _is_uuid(value))]


def _is_id(name):
    return isinstance(name, str) and _words(name)[-1:] in (["pk"], ["id"], ["uuid"])


def _is_uuid(value):
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", str(value)) is not None


def _spellings(secrets):
    """The texts as they are, as URLs have them, and as Django's admin has them in URLs; the longest first."""
    texts = {str(value) for value in secrets} - {"", MASKED}
    spelled = {urllib.parse.quote(text, safe=safe) for text in texts for safe in ("", "/")}
    spelled |= {re.sub(r'[:/_#?;@&=+$,"\[\]<>%\n\\]', lambda found: f"_{ord(found[0]):02X}", text) for text in texts}
    return sorted(texts | spelled, key=len, reverse=True)


def _without(value, secrets):
    """The value without these texts, wherever they stand."""
    if not secrets:
        return value
    if isinstance(value, dict):
        return {name: _without(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [_without(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASKED)
    return value


def _mask_queries(value):
    """A header's text, where it has a URL with a query: `Referer: https://shop.example/reset?token=…`."""
    if not isinstance(value, str):
        return value
    return re.sub(r"([?&;]([^=&;?#\s]+)=)([^&;#\s]+)",
                  lambda found: f"{found[1]}{MASKED}" if _tells_of(urllib.parse.unquote(found[2])) else found[0], value)


class _Encoder(DjangoJSONEncoder):
    """Django's, but with microseconds, and with something for every value."""

    def default(self, value):
        if isinstance(value, (datetime.datetime, datetime.time)):
            return value.isoformat()
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value).hex()
        if isinstance(value, (set, frozenset)):
            return sorted(value, key=str)
        try:
            return super().default(value)
        except TypeError:
            return str(value)


def _setting(name, default=None):
    audit = getattr(settings, "AUDIT", None)
    return audit.get(name, default) if isinstance(audit, dict) else default


def _tell(text):
    client().sender.report("django", text)
