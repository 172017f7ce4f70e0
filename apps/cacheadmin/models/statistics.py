"""What was counted, summed up over all processes and machines: a few rows for each hour and group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from django.db import connections, models, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from cacheadmin import conf
from cacheadmin.stats import Batch

# Of each cache, day and group, so many keys are kept at the most; new ones are let in up to twice that.
MOST_KEYS = 100
LONGEST_KEY = 250
KINDS = ("hits", "misses", "writes", "deletes", "errors", "fallbacks")
# The hour of the rows that hold the sums of all hours that were removed.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_Item = TypeVar("_Item", int, str)


class HourlyCount(models.Model):
    """The operations of one hour on one group of one cache."""

    cache = models.CharField(max_length=100)
    hour = models.DateTimeField()
    group = models.CharField(max_length=100)
    hits = models.BigIntegerField(default=0)
    misses = models.BigIntegerField(default=0)
    writes = models.BigIntegerField(default=0)
    deletes = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    # Those that another engine has served than the one that ought to be live.
    fallbacks = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["cache", "hour", "group"], name="cacheadmin_one_hourly_count")
        ]
        indexes = [models.Index(fields=["hour"], name="cacheadmin_count_hour")]

    def __str__(self) -> str:
        return f"{self.cache}: {self.group}, {self.hour:%Y-%m-%d %H}"


class HourlyLatency(models.Model):
    """How many reads of one hour took about so long; only buckets that hold any have a row."""

    cache = models.CharField(max_length=100)
    hour = models.DateTimeField()
    group = models.CharField(max_length=100)
    bucket = models.PositiveSmallIntegerField()
    number = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["cache", "hour", "group", "bucket"], name="cacheadmin_one_hourly_latency"
            )
        ]
        indexes = [models.Index(fields=["hour"], name="cacheadmin_latency_hour")]

    def __str__(self) -> str:
        return f"{self.cache}: {self.group}, {self.bucket}"


class DailyKey(models.Model):
    """How often a key was read on one day (UTC), about: of those read most."""

    cache = models.CharField(max_length=100)
    day = models.DateField()
    group = models.CharField(max_length=100)
    key = models.CharField(max_length=LONGEST_KEY)
    number = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["cache", "day", "group", "key"], name="cacheadmin_one_daily_key")
        ]
        indexes = [models.Index(fields=["day"], name="cacheadmin_key_day")]

    def __str__(self) -> str:
        return f"{self.cache}: {self.key}"


# --- What `stats` hands over ---


def add(batch: Batch, patience: float) -> None:
    """Add *batch* to the sums, all of it or nothing.

    Everybody takes the rows in the same order, so that nobody waits for somebody who waits for him.

    Args:
        batch: what a process has counted.
        patience: seconds to wait for a lock.
    """
    with _writing(patience) as database:
        for (cache, hour, group), numbers in sorted(batch.counts.items()):
            _add_counts(database, {"cache": cache, "hour": hour, "group": group}, numbers)
        for (cache, hour, group), buckets in sorted(batch.latencies.items()):
            place = {"cache": cache, "hour": hour, "group": group}
            _add_each(HourlyLatency, database, place, "bucket", buckets)
        for (cache, day, group), keys in sorted(_by_day(batch).items()):
            _add_each(DailyKey, database, {"cache": cache, "day": day, "group": group}, "key", keys)


def _add_counts(database: str, place: dict[str, Any], numbers: Mapping[str, int]) -> None:
    rows = HourlyCount.objects.using(database)
    sums: dict[str, Any] = {kind: F(kind) + number for kind, number in numbers.items()}
    if not rows.filter(**place).update(**sums):
        rows.bulk_create([HourlyCount(**place)], ignore_conflicts=True)
        rows.filter(**place).update(**sums)


def _add_each(
    model: type[models.Model],
    database: str,
    place: dict[str, Any],
    column: str,
    numbers: Mapping[_Item, int],
) -> None:
    rows = model._default_manager.using(database)
    items = sorted(numbers)
    rows.bulk_create([model(**place, **{column: item}) for item in items], ignore_conflicts=True)
    added = Case(*(When(**{column: item}, then=Value(numbers[item])) for item in items))
    rows.filter(**place, **{f"{column}__in": items}).update(number=F("number") + added)


def _by_day(batch: Batch) -> dict[tuple[str, date, str], dict[str, int]]:
    found: dict[tuple[str, date, str], dict[str, int]] = {}
    for (cache, hour, group), keys in batch.keys.items():
        numbers = found.setdefault((cache, hour.date(), group), {})
        for key, number in keys.items():
            name = _writable(key)
            numbers[name] = numbers.get(name, 0) + number
    return found


def _writable(key: str) -> str:
    """Return *key* as a database takes it: without a zero byte, half a pair, or what is too long."""
    plain = key.replace("\0", "\ufffd").encode("utf-8", "backslashreplace").decode()
    return plain if len(plain) <= LONGEST_KEY else f"{plain[: LONGEST_KEY - 1]}…"


def trim(patience: float) -> None:
    """Remove what is older than ``STATISTICS_DAYS``, and of the keys those read least."""
    with _writing(patience) as database:
        end = oldest_kept()
        HourlyLatency.objects.using(database).filter(hour__lt=end).delete()
        _fold(database, end)
        keys = DailyKey.objects.using(database)
        keys.filter(day__lt=end.date()).delete()
        crowded = keys.values("cache", "day", "group").annotate(kept=models.Count("pk"))
        for cache, day, group in crowded.filter(kept__gt=2 * MOST_KEYS).values_list("cache", "day", "group"):
            place = {"cache": cache, "day": day, "group": group}
            doomed = keys.filter(**place).order_by("-number").values_list("pk", flat=True)[MOST_KEYS:]
            keys.filter(pk__in=list(doomed)).delete()


def _fold(database: str, end: datetime) -> None:
    """Add what is older than *end* to one row for each group, so that the totals never go down."""
    old = HourlyCount.objects.using(database).filter(hour__gt=LONG_AGO, hour__lt=end)
    # Locked, as another process may be at it.
    rows = list(old.select_for_update().values_list("pk", "cache", "group", *KINDS))
    sums: dict[tuple[str, str], Counter[str]] = {}
    for _pk, cache, group, *numbers in rows:
        sums.setdefault((cache, group), Counter()).update(dict(zip(KINDS, numbers, strict=True)))
    for (cache, group), numbers_of_all in sorted(sums.items()):
        _add_counts(database, {"cache": cache, "hour": LONG_AGO, "group": group}, numbers_of_all)
    old.filter(pk__in=[pk for pk, *_ in rows]).delete()


def oldest_kept() -> datetime:
    """Return the beginning of the first hour whose counts are kept."""
    return timezone.now() - timedelta(days=conf.get("STATISTICS_DAYS"), hours=1)


@contextmanager
def _writing(patience: float) -> Iterator[str]:
    """Begin a transaction that waits for others no longer than *patience* seconds."""
    database = conf.get("DATABASE")
    connection = connections[database]
    milliseconds = max(1, int(patience * 1000))
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout")
            usual = int(cursor.fetchone()[0])
            cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
        try:
            with transaction.atomic(using=database):
                yield database
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {usual}")
        return
    with transaction.atomic(using=database):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")
        yield database


# --- What is read ---


@contextmanager
def reading() -> Iterator[None]:
    """Read within a savepoint, where somebody's transaction would be spoilt by a query that fails."""
    database = conf.get("DATABASE")
    is_inside = connections[database].in_atomic_block
    with transaction.atomic(using=database) if is_inside else nullcontext():
        yield


def counts(cache: str, since: datetime) -> Iterable[tuple[datetime, str, dict[str, int]]]:
    """Return the sums of each hour and group from *since* on, the oldest first."""
    rows = HourlyCount.objects.using(conf.get("DATABASE")).filter(cache=cache, hour__gte=since)
    for hour, group, *numbers in rows.order_by("hour", "group").values_list("hour", "group", *KINDS):
        yield hour, group, dict(zip(KINDS, numbers, strict=True))


def latencies(cache: str, since: datetime) -> Iterable[tuple[str, int, int]]:
    """Return group, bucket and number of reads from *since* on."""
    rows = HourlyLatency.objects.using(conf.get("DATABASE")).filter(cache=cache, hour__gte=since)
    return rows.values_list("group", "bucket").annotate(found=models.Sum("number"))


def keys(cache: str, since: date, number: int) -> Iterable[tuple[str, str, int]]:
    """Return group, key and reads of the *number* keys read most from the day *since* on."""
    rows = DailyKey.objects.using(conf.get("DATABASE")).filter(cache=cache, day__gte=since)
    summed = rows.values_list("group", "key").annotate(found=models.Sum("number"))
    return summed.order_by("-found", "key")[:number]


def totals() -> Iterable[tuple[str, str, dict[str, int]]]:
    """Return cache, group and the sums of all that was ever counted."""
    rows = HourlyCount.objects.using(conf.get("DATABASE")).values_list("cache", "group")
    summed = rows.annotate(**{f"all_{kind}": models.Sum(kind) for kind in KINDS})
    for cache, group, *numbers in summed.order_by("cache", "group"):
        yield cache, group, dict(zip(KINDS, numbers, strict=True))


def first_hour(cache: str) -> datetime | None:
    """Return the first hour that anything is kept of."""
    rows = HourlyCount.objects.using(conf.get("DATABASE")).filter(cache=cache, hour__gt=LONG_AGO)
    found: datetime | None = rows.aggregate(first=models.Min("hour"))["first"]
    return found
