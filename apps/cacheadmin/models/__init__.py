"""What is saved in the database; a module for each kind, all of it reached from here."""

from cacheadmin.models.saved import (
    CacheSettings,
    Generation,
    GroupLifetime,
    Installation,
    load_choices,
    load_saved,
    raise_revision_if_due,
    save_choice,
    save_generations,
    save_lifetime,
    save_suffix,
)

__all__ = [
    "CacheSettings",
    "Generation",
    "GroupLifetime",
    "Installation",
    "load_choices",
    "load_saved",
    "raise_revision_if_due",
    "save_choice",
    "save_generations",
    "save_lifetime",
    "save_suffix",
]
