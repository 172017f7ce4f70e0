"""Values to store in a benchmark: as large as those of the site, or else as sites have them."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import FileEngine
from cacheadmin.engines.redis import RedisEngine
from cacheadmin.space import Space

# Bytes: a counter's page of text, a list, a whole page.
_USUAL = (100, 2_000, 50_000)
# So many values; none larger than this, so that a full Redis need not throw out somebody's entries.
_VALUES, _LARGEST = 30, 100_000
# Entries to look at, seconds to do so, and how many make a picture.
_LOOKED_AT, _PATIENCE, _ENOUGH = 500, 0.5, 20


@dataclass(frozen=True)
class Payloads:
    """The values of a benchmark.

    Args:
        values: what is stored.
        is_sampled: whether their sizes are those of the site's own entries.
        burst: operations in a row.
    """

    values: tuple[bytes, ...] = field(repr=False)
    is_sampled: bool
    burst: int = 20

    def as_json(self) -> dict[str, Any]:
        """Return sizes and where they come from."""
        sizes = sorted(map(len, self.values))
        return {
            "source": "live" if self.is_sampled else "assumed",
            "smallest": sizes[0],
            "median": sizes[len(sizes) // 2],
            "largest": sizes[-1],
        }


def payloads_of(space: Space, order: random.Random) -> Payloads:
    """Return values with sizes drawn from the entries of *space*, if it has enough and lets them be seen."""
    found: list[int] = []
    # A user who may not SCAN, an engine that is away: then there is nothing to see.
    with contextlib.suppress(EngineUnavailable, PermissionError):
        deadline = time.monotonic() + _PATIENCE
        for size in islice(_sizes(space), _LOOKED_AT):
            found.append(size)
            if time.monotonic() > deadline:
                break
    is_sampled = len(found) >= _ENOUGH
    sizes = order.choices(found, k=_VALUES) if is_sampled else list(_USUAL) * (_VALUES // len(_USUAL))
    values = tuple(order.randbytes(max(1, min(size, _LARGEST))) for size in sizes)
    return Payloads(values, is_sampled)


def _sizes(space: Space) -> Iterator[int]:
    engine = space.engine()
    if isinstance(engine, FileEngine):
        yield from engine.sizes()
    elif isinstance(engine, RedisEngine):
        names = engine.names()
        while batch := list(islice(names, 50)):
            # As bytes: nothing is unpacked, and no life is renewed.
            yield from (len(data) for data in engine.read_notes(batch) if data is not None)
