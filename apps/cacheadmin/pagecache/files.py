"""What the rest of the app does with the pages that are files: follow what was made void, sweep, look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cacheadmin import conf
from cacheadmin.pagecache import direct
from cacheadmin.pagecache.keeper import cache_of_pages, marks_of
from cacheadmin.pagecache.marks import GROUP


def of_pages() -> direct.Direct | None:
    """Return the files of this site's pages; nothing where the setting names no directory."""
    if not conf.get("PAGES_DIRECTORY"):
        return None
    cache = cache_of_pages()
    return direct.of(cache.space, marks_of(cache))


@dataclass(frozen=True)
class Overview:
    """What there is to say of them.

    Args:
        directory: where they are; empty where the setting names none.
        contents: how many pages, and their bytes; ``None`` where that cannot be known.
    """

    directory: str = ""
    contents: tuple[int, int] | None = (0, 0)


def overview(alias: str) -> Overview | None:
    """Return what there is to say of the files; nothing where *alias* is not the cache of pages."""
    if alias != conf.get("PAGES_ALIAS"):
        return None
    found = of_pages()
    if found is None:
        return Overview()
    return Overview(str(found.directory), found.contents() if found.exists else (0, 0))


def made_void(sender: object, names: Collection[str] | None, **_kwargs: object) -> None:
    """Follow the signal of that name."""
    found = of_pages()
    if found is None or not found.exists:
        return
    if names is None and sender is found.space.selector.words:
        # The words are locked now. What is behind the doors goes with the next sweep.
        found.close()
    elif names is not None and sender is found.space:
        of_ours = [name for name in names if name == GROUP or name.startswith(f"{GROUP}.")]
        if of_ours:
            found.forget(of_ours)


def sweep() -> None:
    """Remove what does not hold any more; about once a second, beside the requests."""
    found = of_pages()
    if found is not None and found.exists:
        found.sweep(direct.release_served())
