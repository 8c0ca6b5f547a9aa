import json
import logging

from asgiref.sync import sync_to_async
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.db.models import F
from django.http import HttpResponse
from django.urls import path
from rest_framework.authentication import TokenAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from .models import OauthGrant, Order, Product, Reset, Tag


def grant(request, pk):
    found = OauthGrant.objects.get(pk=pk)
    found.zip_code = "20095"
    found.save()
    return HttpResponse()


def sign_in(request):
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is not None:
        login(request, user)
    return HttpResponse(status=200 if user else 403)


def sign_out(request):
    logout(request)
    return HttpResponse()


def reset(request, token):
    Tag.objects.create(name="beside it")
    found = Reset.objects.get(token=token)
    found.used = True
    found.save()
    return HttpResponse()


class Rest(APIView):
    authentication_classes = [TokenAuthentication]

    def post(self, request):
        Tag.objects.create(name=request.data["name"])
        return Response({})


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


def restock(request):
    """Changes many objects at once, as somebody who is shown as another."""
    request.impersonator = User.objects.filter(username=request.GET.get("really")).first()
    Product.objects.update(stock=F("stock") + 1)
    logging.getLogger("shop.restock").warning("restocked")
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
    path("logout/", sign_out),
    path("resets/<str:token>/", reset),
    path("token-grants/<uuid:pk>/", grant, name="token-grant"),
    path("rest/", Rest.as_view()),
    path("orders/<int:order_id>/form/", form),
    path("orders/<int:order_id>/document/", document),
    path("orders/<int:order_id>/async/", without_waiting),
    path("orders/<int:order_id>/upload/", upload),
    path("restock/", restock),
]
