"""Servers fork their workers: a child shares the machine's state, and no lock, connection or thread."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

WorkerMaker = Callable[..., Worker]

FORK = """
import multiprocessing, multiprocessing.connection
children = []

def fork():
    ours, theirs = multiprocessing.Pipe()
    number = os.fork()
    if number == 0:
        ours.close()
        for other, _ in children:
            other.close()
        while True:
            try:
                code = theirs.recv()
            except EOFError:
                os._exit(0)
            try:
                theirs.send(eval(code, globals()))
            except BaseException as error:
                theirs.send(f"failed: {error!r}")
    theirs.close()
    children.append((ours, number))

def ask(which, code):
    pipe, number = children[which]
    pipe.send(code)
    assert pipe.poll(10), "the child is stuck"
    return pipe.recv()

def end():
    for pipe, number in children:
        pipe.close()
        os.waitpid(number, 0)
    children.clear()
"""


@pytest.fixture(params=["redis", "file", "memory"])
def parent(request: pytest.FixtureRequest, redis_server: RedisServer, new_worker: WorkerMaker) -> Worker:
    """A process that has used its cache before it forks."""
    location = redis_server.url() if request.param == "redis" else ""
    worker = new_worker(request.param, location=location)
    worker(FORK)
    worker("cache.set('before', 'the fork', None)")
    return worker


def test_a_child_goes_on_where_its_parent_was(parent: Worker) -> None:
    parent("fork(); fork()")
    assert [parent(f"ask({which}, \"cache.get('before')\")") for which in (0, 1)] == ["the fork"] * 2
    parent("ask(0, \"cache.set('shared', 1, None)\")")
    expected = None if parent.engine == "memory" else 1
    assert parent("ask(1, \"cache.get('shared')\")") == expected
    assert parent("cache.get('shared')") == expected
    parent("end()")


def test_parent_and_child_do_not_talk_over_one_connection(parent: Worker) -> None:
    parent("fork()")
    parent("cache.set_many({f'key{number}': number for number in range(100)})")
    parent("ask(0, \"cache.set_many({f'key{number}': number for number in range(100)})\")")
    parent.begin("ask(0, \"[cache.get(f'key{number}') for _ in range(20) for number in range(100)]\")")
    assert parent.finish() == [*range(100)] * 20
    assert parent("[cache.get(f'key{number}') for number in range(100)]") == [*range(100)]
    parent("end()")


def test_a_clear_in_a_child_is_in_force_in_its_parent_and_siblings(parent: Worker) -> None:
    parent("fork(); fork()")
    parent('ask(0, "cache.clear()")')
    assert parent("cache.get('before')") is None
    assert parent("ask(1, \"cache.get('before')\")") is None
    parent("end()")


def test_a_child_forked_while_a_thread_held_the_locks_is_not_stuck(parent: Worker) -> None:
    parent(
        "words = cache.space.selector.words\n"
        "held, done = threading.Event(), threading.Event()\n"
        "def hold():\n"
        "    with words.lock(): held.set(); done.wait(10)\n"
        "thread = threading.Thread(target=hold); thread.start(); held.wait(5)\n"
        "fork(); done.set(); thread.join()\n"
    )
    assert parent('ask(0, "cache.clear() or 7")') == 7
    parent("end()")


@pytest.mark.parametrize("lock", ["state._lock", "selector._registry_lock", "space._registry_lock"])
def test_a_child_forked_while_a_thread_looked_at_the_settings_follows_them_all_the_same(
    new_worker: WorkerMaker, lock: str
) -> None:
    parent = new_worker("file")
    parent(FORK)
    parent("from cacheadmin import selector, state, upkeep; upkeep.tick(); cache.get('a')")
    parent(f"{lock}.acquire(); fork(); {lock}.release()")
    looked = "(state.look_again_soon(), upkeep.tick(), state._next_look > 0)[-1]"
    assert parent(f"ask(0, {looked!r})") is True
    parent("end()")


def test_a_child_forked_in_an_outage_does_not_keep_the_next_one_from_ending(
    redis_server: RedisServer, new_worker: WorkerMaker
) -> None:
    parent = new_worker("redis", location=redis_server.url())
    parent(FORK)
    parent("cache.set('a', 1)")
    redis_server.pause()
    parent("cache.get('a')")
    # The thread that asks for Redis holds its lock now; the child is born with a duplicate of it.
    parent("time.sleep(0.6); fork()")
    redis_server.resume()
    wait_until(lambda: parent.engine == "redis", seconds=5)
    for _ in range(2):
        redis_server.pause()
        parent("cache.get('a')")
        assert parent.engine == "file"
        redis_server.resume()
        wait_until(lambda: parent.engine == "redis", seconds=5)
    parent("end()")


def test_a_child_asks_for_redis_when_its_parent_is_dead(
    redis_server: RedisServer, new_worker: WorkerMaker
) -> None:
    parent, other = (new_worker("redis", location=redis_server.url()) for _ in range(2))
    parent(FORK)
    other("cache.set('a', 1)")
    redis_server.pause()
    parent("cache.get('a')")
    parent("time.sleep(0.6); fork()")
    parent.kill()
    redis_server.resume()

    def is_back() -> bool:
        other.request()
        return other.engine == "redis"

    wait_until(is_back, seconds=5)


def test_with_files_the_counts_are_exact_over_forks(new_worker: WorkerMaker) -> None:
    parent = new_worker("file")
    parent(FORK)
    parent("cache.set('n', 0); [fork() for _ in range(3)]")
    parent("for pipe, _ in children: pipe.send(\"[cache.incr('n') for _ in range(200)][-1]\")")
    parent("[cache.incr('n') for _ in range(200)]; [pipe.recv() for pipe, _ in children]")
    assert parent("cache.get('n')") == 800
    parent("end()")
