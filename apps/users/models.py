"""The account of a member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from users.constraints import UniqueIgnoringCase
from users.managers import UserManager

# No @: an address of one member must never be the user name of another. No leading dot or dash:
# the name is part of an address of the site.
validate_username = RegexValidator(
    r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z",
    _("Use letters without accents, digits and . + - _ only, beginning with a letter, a digit or _."),
)


class Theme(models.TextChoices):
    """How a member likes to see the site."""

    AUTO = "auto", _("As my device says")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class User(AbstractUser):
    """A member. User name and e-mail address are unique in whatever case they are written."""

    username = models.CharField(
        _("user name"),
        max_length=150,
        unique=True,
        validators=[validate_username],
        error_messages={"unique": _("A member with that user name already exists.")},
    )
    email = models.EmailField(_("e-mail address"))
    bio = models.CharField(
        _("about you"),
        max_length=300,
        blank=True,
        help_text=_("A sentence or two, shown with your articles."),
    )
    language = models.CharField(
        _("language"),
        max_length=8,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=_("Used after you log in, in e-mails and in the administration."),
    )
    theme = models.CharField(_("appearance"), max_length=5, choices=Theme, default=Theme.AUTO)
    last_seen = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    # The columns that a copy from the cache was made of; None on what was read from the database.
    cached_row: Mapping[str, Any] | None = None

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            UniqueIgnoringCase(
                Lower("username"),
                name="users_username_any_case",
                violation_error_message=_("A member with that user name already exists."),
            ),
            UniqueIgnoringCase(
                Lower("email"),
                name="users_email_any_case",
                violation_error_message=_("This e-mail address already belongs to an account."),
            ),
        ]
        indexes = [models.Index(models.F("last_seen").desc(), name="users_last_seen")]

    @property
    def public_name(self) -> str:
        """The name others see: the full name where there is one, else the user name."""
        return self.get_full_name() or self.username

    # --- Copies from the cache, which behave like what they are copies of ---

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return a copy made of cached columns; one that the row does not know yet is read when used."""
        names = [field.attname for field in cls._meta.concrete_fields if field.attname in row]
        user = cls.from_db(cls._default_manager.db, names, [row[name] for name in names])
        user.cached_row = row
        return user

    def to_row(self) -> dict[str, Any]:
        """Return the columns that ``from_row`` makes a copy of."""
        return {field.attname: getattr(self, field.attname) for field in self._meta.concrete_fields}

    @property
    def is_cached_copy(self) -> bool:
        """Whether this was made from the cache, and not looked at in the database since."""
        return self.cached_row is not None

    def remember_permissions(self, own: Iterable[str], of_groups: Iterable[str]) -> None:
        """Take over permissions that are known already, where Django keeps those it has looked up."""
        self._user_perm_cache = set(own)
        self._group_perm_cache = set(of_groups)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the account; a cached copy never writes old values over newer ones.

        Raises:
            User.DoesNotExist: this is a cached copy of an account that is no more.
        """
        self.email = type(self).objects.normalize_email(self.email)
        if self.cached_row is not None and kwargs.get("update_fields") is None:
            self._catch_up(self.cached_row)
        super().save(*args, **kwargs)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read the account again; what was a cached copy is none any more."""
        super().refresh_from_db(*args, **kwargs)
        if not args and kwargs.get("fields") is None:
            self.cached_row = None

    def _catch_up(self, row: Mapping[str, Any]) -> None:
        """Take over what changed since the copy was made, but for what was changed on the copy."""
        current = type(self)._base_manager.get(pk=self.pk)
        for name, value in row.items():
            if getattr(self, name) == value:
                setattr(self, name, getattr(current, name))
        self.cached_row = None
