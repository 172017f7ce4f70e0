"""The project: settings, URLs and server entry points.

Importing this package is what puts ``apps/`` on the import path, so that every way in
(manage.py, WSGI, ASGI, the tests) finds the apps under their top-level names.
"""

import sys
from pathlib import Path

APPS = str(Path(__file__).resolve().parent.parent / "apps")
if APPS not in sys.path:
    sys.path.insert(0, APPS)
