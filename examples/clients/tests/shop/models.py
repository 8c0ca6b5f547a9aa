import uuid

import audit_django
from django.db import models
from django.db.models.signals import post_save


class Tag(models.Model):
    name = models.CharField(max_length=20)


class Customer(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=20)


class Order(models.Model):
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE)
    quantity = models.FloatField(default=1.0)
    price = models.DecimalField(max_digits=8, decimal_places=2, default="0")
    placed_at = models.DateTimeField(null=True)
    invoice = models.FileField(blank=True)
    seal = models.BinaryField(null=True)
    note = models.TextField(blank=True)
    api_token = models.CharField(max_length=20, blank=True)
    tags = models.ManyToManyField(Tag)


class Urgent(Order):
    """Another table for more columns of an order."""

    until = models.DateField()


class Ticket(models.Model):
    """Saved again, with an odd number, whenever it is saved with an even one."""

    number = models.IntegerField(default=0)


class Access(models.Model):
    api_key = models.CharField(max_length=40, primary_key=True)
    note = models.TextField(blank=True)


class Device(models.Model):
    """Refers to a secret under names that say nothing of it."""

    via = models.ForeignKey(Access, on_delete=models.CASCADE)
    others = models.ManyToManyField(Access, related_name="+")


class Reset(models.Model):
    token = models.CharField(max_length=40)
    used = models.BooleanField(default=False)


class OauthGrant(models.Model):
    """Holds a credential, and more that only looks like it. Its key is the name of a row."""

    ref = models.UUIDField(primary_key=True, default=uuid.uuid4)
    code = models.CharField(max_length=40)
    web_session_id = models.UUIDField(default=uuid.uuid4)
    zip_code = models.CharField(max_length=10)
    content_hash = models.CharField(max_length=10)
    has_token = models.BooleanField()
    session = models.ForeignKey(Tag, null=True, on_delete=models.CASCADE)


class Footprint(models.Model):
    """Has the letters of `otp` in its name."""

    key = models.CharField(max_length=20, primary_key=True)
    code = models.CharField(max_length=20)


class Counter(models.Model):
    """Its key is named like a secret, and is a number."""

    token_id = models.AutoField(primary_key=True)


class Product(models.Model):
    """Recorded also where many are changed at once."""

    sku = models.CharField(max_length=20, unique=True)
    stock = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=8, decimal_places=2, default="0")
    maker = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL)
    api_token = models.CharField(max_length=20, blank=True)

    objects = audit_django.AuditManager()


class Part(models.Model):
    """Its keys are made by Django, and known before it is in the database."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=20, unique=True)

    objects = audit_django.AuditManager()


class Pass(models.Model):
    api_key = models.CharField(max_length=40, primary_key=True)
    open = models.BooleanField(default=True)

    objects = audit_django.AuditManager()


class Team(models.Model):
    name = models.CharField(max_length=20)
    tags = models.ManyToManyField(Tag, through="Membership", related_name="teams")


class Membership(models.Model):
    """A through-model that says more than who belongs to whom."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE)
    role = models.CharField(max_length=20, blank=True)

    objects = audit_django.AuditManager()


def again(instance, **_):
    if instance.number % 2 == 0:
        instance.number += 1
        instance.save()


post_save.connect(again, sender=Ticket)
