"""The WSGI entry point for granian, loaded in each of its workers: the site, and two precautions.

A worker inherits the signal handlers of the server's first process, in which they only take a
note. Told to stop while it is still loading, it would take that note and go on: so it ends at
once until it has handlers of its own.

Ctrl-C in a terminal reaches every process of the server, and its first process tells the workers
to stop as well. A worker that hears both within a moment may hang: so it does not hear Ctrl-C.
"""

import importlib
import signal

signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

# Only now: loading the site is what takes the time.
application = importlib.import_module("config.wsgi").application
