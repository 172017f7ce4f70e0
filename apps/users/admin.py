"""Members and groups in the administration, and its login under the same limits as the site's."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import history
from core.admin import HistoryModelAdmin
from core.languages import site_language
from users.models import User
from users.views.session import login_limits

if TYPE_CHECKING:
    CreationForm = AdminUserCreationForm[User]
    ChangeForm = UserChangeForm[User]
    AccountAdmin = UserAdmin[User]
else:
    CreationForm, ChangeForm, AccountAdmin = AdminUserCreationForm, UserChangeForm, UserAdmin

# Whoever manages members must not be able to grant themselves more, nor let an account of theirs in.
GRANTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class MemberCreationForm(CreationForm):
    """A new account, with the address that every account has."""

    class Meta(AdminUserCreationForm.Meta):
        model = User
        fields = ("username", "email")


class MemberChangeForm(ChangeForm):
    """An existing account."""

    class Meta(UserChangeForm.Meta):
        model = User


@admin.register(User)
class MemberAdmin(HistoryModelAdmin[User], AccountAdmin):
    """Accounts. Those of the staff, and what anybody is granted, are changed by superusers alone."""

    form = MemberChangeForm
    add_form = MemberCreationForm
    list_display = ["username", "email", "first_name", "last_name", "is_staff", "is_active", "last_seen"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["username", "first_name", "last_name", "email"]
    date_hierarchy = "date_joined"
    readonly_fields = ["last_login", "last_seen", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email", "bio"]}),
        (_("Preferences"), {"fields": ["language", "theme"]}),
        (_("Permissions"), {"fields": ["is_active", *GRANTS]}),
        (_("Times"), {"fields": ["date_joined", "last_login", "last_seen"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": ["username", "email", "usable_password", "password1", "password2"],
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Show others than superusers what is granted, without letting them grant."""
        grants = [] if request.user.is_superuser else GRANTS
        return [*super().get_readonly_fields(request, obj), *grants]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody else changes an account of the staff, or its password; everybody changes their own."""
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody else deletes an account of the staff."""
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)


def _may_touch(request: HttpRequest, member: User | None) -> bool:
    """Whether the password of *member* may be in the hands of whoever asks.

    Who is staff may do what others of the staff may not, so each is out of reach of the others.
    """
    if member is None or request.user.is_superuser or member.pk == request.user.pk:
        return True
    return not (member.is_staff or member.is_superuser)


class RecordedGroupAdmin(HistoryModelAdmin[Group], GroupAdmin):
    """Django's page of groups, with a history. What a group may do is decided by superusers alone."""

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> list[str]:
        """Show others than superusers what a group may do: they may be in it themselves."""
        grants = [] if request.user.is_superuser else ["permissions"]
        return [*super().get_readonly_fields(request, obj), *grants]


admin.site.unregister(Group)
admin.site.register(Group, RecordedGroupAdmin)


def _limited(login: Any) -> Any:
    for limit in reversed(login_limits):
        login = limit(login)
    return login


def _recorded(change: Any) -> Any:
    @wraps(change)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = change(request, *args, **kwargs)
        if request.method == "POST" and isinstance(response, HttpResponseRedirect):
            with translation.override(site_language()):
                history.record(request, "change", cast(User, request.user), detail=gettext("Password"))
        return response

    return view


# The same counts as on the site's own login page: a second door is no second chance.
admin.site.login = _limited(admin.site.login)  # type: ignore[method-assign]
# The one action of the administration that no page of a model knows of.
admin.site.password_change = _recorded(admin.site.password_change)  # type: ignore[method-assign]
