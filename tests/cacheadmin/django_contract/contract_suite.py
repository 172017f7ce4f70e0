"""Django's own tests of a cache backend, over ours; Django's test runner runs them, not pytest."""

from __future__ import annotations

import os
from typing import Any

from cache.tests import BaseCacheTests, caches_setting_for_tests
from django.test import TestCase, override_settings

ENGINE = os.environ["CONTRACT_ENGINE"]


def every_cache() -> dict[str, dict[str, Any]]:
    """Django's aliases for these tests, each with its own options and on our backend."""
    caches: dict[str, dict[str, Any]] = caches_setting_for_tests(
        BACKEND="cacheadmin.backend.AdaptiveCache", LOCATION=os.environ["CONTRACT_LOCATION"]
    )
    for entry in caches.values():
        ours = {"ENGINE": ENGINE, "DIRECTORY": os.environ["CONTRACT_DIRECTORY"]}
        entry["OPTIONS"] = {**entry.get("OPTIONS", {}), **ours}
    return caches


@override_settings(CACHES=every_cache())
class AdaptiveCacheTests(BaseCacheTests, TestCase):  # type: ignore[misc]
    """All of them; on Redis, all but two."""

    if ENGINE == "redis":
        # They count what is left after a cull, to the entry. A Redis evicts by its own rules, when
        # its memory is full, and no client counts its keys: Django's own Redis backend leaves the
        # same two out.
        test_cull = None
        test_zero_cull = None
