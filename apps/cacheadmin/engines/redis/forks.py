"""Who has to begin anew in a child process."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class _Forked(Protocol):
    def forget_parent(self) -> None: ...


_survivors: weakref.WeakSet[_Forked] = weakref.WeakSet()


def survive_forks(one: _Forked) -> None:
    """Have *one* told when it finds itself in a child process."""
    _survivors.add(one)


def _after_fork() -> None:
    for one in list(_survivors):
        one.forget_parent()


os.register_at_fork(after_in_child=_after_fork)
