"""What is saved in the database; a module for each kind, all of it reached from here."""

from cacheadmin.models import statistics
from cacheadmin.models.events import CacheEvent, save_events, trim_events
from cacheadmin.models.saved import (
    CacheSettings,
    Generation,
    GroupLifetime,
    Installation,
    load_choices,
    load_saved,
    raise_revision_if_due,
    restore,
    restore_choices,
    save_choice,
    save_generations,
    save_lifetime,
    save_suffix,
)
from cacheadmin.models.statistics import DailyKey, HourlyCount, HourlyLatency
from cacheadmin.models.workers import MachineReport, load_workers, save_workers

__all__ = [
    "CacheEvent",
    "CacheSettings",
    "DailyKey",
    "Generation",
    "GroupLifetime",
    "HourlyCount",
    "HourlyLatency",
    "Installation",
    "MachineReport",
    "load_choices",
    "load_saved",
    "load_workers",
    "raise_revision_if_due",
    "restore",
    "restore_choices",
    "save_choice",
    "save_events",
    "save_generations",
    "save_lifetime",
    "save_suffix",
    "save_workers",
    "statistics",
    "trim_events",
]
