"""Sends what a Django project changes to an audit log server: who, from where, and old and new data of each object.

One file for Django 4.2 to 5.2; it needs `audit_logging.py` beside it, which does the sending (queue, spool, retries).

    INSTALLED_APPS = [..., "audit_django.AuditConfig"]
    MIDDLEWARE = [..., "django.contrib.auth.middleware.AuthenticationMiddleware", "audit_django.audit_middleware"]
    AUDIT = {"url": "http://127.0.0.1:8080", "key": KEY, "spool": "/var/lib/shop/audit-spool"}

Each `save()` and `delete()` of a model, each change of a many-to-many relation, and what a cascade deletes become one event each,
sent when the transaction is committed; a rollback sends nothing. `content` has the fields that changed: `new_data` alone for a
creation, `old_data` alone for a deletion. Both are read from the database, so they are what is stored there and not what an instance
held (two reads by primary key for a save). Within a request the event has the user, address, URL, query, body and headers too; in
commands and tasks it has none of them.

Django has no signals for `QuerySet.update()`, `bulk_create()`, `bulk_update()` and raw SQL: call `record()` there. Fixtures
(`raw`) and the historical models of migrations are left out. A process that dies between the commit and its event, a moment
later, loses the event: to rule that out, write to an outbox table in the same transaction.

Further keys of AUDIT, all optional:

    channel_id        the channel to write to; else the server decides by the key
    models            labels ("shop.order", or "shop" for all of an app) to record; default: all
    exclude           labels to leave out; default: sessions, content types, migrations, the admin's own log
    mask              parts of names whose values are not sent; default: MASK
    headers_exclude   headers not to send at all; default: HEADERS_EXCLUDE
    user_fields       attributes of the user to keep beside `pk`; default: USER_FIELDS
    proxies           how many reverse proxies of yours add to X-Forwarded-For; default 0: the header is not believed
    body_bytes_max    longest JSON body to keep; default 65536
    options           further options of audit_logging.Sender: spool_limit, timeout, context, on_error …
"""

import contextvars
import datetime
import functools
import json

from asgiref.sync import iscoroutinefunction
from django.apps import AppConfig, apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import signals
from django.utils.decorators import sync_and_async_middleware

try:
    from .audit_logging import AuditClient
except ImportError:
    from audit_logging import AuditClient

__all__ = ["AuditConfig", "audit_middleware", "client", "record"]

EXCLUDE = ("sessions.session", "contenttypes.contenttype", "migrations.migration", "admin.logentry")
MASK = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "credential", "private_key", "card_number",
        "cvv", "cvc")
MASKED = "********"
HEADERS_EXCLUDE = ("authorization", "proxy-authorization", "cookie", "x-csrftoken", "x-api-key")
USER_FIELDS = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "date_joined", "last_login")

# Holds for threads that Django starts for a request as well as for its coroutines.
_request = contextvars.ContextVar("audit_request", default=None)


class AuditConfig(AppConfig):
    name = __name__
    verbose_name = "Audit log"

    def ready(self):
        for signal, receiver in (
            (signals.pre_save, _before), (signals.post_save, _after_save), (signals.pre_delete, _before),
            (signals.post_delete, _after_delete), (signals.m2m_changed, _relation_changed),
        ):
            signal.connect(receiver, dispatch_uid=f"audit_django.{receiver.__name__}", weak=False)
        client()  # At once: an earlier process may have left something to send.


@functools.lru_cache(maxsize=None)
def client():
    """The one client of the process; `client().send(event)` for events of your own."""
    return AuditClient(settings.AUDIT["url"], settings.AUDIT["key"], channel_id=_setting("channel_id"),
                       spool=_setting("spool"), **_setting("options", {}))


def record(action, model, object_id, *, old_data=None, new_data=None, using=DEFAULT_DB_ALIAS, **members):
    """Records a change that no signal tells of. `model` is a class or an instance; further members go into the event."""
    _send(action, model, object_id, old_data, new_data, using, **members)


# ---- Requests -------------------------------------------------------------------------------------------------------------


@sync_and_async_middleware
def audit_middleware(get_response):
    """Remembers the request for the events that are made in it."""
    if iscoroutinefunction(get_response):
        async def middleware(request):
            mark = _enter(request)
            try:
                return await get_response(request)
            finally:
                _request.reset(mark)
    else:
        def middleware(request):
            mark = _enter(request)
            try:
                return get_response(request)
            finally:
                _request.reset(mark)
    return middleware


def _enter(request):
    # A JSON body can be read once only: by us now, and then from memory by everybody.
    if request.content_type == "application/json" and request.method not in ("GET", "HEAD", "OPTIONS"):
        try:
            if 0 < int(request.META.get("CONTENT_LENGTH") or 0) <= _setting("body_bytes_max", 65536):
                request.body
        except Exception as error:
            # The view meets the same fault and answers it.
            _tell(f"the body of a request cannot be read: {error!r}")
    return _request.set(request)


def _request_members():
    request = _request.get()
    if request is None:
        return {}
    return {
        "user": _user(getattr(request, "user", None)),
        "remote_addr": _remote_addr(request),
        "url": _url(request),
        "query_params": _mask(_parameters(request.GET)),
        "post_data": _mask(_post_data(request)),
        "headers": _mask({name: value for name, value in request.headers.items()
                          if name.lower() not in _setting("headers_exclude", HEADERS_EXCLUDE)}),
        "method": request.method,
    }


def _user(user):
    """The user of this moment; None for nobody, whom Django calls AnonymousUser."""
    if user is None or user.pk is None:
        return None
    fields = (name for name in _setting("user_fields", USER_FIELDS) if hasattr(user, name))
    return {"pk": user.pk, **{name: getattr(user, name) for name in fields}}


def _remote_addr(request):
    proxies = _setting("proxies", 0)
    if proxies:
        # Each proxy adds whom it was called by at the end; what stands further in front, anybody may have written.
        forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if forwarded:
            return forwarded[-min(proxies, len(forwarded))]
    return request.META.get("REMOTE_ADDR") or None


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
def _before(sender, instance, using, raw=False, **_):
    if not raw and _is_recorded(sender):
        # A stack, since a receiver may save the instance again in the middle of this save.
        instance.__dict__.setdefault("_audit_before", []).append(_row(sender, instance.pk, using))


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
    ids = list(getattr(instance, name).using(using).order_by("pk").values_list("pk", flat=True))
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


def _is_recorded(model):
    # Historical models of migrations have this module, and tables that may not be there yet.
    if model.__module__ == "__fake__" or model._meta.auto_created:
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
    return model._base_manager.using(using).filter(pk=pk).values(*names).first()


def _send(action, model, object_id, old_data, new_data, using, **members):
    concrete = model._meta.concrete_model
    content = {name: data for name, data in (("old_data", old_data), ("new_data", new_data)) if data is not None}
    event = {
        "timestamp": datetime.datetime.now(datetime.timezone.utc),
        "action": action,
        "content_type": _content_type(concrete, using),
        "table_name": concrete._meta.label_lower,
        "object_id": object_id if type(object_id) is int else str(object_id),
        **_request_members(),
        "content": _mask(content),
        **members,
    }
    # As text now: what it was made of may change before the commit.
    event = json.loads(json.dumps(event, cls=_Encoder))
    transaction.on_commit(lambda: client().send(event), using=using)


def _content_type(model, using):
    if not apps.is_installed("django.contrib.contenttypes"):
        return None
    from django.contrib.contenttypes.models import ContentType
    return ContentType.objects.db_manager(using).get_for_model(model).pk


def _mask(value):
    """The value without secrets: what stands under a name that has one of the parts of MASK."""
    if isinstance(value, dict):
        parts = _setting("mask", MASK)
        return {name: MASKED if item not in (None, "") and any(part in str(name).lower() for part in parts) else _mask(item)
                for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mask(item) for item in value]
    return value


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
    return getattr(settings, "AUDIT", {}).get(name, default)


def _tell(text):
    client().sender.report("django", text)
