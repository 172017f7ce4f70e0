"""Testing a connection to Redis, step by step, each with its milliseconds.

The simple test connects, logs in, asks PING and INFO. The deep one does with an entry of its own all
that the cache will ever do. Both take the road that the cache takes, over connections of their own,
and end within ``LONGEST`` seconds, whatever the other side does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from cacheadmin.connection.results import ConnectionTest, Step
from cacheadmin.connection.run import Run
from cacheadmin.connection.use import use

__all__ = ["LONGEST", "ConnectionTest", "Step", "deep_test", "simple_test"]

# Seconds that a test may take in all.
LONGEST = 3.0


def simple_test(address: str, *, is_guarded: bool = False) -> ConnectionTest:
    """Connect, log in, ask PING and INFO.

    Args:
        address: of a Redis.
        is_guarded: whether whoever asks is a stranger: then nothing link-local is tried.
    """
    return _test(address, is_guarded, lambda run: None)


def deep_test(
    address: str, namespace: str = "", beside: Sequence[str] = (), *, is_guarded: bool = False
) -> ConnectionTest:
    """Do the simple test, then write, read, compare, let end, count up and delete an entry.

    Args:
        address: of a Redis.
        namespace: what the keys of the cache begin with: a Redis user may be confined to them, and they
            may be another installation's. Without it neither is looked at.
        beside: what those of the other caches begin with that go where this one goes.
        is_guarded: as for ``simple_test()``.
    """
    return _test(address, is_guarded, lambda run: use(run, namespace, beside))


def _test(address: str, is_guarded: bool, further: Callable[[Run], None]) -> ConnectionTest:
    run = Run(address, is_guarded=is_guarded)
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cacheadmin-test")
    going = pool.submit(run.go, further)
    # A resolver may hang for long. Its thread ends by itself; nobody waits for it.
    pool.shutdown(wait=False)
    try:
        going.result(LONGEST)
    except TimeoutError:
        return run.result(in_time=False)
    return run.result(in_time=True)
