"""Accounts by key, user name and e-mail address, from the cache where they are known.

What is cached are the columns of an account and its permissions, by key. A name only leads to a
key; that the account still has the name is looked at each time, so a renamed one is never found
under its old name. What does not exist is not cached: nobody can fill the cache with made-up names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib.auth.models import Permission
from django.db import transaction

from cacheadmin import cached, clear_group
from users.models import User


@cached("users")
def _row(user_id: int) -> dict[str, Any]:
    return User.objects.get(pk=user_id).to_row()


@cached("users")
def _key_of_username(folded: str) -> int:
    return User.objects.with_username(folded).only("pk").get().pk


@cached("users")
def _key_of_email(folded: str) -> int:
    return User.objects.with_email(folded).only("pk").get().pk


@cached("users")
def permissions_of(user_id: int) -> tuple[frozenset[str], frozenset[str]]:
    """Return the permissions (``app.codename``) of the account itself, and those of its groups."""
    granted = Permission.objects.order_by().values_list("content_type__app_label", "codename")
    own = granted.filter(user=user_id)
    of_groups = granted.filter(group__user=user_id).distinct()
    return _names(own), _names(of_groups)


def _names(rows: Any) -> frozenset[str]:
    return frozenset(f"{app}.{codename}" for app, codename in rows)


def user_by_id(user_id: int) -> User | None:
    """Return the account of that key."""
    try:
        return User.from_row(_row(user_id))
    except User.DoesNotExist:
        return None


def user_by_username(username: str) -> User | None:
    """Return the account of that user name, in whatever case it is written."""
    return _user_called(username.lower(), "username", _key_of_username, _key_of_username.invalidate)


def user_by_email(email: str) -> User | None:
    """Return the account of that e-mail address, in whatever case it is written."""
    return _user_called(email.lower(), "email", _key_of_email, _key_of_email.invalidate)


def _user_called(
    folded: str, attribute: str, find: Callable[[str], int], forget_key: Callable[[str], None]
) -> User | None:
    for _attempt in ("as remembered", "as it is"):
        try:
            user = user_by_id(find(folded))
        except User.DoesNotExist:
            return None
        if user is not None and getattr(user, attribute).lower() == folded:
            return user
        forget_key(folded)
    return None


def forget(user_id: int) -> None:
    """Make the next reader, in whichever process, look at the database again."""
    _row.invalidate(user_id)
    permissions_of.invalidate(user_id)


def forget_on_commit(user_id: int, using: str | None = None) -> None:
    """Forget an account as soon as its change is seen by others."""
    transaction.on_commit(partial(forget, user_id), using=using)


def forget_all_on_commit(using: str | None = None) -> None:
    """Forget all accounts as soon as the change is seen by others (takes the same time at any number)."""
    transaction.on_commit(partial(clear_group, "users"), using=using)
