"""Saving how long the entries of one group live: one row, so that nobody's save undoes another's."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cacheadmin import groups, state
from cacheadmin.access import requires
from cacheadmin.groups import Group
from cacheadmin.saved_settings import ChangedMeanwhile
from cacheadmin.views.frame import alias_of, back, no_group


@require_POST
@requires("configure_cache")
def save(request: HttpRequest) -> HttpResponse:
    """Save ``seconds`` for ``group``; empty goes back to what is declared. ``was`` is what was shown."""
    alias, group = alias_of(request), groups.get(request.POST.get("group", ""))
    if group is None:
        messages.error(request, no_group(request.POST.get("group", "")))
    else:
        _save(request, alias, group)
    return back(alias, "groups")


def _save(request: HttpRequest, alias: str, group: Group) -> None:
    label, typed, shown = (
        group.label or group.name,
        request.POST.get("seconds", "").strip(),
        request.POST.get("was", ""),
    )
    try:
        seconds, was = (int(text) if text else None for text in (typed, shown))
        if seconds != was:
            state.save_lifetime(
                group.name, seconds, alias=alias, was=was, actor=request.user, request=request
            )
    except ChangedMeanwhile:
        state.refresh(now=True)
        messages.warning(
            request,
            _(
                "Somebody else has changed the lifetime of %(group)s meanwhile; it is shown now. "
                "Yours (%(seconds)s) was not saved: save it again if it shall count."
            )
            % {"group": label, "seconds": typed[:20] or _("as declared")},
        )
    except ValueError:
        messages.error(
            request,
            _("A lifetime is a whole number of seconds from 1 to %(most)s (30 days); nothing was saved.")
            % {"most": state.LONGEST_LIFETIME},
        )
    except (DatabaseError, ImproperlyConfigured) as error:
        messages.error(request, not_saved(error))
    else:
        messages.success(
            request,
            _(
                "The lifetime of %(group)s is saved. It holds for what is stored from now on; "
                "what is stored already keeps its own."
            )
            % {"group": label},
        )


def not_saved(error: Exception) -> str:
    """Return what is said where the database did not take a change."""
    return _(
        "Nothing was saved: the database is out of reach, or has no table for it yet (%(error)s). "
        "Run manage.py migrate, or ask whoever looks after the database."
    ) % {"error": type(error).__name__}
