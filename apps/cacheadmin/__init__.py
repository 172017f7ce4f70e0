"""An adaptive cache for Django: Redis, files or memory behind one backend, and the page that shows it."""

from __future__ import annotations

from typing import Any

# The version of the distribution and of the site: written here and nowhere else.
__version__ = "0.2.0.dev0"
__all__ = ["cached", "clear_group", "refresh"]


def __getattr__(name: str) -> Any:
    # Django imports this package to load the app, before models may be imported: what stands
    # here for callers is fetched when it is asked for.
    if name == "cached":
        from cacheadmin.decorators import cached

        return cached
    if name == "clear_group":
        from cacheadmin.clear import clear_group

        return clear_group
    if name == "refresh":
        from cacheadmin.upkeep import tick

        return tick
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
