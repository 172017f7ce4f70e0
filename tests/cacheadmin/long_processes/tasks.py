"""The Celery application: ``celery -A tests.cacheadmin.long_processes.tasks worker``."""

from __future__ import annotations

import os

import django
from celery import Celery

if not os.environ.get("DJANGO_SETTINGS_MODULE"):
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.cacheadmin.long_processes.settings"
django.setup()

from tests.cacheadmin.long_processes import truth

app = Celery("long_processes", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(broker_connection_retry_on_startup=True, result_expires=60)

# A project that reads a setting while it is imported: the children of a prefork pool inherit an open
# cache, with whatever threads and connections it had.
AT_IMPORT = truth.number()


@app.task(name="look")
def look() -> truth.Look:
    """What the process of this task sees."""
    return truth.look()
