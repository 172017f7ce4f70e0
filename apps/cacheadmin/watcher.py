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
_has_complained = False


def connect(tick: Callable[[], None], after_answer: Callable[[], None]) -> None:
    """Say what is due about once a second, and what nobody shall wait for."""
    global _tick, _after_answer
    _tick, _after_answer = tick, after_answer


def start() -> None:
    """Have a thread look after this process, unless one does, or none may, or requests do it."""
    global _thread
    if _thread is not None or _serves_wsgi or not threads_run():
        return
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_look_after, name="cacheadmin-watcher", daemon=True)
            _thread.start()


def request_begins(**environment: Any) -> None:
    """Take notice of a request: under WSGI the next ones do the thread's work."""
    global _serves_wsgi
    _serves_wsgi = _serves_wsgi or bool(environment.get("environ"))
    if _tick is not None:
        _tick()


def request_ends(**_environment: Any) -> None:
    """Do after an answer what no visitor shall wait for."""
    if _after_answer is not None:
        _after_answer()


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


def _look_after() -> None:
    pause = threading.Event()
    while not _serves_wsgi:
        pause.wait(conf.get("REFRESH_INTERVAL"))
        # The tests of a project have their database to themselves.
        if _tick is None or hasattr(mail, "outbox"):
            continue
        try:
            _tick()
            if _after_answer is not None:
                _after_answer()
        except Exception as error:  # noqa: BLE001
            # Without this thread nobody here would ever follow again; the next look may succeed.
            _complain_once(error)
        _give_back_connections()


def _complain_once(error: Exception) -> None:
    global _has_complained
    if not _has_complained:
        _has_complained = True
        logger.error("What is due for the cache now and then failed; it is tried again.", exc_info=error)


def _give_back_connections() -> None:
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
