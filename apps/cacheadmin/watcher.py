"""Follows the saved settings in processes that serve no requests, and does what is due after one.

A web worker under WSGI looks at the start of its requests. A task worker, a consumer with an open
WebSocket or a long command may never have one: there a thread looks instead. Where the host lets
no thread of ours run between requests, the same work is done in small pieces after an answer.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from django.core import mail
from django.db import connections

from cacheadmin import conf

logger = logging.getLogger("cacheadmin")

_tick: Callable[[], None] | None = None
_after_answer: Callable[[], None] | None = None
_lock = threading.Lock()
_thread: threading.Thread | None = None
_serves_wsgi = False
_was_under_test = False
_has_answered = False
# What is found on the command line of those that work tasks off, instead of answering requests.
_TASK_WORKERS = {"worker", "rqworker", "dramatiq", "rundramatiq", "run_huey", "qcluster"}
# What has been complained of, by the type of the error.
_complaints: set[str] = set()


def connect(tick: Callable[[], None], after_answer: Callable[[], None]) -> None:
    """Say what is due about once a second, and what nobody shall wait for."""
    global _tick, _after_answer
    _tick, _after_answer = tick, after_answer


def start() -> None:
    """Have a thread look after this process, unless one does, or none may, or requests do it."""
    global _thread
    if _thread is not None or _requests_do_it() or not threads_run():
        return
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_look_after, name="cacheadmin-watcher", daemon=True)
            _thread.start()


def _requests_do_it() -> bool:
    # Where the web server answers from files, none may come.
    return _serves_wsgi and not conf.get("PAGES_DIRECTORY")


def request_begins(**environment: Any) -> None:
    """Take notice of a request: under WSGI the next ones do the thread's work."""
    global _serves_wsgi, _has_answered
    _has_answered = True
    _serves_wsgi = _serves_wsgi or bool(environment.get("environ"))
    if _tick is not None:
        _safely(_tick)


def request_ends(**_environment: Any) -> None:
    """Do after an answer what no visitor shall wait for, and leave no connection open for it."""
    if _after_answer is None:
        return
    open_before = [one for one in connections.all(initialized_only=True) if one.connection is not None]
    _safely(_after_answer)
    for connection in connections.all(initialized_only=True):
        # Django has let go of its own before: this one would wait, or be missing in a pool, until this
        # thread has its next request.
        if connection not in open_before:
            connection.close_if_unusable_or_obsolete()


def _safely(action: Callable[[], None]) -> None:
    """Do what no request may fail for, and no thread end for."""
    try:
        action()
    except Exception as error:
        kind = type(error).__name__
        if kind not in _complaints:
            _complaints.add(kind)
            logger.exception("The cache's own work failed; it is tried again, and not told again.")


def threads_run() -> bool:
    """Whether a thread of ours runs while no request is being answered.

    ``CACHEADMIN["THREADS"]`` says so; ``None``, the default, finds it out.
    """
    told = conf.get("THREADS")
    return named_host() == "" if told is None else bool(told)


def named_host() -> str:
    """Return the name of a host that stops threads between requests, or an empty string."""
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None and not {"enable-threads", b"enable-threads", "threads", b"threads"} & set(
        uwsgi.opt
    ):
        return "uWSGI without threads"
    if "passenger_wsgi" in sys.modules or "PASSENGER_APP_ENV" in os.environ or "IN_PASSENGER" in os.environ:
        return "Passenger"
    if any(name.startswith("LSAPI_") for name in os.environ):
        return "LSAPI"
    return ""


def is_worker() -> bool:
    """Whether this process serves: it has answered a request, or works tasks off; a command does neither."""
    return _has_answered or not _TASK_WORKERS.isdisjoint(map(os.path.basename, sys.argv))


def is_under_test() -> bool:
    """Whether the tests of a project run here: the database is theirs alone, and they undo what they do.

    Once they have, it stays so until the process ends: after them the connections lead to the real
    database, which has nothing to do with what they left.
    """
    global _was_under_test
    # What Django's setup_test_environment() makes, and nothing else.
    _was_under_test = _was_under_test or hasattr(mail, "outbox")
    return _was_under_test


def _look_after() -> None:
    pause = threading.Event()
    while not _requests_do_it():
        pause.wait(conf.get("REFRESH_INTERVAL"))
        if _tick is None or is_under_test():
            continue
        _safely(_tick)
        if _after_answer is not None:
            _safely(_after_answer)
        give_back_connections()


def give_back_connections() -> None:
    """Return what belongs to a pool, and let go of a file, which may be replaced by a restored one.

    Any other connection is kept, as it would have to be made again every second.
    """
    for connection in connections.all(initialized_only=True):
        is_pooled = "pool" in connection.settings_dict.get("OPTIONS", {})
        if connection.errors_occurred or is_pooled or connection.vendor == "sqlite":
            connection.close()


def _after_fork() -> None:
    global _thread, _lock
    _thread, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
