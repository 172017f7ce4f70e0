"""What is known of the caches, in the text format of Prometheus, for whoever has the token.

Counters come from the database alone, so any worker that is asked gives the sums of all, and no number
ever goes down because another one answers. Without a database there is the state, and no counter.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from cacheadmin import conf, space
from cacheadmin.backend import AdaptiveCache
from cacheadmin.holdings import Holdings, holdings
from cacheadmin.models import statistics as kept
from cacheadmin.statistics import statistics

_COUNTERS = {
    "hits": "Reads that found something.",
    "misses": "Reads that found nothing.",
    "writes": "Calls that store.",
    "deletes": "Calls that remove.",
    "errors": "Calls in which an engine failed before another one took its place.",
    "fallbacks": "Operations that a stand-in for a lost engine has served.",
}
_ENGINES = ("redis", "file", "memory", "off")
# What one look at the entries of a cache may cost: this is asked for several times a minute.
_SECONDS, _KEYS = 0.1, 5_000
_LOOKS: dict[str, tuple[str, Callable[[Holdings], int | None]]] = {
    "cleared_entries": (
        "Entries that a clear has left behind, which end with their lifetimes.",
        lambda found: None if found.cleared is None else found.cleared.entries,
    ),
    "keys_looked_at": (
        "Keys that these numbers come from, those of others included.",
        lambda found: found.looked_at,
    ),
    "keys_all_looked_at": (
        "1 if those were all, 0 if the numbers are estimates.",
        lambda found: found.is_complete,
    ),
    "redis_used_memory_bytes": (
        "What the Redis server takes in all, whoever's it is.",
        lambda found: None if found.server is None else found.server.used_memory,
    ),
    "redis_max_memory_bytes": (
        "What the Redis server may take; 0 for as much as there is.",
        lambda found: None if found.server is None else found.server.max_memory,
    ),
    "redis_foreign_keys": (
        "Keys of others in the same Redis database.",
        lambda found: None if found.server is None else found.server.foreign_keys,
    ),
}


class _Caches(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from _state()
        yield from _held()
        is_up = GaugeMetricFamily("cacheadmin_database_up", "Whether the saved statistics can be read.")
        try:
            with kept.reading():
                counters = list(_counters())
        except Exception:  # noqa: BLE001
            # Whatever keeps the sums from being read, the state of the caches is told all the same.
            is_up.add_metric([], 0)
            yield is_up
            return
        is_up.add_metric([], 1)
        yield is_up
        yield from counters
        yield _times()


def _state() -> Iterator[Metric]:
    live = GaugeMetricFamily("cacheadmin_engine", "1 for the live engine.", labels=["alias", "engine"])
    degraded = GaugeMetricFamily(
        "cacheadmin_degraded", "1 while another engine stands in for the chosen one.", labels=["alias"]
    )
    since = GaugeMetricFamily(
        "cacheadmin_engine_since_timestamp_seconds", "When the engine became live.", labels=["alias"]
    )
    for alias in space.aliases():
        status = cast(AdaptiveCache, caches[alias]).space.selector.status()
        for engine in _ENGINES:
            live.add_metric([alias, engine], engine == status.engine)
        degraded.add_metric([alias], status.is_degraded)
        since.add_metric([alias], status.since.timestamp())
    yield from (live, degraded, since)


def _held() -> Iterator[Metric]:
    """Yield what the caches hold; what is not available, or of one worker alone, has no number."""
    looks = {alias: holdings(alias, seconds=_SECONDS, keys=_KEYS) for alias in space.aliases()}
    looks = {alias: found for alias, found in looks.items() if not found.is_of_one_process}
    entries, size = (
        GaugeMetricFamily(f"cacheadmin_{name}", text, labels=["alias", "group"])
        for name, text in (
            ("entries", "Entries; estimated where not all keys were looked at."),
            ("size_bytes", "What these entries take."),
        )
    )
    for alias, found in looks.items():
        for group, held in (found.groups or {}).items():
            entries.add_metric([alias, group], held.entries)
            if held.size is not None:
                size.add_metric([alias, group], held.size)
    yield from (entries, size)
    yield from map(partial(_of_each, looks), _LOOKS)


def _of_each(looks: dict[str, Holdings], name: str) -> Metric:
    text, number_in = _LOOKS[name]
    gauge = GaugeMetricFamily(f"cacheadmin_{name}", text, labels=["alias"])
    for alias, found in looks.items():
        number = number_in(found)
        if number is not None:
            gauge.add_metric([alias], number)
    return gauge


def _counters() -> Iterator[Metric]:
    sums = list(kept.totals())
    for kind, text in _COUNTERS.items():
        counter = CounterMetricFamily(f"cacheadmin_{kind}", text, labels=["alias", "group"])
        for cache, group, numbers in sums:
            counter.add_metric([cache, group], numbers[kind])
        yield counter


def _times() -> Metric:
    times = GaugeMetricFamily(
        "cacheadmin_read_seconds",
        "How long reads took, in this hour and the one before.",
        labels=["alias", "group", "quantile"],
    )
    for alias in space.aliases():
        for group, latency in statistics(alias, hours=2).latencies.items():
            for quantile, ms in (("0.5", latency.p50), ("0.95", latency.p95), ("0.99", latency.p99)):
                if ms is not None:
                    times.add_metric([alias, group, quantile], ms / 1000)
    return times


def metrics() -> bytes:
    """Return everything, as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(_Caches())
    return generate_latest(registry)


@never_cache
@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """Answer whoever sends ``Authorization: Bearer`` and the token; without a token there is no such page.

    The token is ``CACHEADMIN["METRICS_TOKEN"]``.
    """
    token = str(conf.get("METRICS_TOKEN"))
    if not token:
        raise Http404
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), token.encode()):
        return HttpResponse(
            "Send the header “Authorization: Bearer” with the METRICS_TOKEN of this site.\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpResponse(metrics(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
