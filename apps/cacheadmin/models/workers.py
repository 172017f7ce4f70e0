"""What each machine tells the others of its workers: one row for a machine, as it was some seconds ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from cacheadmin import conf
from cacheadmin.models.statistics import reading

# Rows of machines that have been silent for so long are of no interest to anybody.
_KEPT = timedelta(days=1)


class MachineReport(models.Model):
    """The workers of one machine that serve the caches of one shared state."""

    machine = models.CharField(max_length=100)
    state = models.CharField(max_length=100)
    workers = models.JSONField(default=list)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["machine", "state"], name="cacheadmin_one_machine_report")
        ]

    def __str__(self) -> str:
        return self.machine


def save_workers(machine: str, state: str, workers: list[dict[str, Any]]) -> None:
    """Write what is known of the workers of *machine*.

    Args:
        machine: its name.
        state: the name of the shared state that they have in common.
        workers: a row for each.
    """
    rows = MachineReport.objects.using(conf.get("DATABASE"))
    now = timezone.now()
    if not rows.filter(machine=machine, state=state).update(workers=workers, updated_at=now):
        rows.filter(updated_at__lt=now - _KEPT).delete()
        rows.update_or_create(machine=machine, state=state, defaults={"workers": workers, "updated_at": now})


def load_workers(state: str, seconds: float) -> dict[str, list[dict[str, Any]]]:
    """Return what the machines have told about their workers, by machine.

    Args:
        state: the name of the shared state that they have in common.
        seconds: how long ago that may be.
    """
    rows = MachineReport.objects.using(conf.get("DATABASE"))
    since = timezone.now() - timedelta(seconds=seconds)
    with reading():
        return dict(rows.filter(state=state, updated_at__gte=since).values_list("machine", "workers"))
