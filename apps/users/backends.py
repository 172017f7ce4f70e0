"""Who is signed in, and who may sign in."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.http import HttpRequest

from users import lookups
from users.models import User


class CachedModelBackend(ModelBackend):
    """Django's backend, with accounts and permissions from the cache; names and addresses in any case."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the active account of that user name or e-mail address if the password is right.

        Always as the database has it now; an unknown name takes as long as a known one.
        """
        name = kwargs.get(User.USERNAME_FIELD) if username is None else username
        if name is None or password is None:
            return None
        user = _account_of(name)
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """See ``authenticate``."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)

    def get_user(self, user_id: int) -> User | None:
        """Return the active account of a session, from the cache where it is known."""
        user = lookups.user_by_id(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None

    async def aget_user(self, user_id: int) -> User | None:
        """See ``get_user``."""
        return await sync_to_async(self.get_user)(user_id)

    def get_user_permissions(self, user_obj: User | AnonymousUser, obj: Model | None = None) -> set[str]:
        """Return the permissions of the account itself."""
        _remember_permissions(user_obj)
        return super().get_user_permissions(user_obj, obj)

    def get_group_permissions(self, user_obj: User | AnonymousUser, obj: Model | None = None) -> set[str]:
        """Return the permissions of the account's groups."""
        _remember_permissions(user_obj)
        return super().get_group_permissions(user_obj, obj)


def _account_of(name: str) -> User | None:
    by_email = User.objects.with_email(name).first() if "@" in name else None
    return by_email or User.objects.with_username(name).first()


def _remember_permissions(user: User | AnonymousUser) -> None:
    """Spare a cached copy the queries; a superuser has all permissions, which are not kept."""
    if not isinstance(user, User) or not user.is_cached_copy or user.is_superuser:
        return
    if not hasattr(user, "_user_perm_cache"):
        user.remember_permissions(*lookups.permissions_of(user.pk))
