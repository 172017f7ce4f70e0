from django.urls import path
app_name = "cacheadmin"
urlpatterns: list = []
