"""What happens after a change: who follows it, and whether it stands its first minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from cacheadmin import trial, workers
from cacheadmin.access import requires
from cacheadmin.models import CacheEvent
from cacheadmin.plan import Status
from cacheadmin.views.frame import alias_of, space_of
from cacheadmin.workers import Worker


@dataclass(frozen=True)
class Following:
    """How far a change is.

    Args:
        status: of the engine.
        workers: how many serve.
        in_step: how many of them run what is saved.
        resting: how many do not and have answered nothing since: they follow before their next answer.
        until: the end of the trial; ``None`` if there is none.
        taken_back: how a choice was taken back, in words; empty if the last one was not.
    """

    status: Status
    workers: int
    in_step: int
    resting: int
    until: datetime | None
    taken_back: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.until is None and self.in_step + self.resting >= self.workers

    @property
    def words(self) -> str:
        """All of it, to be said aloud; the same as long as nothing happens."""
        parts = [self.taken_back, self._count(), self._rest(), self._watch()]
        return " ".join(filter(None, parts))

    def as_json(self) -> dict[str, Any]:
        """Return what the page asks for."""
        return {
            "engine": self.status.engine,
            "degraded": self.status.is_degraded,
            "workers": self.workers,
            "in_step": self.in_step,
            "taken_back": self.taken_back,
            "words": self.words,
            "over": self.is_over,
        }

    def _count(self) -> str:
        if not self.workers:
            return ""
        return _("%(some)d of %(all)d workers run the current settings.") % {
            "some": self.in_step,
            "all": self.workers,
        }

    def _rest(self) -> str:
        if not self.resting:
            return ""
        return ngettext(
            "%(number)d is at rest and follows before its next answer.",
            "%(number)d are at rest and follow before their next answer.",
            self.resting,
        ) % {"number": self.resting}

    def _watch(self) -> str:
        if self.until is None:
            return ""
        clock = date_format(timezone.localtime(self.until), "H:i:s")
        return _("The change is watched until %(time)s: an engine that is lost by then is left again.") % {
            "time": clock
        }


@require_safe
@requires("view_cache")
def show(request: HttpRequest) -> JsonResponse:
    """Say how far the last change is."""
    alias = alias_of(request)
    selector = space_of(alias).selector
    found = following(selector.status(), workers.every(selector.words), _last_choice(alias))
    return JsonResponse(found.as_json())


def following(status: Status, serving: Sequence[Worker], last: CacheEvent | None) -> Following:
    """Return how far the last change is.

    Args:
        status: of the engine.
        serving: the workers.
        last: the event that changed the choice last; ``None`` if none is known.
    """
    in_step = sum(worker.is_current for worker in serving)
    return Following(
        status=status,
        workers=len(serving),
        in_step=in_step,
        resting=sum(worker.is_idle for worker in serving),
        until=trial.ends_at(last),
        taken_back=_taken_back(last),
    )


def _last_choice(alias: str) -> CacheEvent | None:
    try:
        return trial.last_choice(alias)
    except (DatabaseError, ImproperlyConfigured):
        # No table yet, or no database: the history says so.
        return None


def _taken_back(last: CacheEvent | None) -> str:
    if last is None or last.kind != "undone":
        return ""
    return _("The last choice was taken back by itself: %(how)s.") % {"how": last.sentence}
