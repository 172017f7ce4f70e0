"""The way back to what was saved before something happened."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cacheadmin import history
from cacheadmin.access import requires
from cacheadmin.engines.redis import without_password
from cacheadmin.models import CacheEvent
from cacheadmin.saved_settings import SavedSettings
from cacheadmin.verdicts import ENGINE_LABELS
from cacheadmin.views.frame import address, alias_of, back, frame
from cacheadmin.views.lifetimes import not_saved


@require_POST
@requires("configure_cache")
def roll_back(request: HttpRequest) -> HttpResponse:
    """Restore what was saved before ``event``: asked first, ``confirm=1`` does it, ``insist=1`` untested."""
    alias, typed = alias_of(request), request.POST.get("event", "")
    event = int(typed) if typed.isdecimal() and len(typed) < 19 else 0
    try:
        if request.POST.get("confirm") != "1":
            return _ask(request, alias, event)
        insists = bool(request.POST.get("insist"))
        history.roll_back(
            event, alias=alias, force=insists, actor=request.user, request=request, watched=not insists
        )
    except CacheEvent.DoesNotExist:
        messages.error(request, _("There is no such event of this cache any more; nothing was changed."))
    except history.NothingToRestore:
        messages.info(request, _("There is nothing to restore: what was saved then is what is saved now."))
    except history.AddressRefused as error:
        return _ask(request, alias, event, refused=error)
    except (DatabaseError, ImproperlyConfigured) as error:
        messages.error(request, not_saved(error))
    else:
        messages.success(request, _("The settings are as they were before that event."))
    return back(alias, "history")


def _ask(
    request: HttpRequest, alias: str, event: int, refused: history.AddressRefused | None = None
) -> HttpResponse:
    context = {
        **frame(request, alias, _("Restore settings")),
        "action": reverse("cacheadmin:rollback"),
        "cancel": address(alias, "history"),
        "fields": [("event", event)],
        "event": event,
        "restored": _in_words(history.before(event, alias)),
        "test": refused.test if refused else None,
    }
    return render(request, "cacheadmin/confirm_rollback.html", context)


def _in_words(settings: SavedSettings) -> dict[str, object]:
    engine, location = settings.choice or ("", "")
    lifetimes: dict[str, int] = {}
    for saved in settings.lifetimes.values():
        lifetimes.update(saved)
    return {
        "engine": ENGINE_LABELS.get(engine),
        "address": without_password(location) if location else "",
        "lifetimes": lifetimes,
    }
