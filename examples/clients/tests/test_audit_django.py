"""`audit_django.py` in a project: what its signals, its middleware and its settings do."""

import asyncio
import datetime
import decimal
import json
import os
import pathlib
import subprocess
import sys
import unittest

from django_project import TOLD, Case, close, failing, home, settings

import audit_django
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import transaction
from django.db.models import F
from django.test import AsyncClient, Client
from django_otp.plugins.otp_hotp.models import HOTPDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex
from rest_framework.authtoken.models import Token
from shop.models import Access, Counter, Customer, Device, Footprint, OauthGrant, Order, Reset, Tag, Ticket, Urgent


class Changes(Case):
    def test_a_creation_has_new_data_only(self):
        placed = datetime.datetime(2023, 10, 16, 9, 0, 0, 929094, tzinfo=datetime.timezone.utc)
        order = Order.objects.create(quantity=2.0, price=decimal.Decimal("9.50"), placed_at=placed, seal=b"\x01\xff",
                                     invoice="bills/7.pdf")
        event = self.event()
        self.assertEqual(event["content"], {"new_data": {
            "id": order.pk, "customer_id": None, "quantity": 2.0, "price": "9.50", "placed_at": "2023-10-16T09:00:00.929094+00:00",
            "invoice": "bills/7.pdf", "seal": "01ff", "note": "", "api_token": ""}})
        self.assertEqual((event["action"], event["table_name"], event["object_id"]), ("CREATE", "shop.order", order.pk))
        self.assertEqual(event["content_type"], ContentType.objects.get_for_model(Order).pk)
        self.assertEqual([event[name] for name in ("user", "url", "remote_addr", "post_data", "headers")], [None] * 5)

    def test_an_update_has_the_fields_that_changed_as_they_are_stored(self):
        order = self.order(quantity=1.0, price="3.00", note="as it was")
        order.quantity, order.price = 2, "3"
        order.save()
        event = self.event()
        self.assertEqual(event["content"], {"old_data": {"quantity": 1.0}, "new_data": {"quantity": 2.0}})
        self.assertEqual((event["action"], event["object_id"]), ("UPDATE", order.pk))

    def test_an_expression_shows_its_result_and_a_save_without_change_nothing(self):
        order = self.order(quantity=1.0)
        order.quantity = F("quantity") + 4
        order.save()
        Order.objects.get(pk=order.pk).save()
        self.assertEqual(self.event()["content"], {"old_data": {"quantity": 1.0}, "new_data": {"quantity": 5.0}})

    def test_a_deletion_has_the_stored_data_and_so_does_what_goes_with_it(self):
        customer = Customer.objects.create(name="zoe")
        order = self.order(customer=customer, note="hers")
        customer.name, customer_id = "never saved", str(customer.id)
        customer.delete()
        deleted = {event["table_name"]: event for event in self.events()}
        self.assertEqual({event["action"] for event in deleted.values()}, {"DELETE"})
        self.assertEqual(deleted["shop.customer"]["content"], {"old_data": {"id": customer_id, "name": "zoe"}})
        self.assertEqual(deleted["shop.customer"]["object_id"], customer_id)
        self.assertEqual(deleted["shop.order"]["content"]["old_data"]["note"], "hers")
        self.assertEqual(deleted["shop.order"]["object_id"], order.pk)

    def test_relations_show_the_ids_before_and_after(self):
        order, tags = self.order(), [Tag.objects.create(name=name) for name in "abc"]
        self.from_here()
        ids = [tag.pk for tag in tags]
        order.tags.add(*tags[:2])
        order.tags.add(tags[0])
        order.tags.remove(tags[0])
        order.tags.clear()
        tags[2].order_set.add(order)
        events = [(event["table_name"], event["action"], event["content"]["old_data"], event["content"]["new_data"])
                  for event in self.events()]
        self.assertEqual(events, [
            ("shop.order", "UPDATE", {"tags": []}, {"tags": ids[:2]}),
            ("shop.order", "UPDATE", {"tags": ids[:2]}, {"tags": ids[1:2]}),
            ("shop.order", "UPDATE", {"tags": ids[1:2]}, {"tags": []}),
            ("shop.tag", "UPDATE", {"order_set": []}, {"order_set": [order.pk]}),
        ])

    def test_a_deletion_lists_the_relations_of_both_directions(self):
        order, tag = self.order(), Tag.objects.create(name="red")
        order.tags.add(tag)
        alone = Tag.objects.create(name="alone")
        self.from_here()
        tag_id, order_id, alone_id = tag.pk, order.pk, alone.pk
        order.delete()
        self.assertEqual(self.event()["content"]["old_data"]["tags"], [tag_id])
        order = self.order()
        order.tags.add(tag)
        self.from_here()
        tag.delete()
        alone.delete()
        self.assertEqual([event["content"] for event in self.events()], [
            {"old_data": {"id": tag_id, "name": "red", "order_set": [order.pk]}},
            {"old_data": {"id": alone_id, "name": "alone"}},
        ])

    def test_a_very_long_relation_is_cut_and_says_so(self):
        order = self.order()
        order.tags.add(*Tag.objects.bulk_create(Tag(name=str(n)) for n in range(7)))
        most, audit_django.IDS_MAX = audit_django.IDS_MAX, 5
        self.addCleanup(setattr, audit_django, "IDS_MAX", most)
        self.from_here()
        order.delete()
        tags = self.event()["content"]["old_data"]["tags"]
        self.assertEqual((len(tags), tags[5]), (6, "and 2 more"))

    def test_an_object_of_two_tables_shows_the_columns_of_both(self):
        urgent = Urgent.objects.create(until=datetime.date(2023, 10, 16), note="now")
        self.from_here()
        urgent.note, urgent.until = "later", datetime.date(2023, 10, 17)
        urgent.save()
        self.assertEqual(self.event()["content"], {"old_data": {"note": "now", "until": "2023-10-16"},
                                                   "new_data": {"note": "later", "until": "2023-10-17"}})

    def test_a_save_within_a_save_is_two_events(self):
        ticket = Ticket.objects.create()
        events = {event["action"]: event["content"] for event in self.events()}
        self.assertEqual(events["UPDATE"], {"old_data": {"number": 0}, "new_data": {"number": 1}})
        self.assertNotIn("old_data", events["CREATE"])
        self.from_here()
        ticket.number = 4
        ticket.save()
        changes = [(event["content"]["old_data"]["number"], event["content"]["new_data"]["number"]) for event in self.events()]
        self.assertEqual(changes, [(4, 5), (1, 5)], "the inner one is over first")

    def test_secrets_are_masked_and_still_seen_to_change(self):
        order = self.order(api_token="old")
        order.api_token = "new"
        order.save()
        self.assertEqual(self.event()["content"], {"old_data": {"api_token": "[masked]"}, "new_data": {"api_token": "[masked]"}})

    def test_a_rollback_is_no_event_and_a_commit_brings_its_events_in_order(self):
        order = self.order()
        try:
            with transaction.atomic():
                Order.objects.create(note="never")
                raise LookupError
        except LookupError:
            pass
        with transaction.atomic():
            for note in "abc":
                order.note = note
                order.save()
            self.assertEqual(self.events(), [], "nothing before the commit")
        self.assertEqual([event["content"]["new_data"]["note"] for event in self.events()], ["a", "b", "c"])

    def test_fixtures_and_sessions_and_migrations_are_left_out(self):
        fixture = pathlib.Path(home.name, "tags.json")
        fixture.write_text('[{"model":"shop.tag","pk":900,"fields":{"name":"raw"}}]')
        call_command("loaddata", str(fixture), verbosity=0)
        Client().session.save()
        self.assertEqual(self.events(), [])
        tables = {event["table_name"].partition(".")[0] for event in self.events(0)}
        self.assertTrue(tables <= {"shop", "auth", "authtoken", "otp_totp", "otp_hotp"}, tables)

    def test_what_has_no_signal_is_recorded_by_hand(self):
        order = self.order(note="a")
        Order.objects.filter(pk=order.pk).update(note="b")
        audit_django.record("UPDATE", Order, order.pk, old_data={"note": "a"}, new_data={"note": "b"}, description="in bulk")
        event = self.event()
        self.assertEqual((event["table_name"], event["object_id"], event["description"]), ("shop.order", order.pk, "in bulk"))

    def test_a_fault_of_the_audit_is_told_and_not_the_applications(self):
        row = audit_django._row
        self.addCleanup(setattr, audit_django, "_row", row)
        audit_django._row = lambda *_: 1 / 0
        tag = Tag.objects.create(name="saved all the same")
        self.assertTrue(Tag.objects.filter(pk=tag.pk).exists())
        self.assertIn("not recorded: ZeroDivisionError", TOLD.pop())


class FailedReads(Case):
    """A read of ours that fails, in a transaction of the application: the application's own statements are as before."""

    def reads(self, table):
        return failing(lambda sql: sql.startswith("SELECT") and f'FROM "{table}"' in sql)

    def test_rows_that_cannot_be_read(self):
        order = self.order(note="a")
        tag = Tag.objects.create(name="a")
        self.from_here()
        with self.reads("shop_order"), transaction.atomic():
            order.note = "b"
            order.save(force_update=True)
            tag.name = "b"
            tag.save()
        self.assertEqual((Order.objects.get(pk=order.pk).note, Tag.objects.get(pk=tag.pk).name), ("b", "b"))
        self.assertIn("lock timeout", TOLD.pop())
        self.assertEqual(self.event()["content"], {"old_data": {"name": "a"}, "new_data": {"name": "b"}})

    def test_a_row_before_a_save_within_a_save_is_not_taken_for_another_one(self):
        ticket = Ticket.objects.create()
        self.from_here()
        reads = iter(range(9))
        # The first read is of the row before the outer save, the second before the inner one.
        with failing(lambda sql: sql.startswith("SELECT") and "LIMIT 1" in sql and next(reads) == 1), transaction.atomic():
            ticket.number = 4
            ticket.save()
        self.assertIn("lock timeout", TOLD.pop())
        changes = [(event["content"].get("old_data"), event["content"]["new_data"]) for event in self.events()]
        self.assertEqual(changes, [(None, {"id": ticket.pk, "number": 5}), ({"number": 1}, {"number": 5})])

    def test_relations_that_cannot_be_read(self):
        order, tag = self.order(), Tag.objects.create(name="a")
        self.from_here()
        with self.reads("shop_tag"), transaction.atomic():
            order.tags.add(tag)
            Tag.objects.create(name="after")
            order.delete()
        self.assertFalse(Order.objects.filter(pk=order.pk or 0).exists())
        self.assertTrue(Tag.objects.filter(name="after").exists())
        self.assertIn("lock timeout", TOLD.pop())
        TOLD.clear()

    def test_types_that_cannot_be_read(self):
        ContentType.objects.clear_cache()
        audit_django._types_read.clear()
        with self.reads("django_content_type"), transaction.atomic():
            Tag.objects.create(name="one")
            Tag.objects.create(name="two")
        self.assertEqual([(event["content_type"], event["content"]["new_data"]["name"]) for event in self.events()],
                         [(None, "one"), (None, "two")])

    def test_a_user_that_cannot_be_read(self):
        order = self.order()
        client = Client(headers={"host": "shop.example"})
        client.force_login(User.objects.create_user("read-zoe"))
        self.from_here()
        with self.reads("auth_user"), transaction.atomic():
            self.assertEqual(client.post(f"/orders/{order.pk}/form/", {"quantity": "7"}).status_code, 200)
        self.assertEqual(Order.objects.get(pk=order.pk).quantity, 7)
        self.assertIn("lock timeout", TOLD.pop())


class Requests(Case):
    @classmethod
    def setUpClass(cls):
        cls.user = User.objects.create_user("zoe", "zoe@example.com", "correct horse")
        cls.client = Client(headers={"host": "shop.example"})
        cls.client.force_login(cls.user)

    def post(self, path, data, **more):
        return self.client.post(path, data, REMOTE_ADDR="192.0.2.7", **more)

    def test_a_form_brings_who_and_from_where(self):
        order = self.order()
        self.post(f"/orders/{order.pk}/form/?page=2&token=hush", {"quantity": "7", "card_number": "4111", "lines": ["a", "b"]},
                  headers={"User-Agent": "curl/8", "Authorization": "Bearer hush", "X-Reset-Token": "hush"})
        event = self.event()
        self.assertEqual(event["content"], {"old_data": {"quantity": 1.0}, "new_data": {"quantity": 7.0}})
        user = event["user"]
        self.assertEqual((user["pk"], user["username"], user["email"]), (self.user.pk, "zoe", "zoe@example.com"))
        self.assertFalse(any("password" in name for name in user))
        self.assertEqual(event["remote_addr"], "192.0.2.7")
        self.assertEqual(event["url"], f"http://shop.example/orders/{order.pk}/form/")
        self.assertEqual(event["query_params"], {"page": "2", "token": "[masked]"})
        self.assertEqual(event["post_data"], {"quantity": "7", "card_number": "[masked]", "lines": ["a", "b"]})
        self.assertEqual(event["extra"], {"method": "POST"})
        self.assertEqual(event["headers"]["User-Agent"], "curl/8")
        self.assertEqual(event["headers"]["X-Reset-Token"], "[masked]")
        self.assertTrue({"authorization", "cookie"}.isdisjoint(name.lower() for name in event["headers"]))
        self.assertNotIn("hush", json.dumps(event))

    def test_a_json_body_is_kept_and_the_view_can_read_it(self):
        order = self.order()
        body = {"note": "hello", "account": {"Password": "x", "keys": [{"api_key": "y"}]}}
        self.post(f"/orders/{order.pk}/document/", body, content_type="application/json")
        event = self.event()
        self.assertEqual(event["content"]["new_data"], {"note": "hello"})
        self.assertEqual(event["post_data"], {"note": "hello", "account": {"Password": "[masked]", "keys": [{"api_key": "[masked]"}]}})

    def test_a_body_that_the_view_reads_itself_is_left_to_it(self):
        order = self.order()
        answer = self.post(f"/orders/{order.pk}/upload/", {"file": "x"})
        self.assertIn(b'name="file"', answer.content)
        self.assertIsNone(self.event()["post_data"])

    def test_async_views_are_the_same(self):
        order = self.order()
        client = AsyncClient()
        client.cookies = self.client.cookies
        asyncio.run(client.post(f"/orders/{order.pk}/async/", {}))
        event = self.event()
        self.assertEqual((event["content"]["new_data"], event["user"]["pk"]), ({"note": "async"}, self.user.pk))
        self.assertEqual(event["url"], f"http://testserver/orders/{order.pk}/async/")

    def test_nobody_is_null_and_the_next_request_knows_nothing_of_the_last(self):
        order = self.order()
        Client(headers={"host": "shop.example"}).post(f"/orders/{order.pk}/form/", {"quantity": 3})
        self.assertIsNone(self.event()["user"])
        self.from_here()
        order.note = "outside of requests"
        order.save()
        self.assertIsNone(self.event()["url"])

    def test_a_forwarded_address_counts_only_behind_as_many_proxies(self):
        order, header = self.order(), {"X-Forwarded-For": "203.0.113.9, 198.51.100.4, 10.0.0.1"}
        for proxies, address in ((0, "192.0.2.7"), (1, "10.0.0.1"), (2, "198.51.100.4"), (9, "203.0.113.9")):
            settings.AUDIT["proxies"] = proxies
            self.addCleanup(settings.AUDIT.pop, "proxies", None)
            self.from_here()
            self.post(f"/orders/{order.pk}/form/", {"quantity": 10 + proxies}, headers=header)
            self.assertEqual(self.event()["remote_addr"], address)

    def test_an_address_loses_its_port(self):
        order = self.order()
        settings.AUDIT["proxies"] = 1
        self.addCleanup(settings.AUDIT.pop, "proxies", None)
        for n, (said, address) in enumerate((
            ("203.0.113.5:4711", "203.0.113.5"), ("[2001:db8::1]:4711", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("unknown", "unknown"), ("", "192.0.2.7"),
        )):
            self.from_here()
            self.post(f"/orders/{order.pk}/form/", {"quantity": 100 + n}, headers={"X-Forwarded-For": f"198.51.100.4, {said}"}
                      if said else {})
            self.assertEqual(self.event()["remote_addr"], address)

    def test_only_chosen_models_are_recorded(self):
        settings.AUDIT["models"] = ["shop.tag"]
        self.addCleanup(settings.AUDIT.pop, "models")
        Order.objects.create()
        Tag.objects.create(name="x")
        self.assertEqual(self.event()["table_name"], "shop.tag")


class Logins(Case):
    @classmethod
    def setUpClass(cls):
        cls.user = User.objects.create_user("mia", "mia@example.com", "correct horse")

    def sign(self, path, **data):
        self.http = getattr(self, "http", None) or Client(headers={"host": "shop.example"})
        return self.http.post(path, data, REMOTE_ADDR="192.0.2.9")

    def logins(self):
        return [event for event in self.events() if event["action"].startswith("LOG")]

    def test_a_login_and_a_logout_are_events_of_the_user(self):
        self.sign("/login/", username="mia", password="correct horse")
        self.sign("/logout/")
        self.sign("/logout/")
        login, logout = self.logins()
        self.assertEqual((login["action"], logout["action"]), ("LOGIN", "LOGOUT"))
        for event in (login, logout):
            self.assertEqual((event["table_name"], event["object_id"]), ("auth.user", self.user.pk))
            self.assertEqual((event["user"]["pk"], event["user"]["username"]), (self.user.pk, "mia"))
            self.assertEqual((event["remote_addr"], event["content"]), ("192.0.2.9", None))
            self.assertEqual(event["content_type"], ContentType.objects.get_for_model(User).pk)
        self.assertEqual(login["url"], "http://shop.example/login/")
        changed = [event["content"]["new_data"] for event in self.events() if event["action"] == "UPDATE"]
        self.assertEqual([list(data) for data in changed], [["last_login"]])
        self.assertNotIn("correct horse", json.dumps(self.events()))

    def test_a_failed_login_has_the_name_that_was_tried_and_no_password(self):
        self.sign("/login/", username="mia", password="wrong horse")
        (event,) = self.events()
        self.assertEqual((event["action"], event["user"], event["object_id"]), ("LOGIN_FAILED", None, None))
        self.assertEqual(event["extra"], {"method": "POST", "username": "mia"})
        self.assertEqual((event["table_name"], event["remote_addr"]), ("auth.user", "192.0.2.9"))
        self.assertEqual(event["post_data"], {"username": "mia", "password": "[masked]"})
        self.assertNotIn("wrong horse", json.dumps(event))

    def test_a_failed_login_outlives_a_rollback_and_needs_no_request(self):
        from django.contrib.auth import authenticate
        try:
            with transaction.atomic():
                authenticate(username="nobody", password="wrong horse")
                raise LookupError
        except LookupError:
            pass
        event = self.event()
        self.assertEqual((event["action"], event["extra"], event["url"]), ("LOGIN_FAILED", {"username": "nobody"}, None))

    def test_a_failed_login_in_a_broken_transaction_is_told_all_the_same(self):
        from django.contrib.auth.signals import user_login_failed
        with transaction.atomic():
            ContentType.objects.clear_cache()
            transaction.set_rollback(True)
            user_login_failed.send(__name__, credentials={"username": "nobody"}, request=None)
            transaction.set_rollback(False)
        event = self.event()
        self.assertEqual((event["action"], event["table_name"]), ("LOGIN_FAILED", "auth.user"))


class Secrets(Case):
    """No usable credential is anywhere in the log."""

    @classmethod
    def setUpClass(cls):
        cls.user = User.objects.create_user("tom", "tom@example.com", "correct horse")

    def tearDown(self):
        super().tearDown()
        self.assertNotIn(self.secret, json.dumps(self.events()))

    def test_the_token_of_rest_framework(self):
        token = Token.objects.create(user=self.user)
        self.secret = token.key
        Client(headers={"host": "shop.example", "Authorization": f"Token {token.key}"}).post("/rest/", {"name": "by token"})
        created, tag = self.events()
        self.assertEqual(created["content"]["new_data"]["key"], "[masked]")
        self.assertEqual(created["content"]["new_data"]["user_id"], self.user.pk)
        self.assertEqual((tag["table_name"], tag["user"]["pk"]), ("shop.tag", self.user.pk))
        token.delete()
        deleted = self.events()[-1]
        self.assertEqual((created["object_id"], deleted["object_id"], deleted["action"]), ("[masked]", "[masked]", "DELETE"))
        self.assertEqual(deleted["content"]["old_data"]["key"], "[masked]")
        fingerprint = created["extra"]["object_fingerprint"]
        self.assertRegex(fingerprint, r"^[0-9a-f]{16}$")
        self.assertEqual(deleted["extra"]["object_fingerprint"], fingerprint, "still seen to be the same")

    def test_the_keys_of_one_time_passwords(self):
        for model in (TOTPDevice, HOTPDevice):
            self.from_here()
            self.secret = random_hex()
            device = model.objects.create(user=self.user, name="phone", key=self.secret)
            device.name, old = "new phone", self.secret
            device.save()
            device.key = self.secret = random_hex()
            device.save()
            number = device.pk
            device.delete()
            created, renamed, changed, deleted = self.events()
            self.assertEqual((created["object_id"], created["extra"]), (number, None), "the number of a row opens nothing")
            self.assertEqual((created["content"]["new_data"]["key"], created["content"]["new_data"]["name"]), ("[masked]", "phone"))
            self.assertEqual(renamed["content"], {"old_data": {"name": "phone"}, "new_data": {"name": "new phone"}})
            self.assertEqual(changed["content"], {"old_data": {"key": "[masked]"}, "new_data": {"key": "[masked]"}})
            self.assertEqual(deleted["content"]["old_data"]["key"], "[masked]")
            self.assertNotIn(old, json.dumps(self.events()))

    def test_a_primary_key_that_is_a_secret_and_what_refers_to_it(self):
        self.secret = "k3y/with+signs=7a9c"
        access = Access.objects.create(api_key=self.secret, note="a")
        device = Device.objects.create(via=access)
        device.others.add(access)
        device.delete()
        access.note = "b"
        access.save()
        access.delete()
        events = self.events()
        ids = {event["object_id"] for event in events if event["table_name"] == "shop.access"}
        of_access = {"[masked]" + event["extra"]["object_fingerprint"] for event in events if event["table_name"] == "shop.access"}
        self.assertEqual((len(events), len(of_access), ids), (6, 1, {"[masked]"}))
        self.assertEqual(events[1]["content"]["new_data"]["via_id"], "[masked]")
        self.assertEqual(events[2]["content"]["new_data"]["others"], [*of_access])
        self.assertEqual(events[3]["content"]["old_data"]["others"], [*of_access])

    def test_a_number_as_the_key_is_no_secret(self):
        self.secret = "none"
        counter = Counter.objects.create()
        self.assertEqual(self.event()["object_id"], counter.pk)

    def test_a_secret_in_the_address_of_a_request(self):
        self.secret = "s3cret-of-a-reset-0815"
        reset = Reset.objects.create(token=self.secret)
        self.from_here()
        Client(headers={"host": "shop.example", "Referer": f"http://shop.example/resets/{self.secret}/?token=hush&page=2"}).post(
            f"/resets/{self.secret}/?next=/{self.secret}", {"link": f"/resets/{self.secret}/"}, content_type="application/json")
        tag, done = self.events()
        for event in (tag, done):
            self.assertEqual(event["url"], "http://shop.example/resets/[masked]/")
            self.assertEqual(event["headers"]["Referer"], "http://shop.example/resets/[masked]/?token=[masked]&page=2")
            self.assertEqual(event["post_data"], {"link": "/resets/[masked]/"})
            self.assertEqual(event["query_params"], {"next": "/[masked]"})
        self.assertEqual((tag["table_name"], done["table_name"], done["content"]["new_data"]), ("shop.tag", "shop.reset", {"used": True}))

    def test_names_are_seen_through_however_they_are_written(self):
        self.secret = "hush-hush"
        order = self.order()
        body = {"note": "x", "accessKey": self.secret, "Card Number": self.secret, "private-key": [self.secret], "pwd": self.secret}
        Client(headers={"host": "shop.example", "X-Shop-Api-Key": self.secret}).post(
            f"/orders/{order.pk}/document/", body, content_type="application/json")
        event = self.event()
        self.assertEqual(event["post_data"], {"note": "x", **dict.fromkeys(list(body)[1:], "[masked]")})
        self.assertEqual(event["headers"]["X-Shop-Api-Key"], "[masked]")

    def test_words_of_names_count_and_not_parts_of_words_as_the_server_has_it(self):
        self.secret = "w0rd-of-mouth"
        names = json.loads(pathlib.Path(__file__).with_name("names.json").read_text())
        secret = [name for name in names["secret"] + names["other"] if audit_django._mask({name: self.secret})[name] != self.secret]
        self.assertEqual(secret, names["secret"])
        more = {"sessionid": self.secret, "Session-ID": self.secret}
        self.assertEqual(audit_django._mask(more), dict.fromkeys(more, "[masked]"))
        # Sent as they are: what the client would mask wrongly, or does not mask, the server would mask or not.
        content = dict.fromkeys(names["secret"] + names["other"], self.secret)
        audit_django.client().send({"table_name": "shop.names", "content": content})
        masked = [name for name, value in self.event()["content"].items() if value == "[masked]"]
        self.assertEqual(sorted(masked), sorted(names["secret"]))
        self.secret = "none"

    def test_a_flag_and_a_count_under_the_name_of_a_secret_are_none(self):
        self.secret = "none"
        shown = {"secret": True, "tokens": 512, "password": "", "token": None}
        self.assertEqual(audit_django._mask(shown), shown)
        self.assertEqual(audit_django._mask({"otp": 1, "pin": 0, "recovery_codes": [1]}),
                         {"otp": "[masked]", "pin": 0, "recovery_codes": "[masked]"})

    def test_names_of_the_settings_are_words_too(self):
        self.secret = "none"
        settings.AUDIT["mask"] = ["loyalty number"]
        self.addCleanup(settings.AUDIT.pop, "mask")
        masked = audit_django._mask(dict.fromkeys(["customerLoyaltyNumber", "loyalty_numbers", "disloyaltynumber", "password"], "7"))
        self.assertEqual(list(masked.values()), ["[masked]", "[masked]", "7", "7"])

    def test_only_columns_that_hold_credentials_are_masked(self):
        self.secret = "k3y-0f-a-grant-4711"
        tag = Tag.objects.create(name="a")
        self.from_here()
        grant = OauthGrant.objects.create(code=self.secret, zip_code="10115", content_hash="aa", has_token=True, session=tag)
        footprint = Footprint.objects.create(key="carbon", code="CO2")
        Client(headers={"host": "shop.example"}).post(f"/token-grants/{grant.pk}/")
        created, printed, changed = self.events()
        self.assertEqual((created["object_id"], created["content"]["new_data"]), (str(grant.pk), {
            "ref": str(grant.pk), "web_session_id": str(grant.web_session_id), "code": "[masked]",
            "zip_code": "10115", "content_hash": "aa", "has_token": True, "session_id": tag.pk}))
        self.assertEqual((printed["object_id"], printed["content"]["new_data"]), ("carbon", {"key": "carbon", "code": "CO2"}))
        self.assertEqual((changed["object_id"], changed["url"]), (str(grant.pk), f"http://shop.example/token-grants/{grant.pk}/"))

    def test_what_is_recorded_by_hand_is_masked_too(self):
        self.secret = "hush-hush"
        audit_django.record("EXPORT", Order, "all", new_data={"api_token": self.secret}, query_params={"token": self.secret}, job="nightly")
        event = self.event()
        self.assertEqual((event["query_params"], event["extra"]), ({"token": "[masked]"}, {"job": "nightly"}))


class Mistakes(unittest.TestCase):
    """In the settings: they are told in one sentence, and the application goes on."""

    PROGRAM = """
import sys, tempfile, django
from django.conf import settings
from django.core.management import call_command
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, SECRET_KEY="for tests",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", **eval(sys.argv[1]),
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop", "audit_django.AuditConfig"])
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
import audit_django
from shop.models import Tag
from django.contrib.auth import authenticate
tag = Tag.objects.create(name="goes on")
authenticate(username="nobody", password="x")
tag.delete()
audit_django.record("TEST", Tag, 1)
print(audit_django.client().flush(60))
"""

    def run_with(self, configured):
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:2])}
        ended = subprocess.run([sys.executable, "-c", self.PROGRAM, repr(configured)], env=environ, capture_output=True, text=True, timeout=120)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout.strip(), ended.stderr.splitlines()

    def test_without_usable_settings_nothing_is_sent_and_stderr_says_why(self):
        for configured, said in (
            ({}, "the setting AUDIT is missing"),
            ({"AUDIT": None}, "the setting AUDIT is missing"),
            ({"AUDIT": "http://127.0.0.1:8080"}, "the setting AUDIT is not a dict but 'http://127.0.0.1:8080'"),
            ({"AUDIT": {"url": "http://127.0.0.1:8080"}}, "the setting AUDIT lacks 'key'"),
            ({"AUDIT": {"url": "http://127.0.0.1:8080", "key": None}}, "the setting AUDIT lacks 'key'"),
            ({"AUDIT": {"url": "127.0.0.1:8080", "key": "k"}}, "must be http://HOST:PORT or https://HOST:PORT, not '127.0.0.1:8080'"),
            ({"AUDIT": {"url": "http://127.0.0.1:8080", "key": "k", "options": {"spol": 1}}}, "'spol'"),
        ):
            answer, told = self.run_with(configured)
            self.assertEqual((answer, len(told)), ("False", 1), told)
            self.assertTrue(told[0].startswith("audit_django: no event is sent: "), told)
            self.assertIn(said, told[0])
            self.assertIn('set AUDIT = {"url": "http://HOST:PORT"', told[0])

    def test_a_bad_spool_and_an_unknown_key_are_told_and_events_arrive(self):
        file = os.path.join(home.name, "a-file")
        pathlib.Path(file).write_text("")
        audit = {"url": os.environ["AUDIT_URL"], "key": os.environ["AUDIT_KEY"], "spool": os.path.join(file, "spool"), "exlude": ["shop"]}
        answer, told = self.run_with({"AUDIT": audit})
        self.assertEqual((answer, len(told)), ("True", 2), told)
        self.assertIn("the spool cannot be written, records wait in memory", told[0])
        self.assertIn("unknown keys: exlude; known are url, key", told[1])


tearDownModule = close


if __name__ == "__main__":
    unittest.main()
