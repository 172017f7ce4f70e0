"""Counting in the process, and handing what was counted to whoever keeps it.

An operation counts on a ``Tally``, which costs it three steps in C and no lock. Somebody else, every
few seconds and when the process ends, collects what has come together since and gives it to the
sink (``handover``): the database, as ``apps.ready()`` says.
"""

from cacheadmin.stats.handover import (
    Batch,
    after_answer,
    begin,
    collected,
    connect,
    hand_over,
    listen_for_end,
    trouble,
)
from cacheadmin.stats.tallies import KINDS, Tally, count, is_on, tally

__all__ = [
    "KINDS",
    "Batch",
    "Tally",
    "after_answer",
    "begin",
    "collected",
    "connect",
    "count",
    "hand_over",
    "is_on",
    "listen_for_end",
    "tally",
    "trouble",
]
