"""The Celery application: ``celery -A tests.cacheadmin.long_processes.tasks worker``."""

from __future__ import annotations

import json
import os

import django
import redis
from celery import Celery

django.setup()

from tests.cacheadmin.long_processes import truth  # noqa: E402

app = Celery("long_processes", broker=os.environ["BROKER"])
app.conf.update(broker_connection_retry_on_startup=True, task_ignore_result=True)

# A project that reads a setting while it is imported: the children of a prefork pool inherit an open
# cache, with whatever threads and connections it had.
AT_IMPORT = truth.number()


@app.task(name="look")  # type: ignore[untyped-decorator]  # Celery publishes no types
def look(answers: str) -> None:
    """Put what the process of this task sees at the end of the list *answers*."""
    with redis.Redis.from_url(os.environ["BROKER"]) as broker:
        broker.rpush(answers, json.dumps(truth.look()))
