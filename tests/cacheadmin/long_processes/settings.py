"""Whatever the test says, and this app."""

from __future__ import annotations

import json
import os
from typing import Any

_said: dict[str, Any] = json.loads(os.environ["WORKER_SETTINGS"])
globals().update(_said)

INSTALLED_APPS = [*_said["INSTALLED_APPS"], "tests.cacheadmin.long_processes"]
