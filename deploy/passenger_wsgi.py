"""The entry point for Phusion Passenger, as on cPanel: name this file as the application's startup file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config.wsgi import application

__all__ = ["application"]
