"""How accounts are found, and changed in numbers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models, transaction
from django.db.models.functions import Lower

from cacheadmin import clear_group

if TYPE_CHECKING:
    from users.models import User

NUL = "\0"  # PostgreSQL has no text with it in, and says so by an error


class UserQuerySet(models.QuerySet["User"]):
    """Queries that ignore case, and mass changes that the cache hears of."""

    def with_username(self, username: str) -> Self:
        """The account of that user name, in whatever case it is written (by the index on LOWER)."""
        if NUL in username:
            return self.none()
        return self.alias(folded_username=Lower("username")).filter(folded_username=username.lower())

    def with_email(self, email: str) -> Self:
        """The account of that e-mail address, in whatever case it is written (by the index on LOWER)."""
        if NUL in email:
            return self.none()
        return self.alias(folded_email=Lower("email")).filter(folded_email=email.lower())

    def update(self, **kwargs: Any) -> int:
        """Change many rows; since no signal tells which, the whole group is forgotten on commit."""
        changed = super().update(**kwargs)
        transaction.on_commit(_forget_all, using=self.db)
        return changed

    def mark_seen(self, when: datetime) -> int:
        """Write when the accounts were last seen; whoever calls this forgets their cached copies."""
        return super().update(last_seen=when)


class UserManager(DjangoUserManager["User"]):
    """Django's manager, for user names and addresses in any case."""

    def get_queryset(self) -> UserQuerySet:
        """All accounts."""
        return UserQuerySet(self.model, using=self._db)

    def with_username(self, username: str) -> UserQuerySet:
        """See ``UserQuerySet.with_username``."""
        return self.get_queryset().with_username(username)

    def with_email(self, email: str) -> UserQuerySet:
        """See ``UserQuerySet.with_email``."""
        return self.get_queryset().with_email(email)

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the account of that user name, ignoring case.

        Raises:
            User.DoesNotExist: nobody is called that.
        """
        return self.with_username(username or "").get()


def _forget_all() -> None:
    clear_group("users")
