"""Durations in buckets, each 9 % wider than the one before: any of them is known to 4.5 %.

Eight buckets make a doubling, so ninety hold everything from a microsecond to two seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

_PER_DOUBLING = 8


def bucket_of(nanoseconds: int) -> int:
    """Return the number of the bucket for a duration."""
    return int(math.log2(nanoseconds) * _PER_DOUBLING) if nanoseconds > 1 else 0


def milliseconds_of(bucket: int) -> float:
    """Return the duration that stands for all in *bucket*: the middle of it, in milliseconds."""
    return float(2.0 ** ((bucket + 0.5) / _PER_DOUBLING)) / 1e6


def percentile(buckets: Mapping[int, int], share: float) -> float | None:
    """Return the duration in milliseconds that *share* of all do not exceed; ``None`` if there are none.

    Args:
        buckets: how many durations lie in each bucket.
        share: from 0 to 1.
    """
    wanted = share * sum(buckets.values())
    passed = 0
    for bucket in sorted(buckets):
        passed += buckets[bucket]
        if passed >= wanted and passed:
            return milliseconds_of(bucket)
    return None
