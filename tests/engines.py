"""Cache settings for tests."""

from __future__ import annotations

import copy
import secrets
from pathlib import Path
from typing import Any


def fresh_name(kind: str) -> str:
    """A name that nothing has had before."""
    return f"{kind}_{secrets.token_hex(6)}"


def on_engine(options: dict[str, Any], engine: str, *, location: str, directory: Path) -> dict[str, Any]:
    """One entry of CACHES like *options*, but on *engine* and with a key prefix of its own.

    Args:
        options: the entry to start from; it is left alone.
        engine: what OPTIONS["ENGINE"] shall be.
        location: where Redis is; the entry's own LOCATION when empty.
        directory: where files go.
    """
    entry = copy.deepcopy(options)
    entry["KEY_PREFIX"] = fresh_name(entry.get("KEY_PREFIX", ""))
    entry["LOCATION"] = location or entry.get("LOCATION", "")
    entry.setdefault("OPTIONS", {}).update(ENGINE=engine, DIRECTORY=str(directory))
    return entry
