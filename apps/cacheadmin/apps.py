"""Where the wires of the app meet."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.signals import request_finished, request_started
from django.utils.translation import gettext_lazy as _


class CacheAdminConfig(AppConfig):
    """The adaptive cache and its page."""

    name = "cacheadmin"
    verbose_name = _("Settings")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give the state its loader, find the groups, register the checks, follow the requests."""
        from cacheadmin import (
            advice_checks,
            checks,
            events,
            groups,
            models,
            state,
            stats,
            trial,
            upkeep,
            warm_automatically,
            warmers,
            watcher,
            workers,
        )
        from cacheadmin.pagecache import files
        from cacheadmin.signals import made_void

        state.connect(models)
        events.connect(models.save_events, models.trim_events)
        stats.connect(models.statistics)
        stats.listen_for_end()
        groups.autodiscover()
        warmers.autodiscover()
        upkeep.also(warm_automatically.go_on)
        upkeep.also(workers.sign_in)
        upkeep.also(trial.look)
        upkeep.also(files.sweep)
        made_void.connect(files.made_void, dispatch_uid="cacheadmin.pages")
        checks.register()
        advice_checks.register()
        watcher.connect(upkeep.tick, upkeep.housekeeping)
        request_started.connect(watcher.request_begins, dispatch_uid="cacheadmin.begins")
        request_finished.connect(watcher.request_ends, dispatch_uid="cacheadmin.ends")
