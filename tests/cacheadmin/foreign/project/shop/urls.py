"""One page."""

from django.urls import path

from shop.views import price

urlpatterns = [path("price/<int:article>/", price)]
