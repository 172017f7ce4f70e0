"""People who are logged in and may do some things on the cache page."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

PAGE = "/admin/cache/"
JSON = {"Accept": "application/json"}


def person(*permissions: str, is_staff: bool = True, is_superuser: bool = False) -> Client:
    """Somebody who is logged in and has these permissions of the app."""
    name = f"person{get_user_model().objects.count()}"
    user: Any = get_user_model().objects.create_user(
        name, f"{name}@example.org", "long enough 1", is_staff=is_staff, is_superuser=is_superuser
    )
    found = Permission.objects.filter(content_type__app_label="cacheadmin", codename__in=permissions)
    assert len(found) == len(permissions)
    user.user_permissions.set(found)
    client = Client(enforce_csrf_checks=False)
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    """What a page says."""
    return str(answer.content.decode())
