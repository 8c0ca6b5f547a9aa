import json

from asgiref.sync import sync_to_async
from django.contrib.auth import authenticate, login
from django.http import HttpResponse
from django.urls import path

from .models import Order


def sign_in(request):
    login(request, authenticate(request, username=request.POST["username"], password=request.POST["password"]))
    return HttpResponse()


def form(request, order_id):
    order = Order.objects.get(pk=order_id)
    order.quantity = request.POST["quantity"]
    order.save()
    return HttpResponse()


def document(request, order_id):
    order = Order.objects.get(pk=order_id)
    order.note = json.loads(request.body)["note"]
    order.save()
    return HttpResponse()


async def without_waiting(request, order_id):
    order = await Order.objects.aget(pk=order_id)
    order.note = "async"
    await sync_to_async(order.save)()
    return HttpResponse()


def upload(request, order_id):
    """Reads the body by itself, after it has saved something."""
    Order.objects.get(pk=order_id).save()
    order = Order.objects.get(pk=order_id)
    order.note = "uploaded"
    order.save()
    return HttpResponse(request.read())


urlpatterns = [
    path("login/", sign_in),
    path("orders/<int:order_id>/form/", form),
    path("orders/<int:order_id>/document/", document),
    path("orders/<int:order_id>/async/", without_waiting),
    path("orders/<int:order_id>/upload/", upload),
]
