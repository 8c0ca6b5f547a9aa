"""`audit_django.py` in a project: changes of many objects at once, relations, and who acts outside of requests."""

import asyncio
import datetime
import decimal
import inspect
import logging
import threading
import unittest
import uuid

from django_project import TOLD, Case, close, failing, get, os, settings

import audit_django
import audit_logging
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import Client
from shop.models import Customer, Membership, Order, Part, Pass, Product, Tag, Team, Urgent


class BulkCase(Case):
    def setUp(self):
        Product.objects.all()._raw_delete("default")
        super().setUp()
        self.requests = 0
        post = audit_django.client().sender._post
        self.addCleanup(setattr, audit_django.client().sender, "_post", post)

        def counted(lines):
            self.requests += 1
            return post(lines)

        audit_django.client().sender._post = counted

    def products(self, count, **fields):
        made = Product.objects.bulk_create(Product(sku=f"P-{n}", stock=n, **fields) for n in range(count))
        self.from_here()
        self.requests = 0
        return made

    def changes(self):
        return [(event["action"], event["object_id"], event["content"].get("old_data"), event["content"].get("new_data"))
                for event in self.events()]


class ManyAtOnce(BulkCase):
    def test_bulk_create_is_one_creation_for_each_in_one_request(self):
        maker = Customer.objects.create(name="acme")
        self.from_here()
        self.requests = 0
        made = Product.objects.bulk_create([Product(sku=f"P-{n}", price="1.5", maker=maker, api_token="hush") for n in range(300)])
        events = self.events()
        self.assertEqual((len(events), self.requests), (300, 1))
        for product, event in zip(made, events):
            self.assertEqual((event["action"], event["table_name"], event["object_id"]), ("CREATE", "shop.product", product.pk))
            self.assertEqual(event["content"], {"new_data": {
                "id": product.pk, "sku": product.sku, "stock": 0, "price": "1.50", "maker_id": str(maker.pk), "api_token": "[masked]"}})

    def test_update_has_what_changed_of_each_object_that_changed(self):
        one, two, three = self.products(3)
        self.assertEqual(Product.objects.filter(sku__in=["P-1", "P-2"]).update(stock=F("stock") + 10, price=decimal.Decimal("0.00")), 2)
        self.assertEqual(self.changes(), [("UPDATE", two.pk, {"stock": 1}, {"stock": 11}), ("UPDATE", three.pk, {"stock": 2}, {"stock": 12})])
        self.from_here()
        maker = Customer.objects.create(name="acme")
        self.from_here()
        self.requests = 0
        # The condition is no longer true after it, and values are given by name of the field.
        self.assertEqual(Product.objects.filter(maker=None).update(maker=maker, api_token="hush"), 3)
        self.assertEqual(self.changes(), [
            ("UPDATE", product.pk, {"maker_id": None, "api_token": ""}, {"maker_id": str(maker.pk), "api_token": "[masked]"})
            for product in (one, two, three)])
        self.assertEqual(self.requests, 1)
        self.from_here()
        self.assertEqual((Product.objects.filter(stock=99).update(stock=1), Product.objects.update(maker=maker), self.events()), (0, 3, []))

    def test_bulk_update_is_one_event_for_each_in_one_request(self):
        products = self.products(7)
        for product in products[:5]:
            product.stock, product.price = product.stock * 2, "2"
        self.assertEqual(Product.objects.bulk_update(products, ["stock"], batch_size=2), 7)
        self.assertEqual(self.changes(), [("UPDATE", product.pk, {"stock": n}, {"stock": 2 * n}) for n, product in enumerate(products)
                                          if 0 < n < 5])
        self.assertEqual(self.requests, 1)

    def test_more_objects_than_a_query_takes(self):
        products = self.products(2 * audit_django.CHUNK + 1)
        Product.objects.update(stock=F("stock") - 1)
        self.assertEqual(self.changes(), [("UPDATE", product.pk, {"stock": n}, {"stock": n - 1}) for n, product in enumerate(products)])

    def test_many_objects_are_sent_in_portions(self):
        self.addCleanup(setattr, audit_django, "PORTION", audit_django.PORTION)
        audit_django.PORTION = 3
        send_all, sizes = audit_django.client().send_all, []
        self.addCleanup(setattr, audit_django.client(), "send_all", send_all)
        audit_django.client().send_all = lambda events: (sizes.append(len(events)), send_all(events))
        made = Product.objects.bulk_create(Product(sku=f"P-{n}", stock=n) for n in range(10))
        Product.objects.filter(stock__gt=4).update(stock=F("stock") + 1)
        self.assertEqual(sizes, [3, 3, 3, 1, 3, 2])
        self.assertEqual([change[:2] for change in self.changes()], [("CREATE", product.pk) for product in made]
                         + [("UPDATE", product.pk) for product in made[5:]])
        self.assertEqual(self.changes()[-1][2:], ({"stock": 9}, {"stock": 10}))

    def test_events_that_are_made_at_the_commit_are_of_the_moment_of_the_change(self):
        made = self.products(2)
        with transaction.atomic():
            with audit_django.actor("7", correlation_id="then"):
                Product.objects.update(stock=5)
            Product.objects.all()._raw_delete("default")
            after = datetime.datetime.now(datetime.timezone.utc).isoformat()
        for n, event in enumerate(self.events()):
            self.assertEqual((event["object_id"], event["content"]), (made[n].pk, {"old_data": {"stock": n}, "new_data": {"stock": 5}}))
            self.assertEqual((event["user"], event["correlation_id"]), ("7", "then"))
            self.assertLess(event["timestamp"], after)

    def test_a_row_that_two_conditions_find_is_one_event(self):
        self.addCleanup(setattr, audit_django, "CHUNK", audit_django.CHUNK)
        audit_django.CHUNK = 1
        old = Part.objects.create(name="known")
        self.from_here()
        new = Part(name="not known")
        Part.objects.bulk_create([Part(pk=old.pk), new, Part(pk=new.pk, name="again")], ignore_conflicts=True)
        self.assertEqual([change[:2] for change in self.changes()], [("CREATE", str(new.pk))])

    def test_columns_of_two_tables_and_the_key_are_told_too(self):
        urgent = Urgent.objects.create(until=datetime.date(2023, 10, 16), note="now")
        self.from_here()
        audit_django.AuditQuerySet(Urgent).update(note="later", until=datetime.date(2023, 10, 17))
        self.assertEqual(self.changes(), [("UPDATE", urgent.pk, {"note": "now", "until": "2023-10-16"},
                                           {"note": "later", "until": "2023-10-17"})])
        part = Part.objects.create(name="renumbered")
        self.from_here()
        old, new = part.pk, uuid.uuid4()
        Part.objects.filter(pk=old).update(id=new)
        self.assertEqual(self.changes(), [("UPDATE", str(old), {"id": str(old)}, None)])

    def test_delete_of_a_queryset_is_one_deletion_for_each(self):
        products = self.products(3)
        Product.objects.filter(stock__gt=0).delete()
        deleted = {object_id: (action, old["sku"], new) for action, object_id, old, new in self.changes()}
        self.assertEqual(deleted, {products[1].pk: ("DELETE", "P-1", None), products[2].pk: ("DELETE", "P-2", None)})

    def test_a_rollback_is_no_event_and_a_commit_brings_them_in_order(self):
        one, = self.products(1)
        with self.assertRaises(LookupError), transaction.atomic():
            Product.objects.bulk_create([Product(sku="never")])
            Product.objects.update(stock=5)
            raise LookupError
        with transaction.atomic():
            Product.objects.update(stock=6)
            with self.assertRaises(LookupError), transaction.atomic():
                Product.objects.update(stock=7)
                raise LookupError
            Product.objects.update(stock=8)
            self.assertEqual(self.events(), [], "nothing before the commit")
        self.assertEqual(self.changes(), [("UPDATE", one.pk, {"stock": 0}, {"stock": 6}), ("UPDATE", one.pk, {"stock": 6}, {"stock": 8})])

    def test_faults_of_the_application_stay_its_own(self):
        self.products(2)
        with self.assertRaises(IntegrityError):
            Product.objects.update(sku="the same")
        with self.assertRaises(IntegrityError):
            Product.objects.bulk_create([Product(sku="P-1")])
        with self.assertRaises(TypeError):
            Product.objects.all()[:1].update(stock=1)
        self.assertEqual(self.events(), [])

    def test_a_fault_of_the_audit_is_told_and_the_change_is_made(self):
        self.products(2)
        rows = audit_django._rows
        self.addCleanup(setattr, audit_django, "_rows", rows)
        audit_django._rows = lambda *_: 1 / 0
        self.assertEqual(Product.objects.update(stock=9), 2)
        Product.objects.bulk_create([Product(sku="new")])
        self.assertEqual((Product.objects.filter(stock=9).count(), Product.objects.count()), (2, 3))
        self.assertIn("ZeroDivisionError", TOLD.pop(0))
        TOLD.clear()
        self.assertEqual(self.events(), [])

    def test_a_failed_read_in_a_transaction_leaves_the_applications_statements_as_they_are(self):
        old, _ = self.products(2)
        for change in (
            lambda: Product.objects.update(stock=F("stock") + 10),
            lambda: Product.objects.bulk_update([Product(pk=old.pk, stock=8)], ["stock"]),
            lambda: Product.objects.bulk_create([Product(sku="new")]),
            lambda: Product.objects.bulk_create([Product(sku="P-0", stock=7)], update_conflicts=True, unique_fields=["sku"],
                                                update_fields=["stock"]),
        ):
            tag = f"tag {Tag.objects.count()}"
            with failing(lambda sql: sql.startswith("SELECT") and 'FROM "shop_product"' in sql), transaction.atomic():
                change()
                Tag.objects.create(name=tag)
            self.assertTrue(Tag.objects.filter(name=tag).exists())
            self.assertIn("lock timeout", TOLD.pop())
            TOLD.clear()
            audit_django.client().sender._reported.clear()
        self.assertEqual(sorted(Product.objects.values_list("sku", "stock")), [("P-0", 7), ("P-1", 11), ("new", 0)])
        self.assertEqual({event["table_name"] for event in self.events()}, {"shop.tag"})

    def test_what_may_be_there_already_is_recorded_where_the_database_can_say(self):
        old = Part.objects.create(name="old")
        self.from_here()
        new = Part(name="new")
        Part.objects.bulk_create([Part(pk=old.pk, name="other"), Part(name="old"), new], ignore_conflicts=True)
        self.assertEqual(self.changes(), [("CREATE", str(new.pk), None, {"id": str(new.pk), "name": "new"})])
        self.from_here()
        product, = self.products(1)
        Product.objects.bulk_create([Product(sku="P-0", stock=5), Product(sku="P-9", stock=9)], update_conflicts=True,
                                    unique_fields=["sku"], update_fields=["stock"])
        created, updated = self.changes()
        self.assertEqual((created[0], created[3]["sku"], created[3]["stock"]), ("CREATE", "P-9", 9))
        self.assertEqual(updated, ("UPDATE", product.pk, {"stock": 0}, {"stock": 5}))
        self.from_here()
        Product.objects.bulk_create([Product(sku="P-9"), Product(sku="P-10")], ignore_conflicts=True)
        self.assertIn("Product are not recorded: bulk_create() with conflicts must have unique_fields", TOLD.pop())
        self.assertEqual(self.events(), [])

    def test_coroutines_are_the_same(self):
        self.products(1)
        asyncio.run(Product.objects.aupdate(stock=3))
        asyncio.run(Product.objects.abulk_create([Product(sku="async")]))
        self.assertEqual([action for action, *_ in self.changes()], ["UPDATE", "CREATE"])

    def test_keys_that_open_something_are_masked(self):
        made = Pass.objects.bulk_create([Pass(api_key="k3y-of-a-pass-0815"), Pass(api_key="k3y-of-a-pass-4711")])
        Pass.objects.filter(pk=made[0].pk).update(open=False)
        created, other, updated = self.events()
        self.assertEqual(created["content"], {"new_data": {"api_key": "[masked]", "open": True}})
        self.assertEqual((updated["object_id"], updated["extra"]), ("[masked]", created["extra"]))
        self.assertNotEqual(other["extra"], created["extra"])
        self.assertNotIn("k3y-of-a-pass", str(self.events()))

    def test_models_that_are_left_out_are_left_out_here_too(self):
        settings.AUDIT["exclude"] = ["shop.product"]
        self.addCleanup(settings.AUDIT.pop, "exclude")
        self.products(2)
        Product.objects.update(stock=1)
        Product.objects.bulk_update([Product.objects.first()], ["stock"])
        self.assertEqual(self.events(), [])


class Relations(Case):
    def setUp(self):
        self.team, self.tags = Team.objects.create(name="a"), [Tag.objects.create(name=name) for name in "abc"]
        super().setUp()

    def seen(self):
        return [(event["table_name"], event["action"], event["content"].get("old_data"), event["content"].get("new_data"))
                for event in self.events()]

    def test_a_through_model_of_ones_own_has_events_of_its_rows(self):
        one, two, _ = self.tags
        row = Membership.objects.create(team=self.team, tag=one, role="lead")
        data = {"id": row.pk, "team_id": self.team.pk, "tag_id": one.pk, "role": "lead"}
        self.assertEqual(self.seen(), [("shop.membership", "CREATE", None, data)])
        self.from_here()
        self.team.tags.add(two, through_defaults={"role": "cook"})
        made, changed = self.seen()
        self.assertEqual((made[:3], made[3]["role"], made[3]["tag_id"]), (("shop.membership", "CREATE", None), "cook", two.pk))
        self.assertEqual(changed, ("shop.team", "UPDATE", {"tags": [one.pk]}, {"tags": [one.pk, two.pk]}))
        self.from_here()
        two.teams.remove(self.team)
        self.assertEqual([event[:2] for event in self.seen()], [("shop.membership", "DELETE"), ("shop.tag", "UPDATE")])
        self.from_here()
        Membership.objects.filter(team=self.team).update(role="boss")
        self.team.tags.clear()
        changed, deleted, cleared = self.seen()
        self.assertEqual(changed, ("shop.membership", "UPDATE", {"role": "lead"}, {"role": "boss"}))
        self.assertEqual((deleted[:2], deleted[2]["role"]), (("shop.membership", "DELETE"), "boss"))
        self.assertEqual(cleared, ("shop.team", "UPDATE", {"tags": [one.pk]}, {"tags": []}))

    def test_rows_of_a_through_model_that_django_has_made(self):
        order, through = Order.objects.create(), Order.tags.through
        self.from_here()
        rows = audit_django.AuditQuerySet(through).bulk_create([through(order=order, tag=tag) for tag in self.tags[:2]])
        self.assertEqual(self.seen(), [("shop.order_tags", "CREATE", None, {"id": row.pk, "order_id": order.pk, "tag_id": tag.pk})
                                       for row, tag in zip(rows, self.tags)])
        self.assertEqual({event["content_type"] for event in self.events()}, {None})
        self.from_here()
        order.tags.set(self.tags[1:])
        one, two, three = (tag.pk for tag in self.tags)
        self.assertEqual(self.seen(), [("shop.order", "UPDATE", {"tags": [one, two]}, {"tags": [two]}),
                                       ("shop.order", "UPDATE", {"tags": [two]}, {"tags": [two, three]})])


class Actors(Case):
    @classmethod
    def setUpClass(cls):
        cls.zoe, cls.tom = (User.objects.create_user(name, f"{name}@example.com", "correct horse") for name in ("act-zoe", "act-tom"))

    def users(self):
        return [event["user"] and event["user"].get("username") for event in self.events()]

    def test_who_acts_is_in_the_events_and_nobody_after_the_block(self):
        with audit_django.actor(self.zoe, job="nightly", impersonator=self.tom, correlation_id="task-7"):
            Tag.objects.create(name="a")
        Tag.objects.create(name="b")
        inside, after = self.events()
        self.assertEqual((inside["user"]["pk"], inside["user"]["email"], inside["impersonator"]["username"]),
                         (self.zoe.pk, "act-zoe@example.com", "act-tom"))
        self.assertFalse(any("password" in name for name in inside["user"]))
        self.assertEqual((inside["extra"], inside["correlation_id"], inside["source"]), ({"job": "nightly"}, "task-7", "shop"))
        self.assertEqual([after[name] for name in ("user", "impersonator", "extra", "correlation_id", "source")], [None] * 4 + ["shop"])

    def test_a_block_inside_of_another_one_counts_until_its_end(self):
        with audit_django.actor(self.zoe, job="outer"):
            with self.assertRaises(LookupError), audit_django.actor({"pk": 9, "username": "robot", "api_key": "hush"}):
                Tag.objects.create(name="a")
                raise LookupError
            Tag.objects.create(name="b")
            with audit_django.actor(None):
                Tag.objects.create(name="c")
        self.assertEqual(self.users(), ["robot", "act-zoe", None])
        self.assertEqual(self.events()[0]["user"]["api_key"], "[masked]")
        self.assertEqual([event["extra"] for event in self.events()], [{"job": "outer"}] * 3)

    def test_it_is_a_decorator_and_holds_for_many_objects_and_commits(self):
        @audit_django.actor(self.zoe)
        def task():
            with transaction.atomic():
                Product.objects.bulk_create([Product(sku="actor-1"), Product(sku="actor-2")])

        task()
        task_of = audit_django.actor(self.tom)(lambda: Product.objects.filter(sku__startswith="actor").update(stock=4))
        task_of()
        task_of()
        self.assertEqual(self.users(), ["act-zoe"] * 2 + ["act-tom"] * 2)

    def test_it_is_a_decorator_of_coroutine_functions_too(self):
        @audit_django.actor("cron", job="nightly", correlation_id="task-8")
        async def task(name):
            await asyncio.sleep(0)
            await Tag.objects.acreate(name=name)
            return name

        async def tasks():
            # One decorator, two calls at the same time: neither ends the other's block.
            names = await asyncio.gather(task("async 1"), task("async 2"))
            await Tag.objects.acreate(name="after")
            return names

        self.assertTrue(inspect.iscoroutinefunction(task))
        self.assertEqual(asyncio.run(tasks()), ["async 1", "async 2"])
        seen = {event["content"]["new_data"]["name"]: (event["user"], event["extra"], event["correlation_id"]) for event in self.events()}
        cron = ("cron", {"job": "nightly"}, "task-8")
        self.assertEqual(seen, {"async 1": cron, "async 2": cron, "after": (None, None, None)})

    def test_a_generator_that_it_cannot_decorate_is_refused(self):
        def task():
            yield

        async def async_task():
            yield

        for function in (task, async_task):
            with self.assertRaisesRegex(TypeError, "cannot decorate the generator .*task"):
                audit_django.actor("cron")(function)

    def test_threads_and_coroutines_have_actors_of_their_own(self):
        barrier = threading.Barrier(2)

        def work(user):
            with audit_django.actor(user):
                barrier.wait(30)
                Tag.objects.create(name=user.username)
            connection.close()

        async def job(user, own, other):
            with audit_django.actor(user):
                own.set()
                await other.wait()
                await Tag.objects.acreate(name=user.username)

        async def jobs():
            one, two = asyncio.Event(), asyncio.Event()
            await asyncio.gather(job(self.zoe, one, two), job(self.tom, two, one))

        threads = [threading.Thread(target=work, args=(user,)) for user in (self.zoe, self.tom)]
        with audit_django.actor("somebody else"):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        asyncio.run(jobs())
        seen = [(event["user"]["username"], event["content"]["new_data"]["name"]) for event in self.events()]
        self.assertEqual(sorted(seen), [(name, name) for name in ("act-tom", "act-tom", "act-zoe", "act-zoe")])


class RequestsOfMany(BulkCase):
    @classmethod
    def setUpClass(cls):
        logging.getLogger("shop.restock").addHandler(logging.NullHandler())

    def restock(self, headers, query=""):
        user, _ = User.objects.get_or_create(username="req-zoe")
        client = Client(headers={"host": "shop.example"})
        client.force_login(user)
        self.from_here()
        client.post(f"/restock/{query}", {"amount": 1}, headers=headers, REMOTE_ADDR="[2001:db8::7]:4711")
        return self.events()

    def test_an_event_and_the_log_lines_around_it_have_the_id_of_the_request(self):
        self.products(2)
        handler = audit_logging.AuditHandler(os.environ["AUDIT_URL"], os.environ["AUDIT_KEY"])
        self.addCleanup(handler.close)
        logging.getLogger("shop.restock").addHandler(handler)
        self.addCleanup(logging.getLogger("shop.restock").removeHandler, handler)
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        for headers, wanted in (
            ({"X-Request-ID": "req-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, "req-1"),
            ({"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, trace),
            ({"traceparent": "00-xyz", "X-Request-ID": " "}, None),
            ({"X-Request-ID": "x" * 500}, "x" * 200),
            ({}, None),
        ):
            events = self.restock(headers)
            self.assertEqual([event["correlation_id"] for event in events], [wanted] * 2)
            self.assertEqual({event["remote_addr"] for event in events}, {"2001:db8::7"})
            self.assertEqual({event["user"]["username"] for event in events}, {"req-zoe"})
            self.assertTrue(handler.flush(60))
            newest, = get("/api/v1/action-logs", logger_name="shop.restock", limit=1, sort="-position")["results"]
            self.assertEqual((newest["message"], newest["correlation_id"]), ("restocked", wanted))
        self.assertIsNone(audit_logging.correlation_id.get(), "nothing is left of it")

    def test_who_really_acts_is_the_impersonator(self):
        self.products(1)
        User.objects.get_or_create(username="support")
        event, = self.restock({}, "?really=support")
        self.assertEqual((event["user"]["username"], event["impersonator"]["username"]), ("req-zoe", "support"))
        event, = self.restock({})
        self.assertIsNone(event["impersonator"])

    def test_logins_say_how_they_ended(self):
        User.objects.create_user("out-zoe", password="correct horse")
        client = Client(headers={"host": "shop.example"})
        self.from_here()
        client.post("/login/", {"username": "out-zoe", "password": "wrong"})
        client.post("/login/", {"username": "out-zoe", "password": "correct horse"})
        client.post("/logout/")
        said = [(event["action"], event["outcome"]) for event in self.events() if event["action"].startswith("LOG")]
        self.assertEqual(said, [("LOGIN_FAILED", "failure"), ("LOGIN", "success"), ("LOGOUT", "success")])


tearDownModule = close


if __name__ == "__main__":
    unittest.main()
