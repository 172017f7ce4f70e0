"""Whatever the test says."""

from __future__ import annotations

import json
import os

globals().update(json.loads(os.environ["WORKER_SETTINGS"]))
