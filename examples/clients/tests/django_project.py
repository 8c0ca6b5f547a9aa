"""A project with SQLite that is audited by the running server at AUDIT_URL, with AUDIT_KEY, and what its tests have in common."""

import contextlib
import json
import os
import pathlib
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

import django
from django.conf import settings
from django.core.management import call_command

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent), str(pathlib.Path(__file__).resolve().parent)]

home = tempfile.TemporaryDirectory()
TOLD = []
settings.configure(
    SECRET_KEY="for tests",
    ALLOWED_HOSTS=["shop.example", "testserver"],
    ROOT_URLCONF="shop.urls",
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(home.name, "shop.db")}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "rest_framework",
                    "rest_framework.authtoken", "django_otp", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_hotp", "shop",
                    "audit_django.AuditConfig"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware", "audit_django.audit_middleware"],
    AUDIT={"url": os.environ["AUDIT_URL"], "key": os.environ["AUDIT_KEY"], "spool": os.path.join(home.name, "spool"),
           "source": "shop", "options": {"on_error": TOLD.append}},
)
django.setup()

import audit_django
from django.db import InternalError, OperationalError, connection
from shop.models import Order

call_command("migrate", run_syncdb=True, verbosity=0)


def get(path, **query):
    request = urllib.request.Request(f"{os.environ['AUDIT_URL']}{path}?{urllib.parse.urlencode(query)}",
                                     headers={"Authorization": f"Token {os.environ['AUDIT_KEY']}"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


class Case(unittest.TestCase):
    def setUp(self):
        # Each kind of fault is told once a minute.
        audit_django.client().sender._reported.clear()
        self.from_here()

    def tearDown(self):
        self.assertEqual(TOLD, [])

    def from_here(self):
        """Later `events()` leave out what has happened until now."""
        self.events(0)
        self.first = get("/api/v1/events", count="true", limit=1, sort="position")["count"]

    def events(self, first=None):
        self.assertTrue(audit_django.client().flush(60))
        first = self.first if first is None else first
        return get("/api/v1/events", sort="position", limit=1000, position__gte=first)["results"]

    def event(self):
        (event,) = self.events()
        return event

    def order(self, **fields):
        order = Order.objects.create(**fields)
        self.from_here()
        return order


@contextlib.contextmanager
def failing(fails):
    """Statements for which `fails(sql)` is true fail, and a transaction takes none after that, as in PostgreSQL."""
    aborted = False

    def execute(run, sql, *rest):
        nonlocal aborted
        if aborted and not sql.startswith("ROLLBACK"):
            raise InternalError("current transaction is aborted, commands ignored until end of transaction block")
        failed = fails(sql)
        aborted = failed and connection.in_atomic_block
        if failed:
            raise OperationalError("canceling statement due to lock timeout")
        return run(sql, *rest)

    with connection.execute_wrapper(execute):
        yield


def close():
    """At the end of a module of tests."""
    audit_django.client().close(60)
    connection.close()
    home.cleanup()
