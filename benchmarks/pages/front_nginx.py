"""nginx with a page cache of its own in front of the site, and a file that it serves as it is."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers.clients import get
from benchmarks.servers.processes import free_port

_CONFIGURATION = """
daemon off; worker_processes 2; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 1000000;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  proxy_cache_path {directory}/pages keys_zone=pages:10m;
  server {{
    listen 127.0.0.1:{port};
    location = /static-page {{ default_type text/html; root {directory}; }}
    location / {{
      proxy_pass http://127.0.0.1:{backend}; proxy_set_header Host $http_host;
      proxy_cache pages; proxy_cache_lock on; proxy_cache_key $host$request_uri;
      set $own $cookie_sessionid$cookie_member$cookie_messages$cookie_django_language$http_authorization;
      proxy_cache_bypass $own; proxy_no_cache $own;
    }}
  }}
}}
"""


@contextmanager
def nginx(directory: Path, backend: int, page: bytes) -> Iterator[int]:
    """Run nginx in front of *backend*, with *page* as a static file; yields its port.

    Raises:
        RuntimeError: it is not installed, or does not start.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
    if program is None:
        raise RuntimeError("nginx is needed for this measurement (Debian: apt install nginx)")
    directory.mkdir(exist_ok=True)
    (directory / "static-page").write_bytes(page)
    # Its workers may be another user's.
    for place in (directory, directory.parent):
        place.chmod(0o755)
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(directory=directory, port=port, backend=backend))
    process = subprocess.Popen([program, "-c", str(configuration), "-p", str(directory)])
    try:
        deadline = time.monotonic() + 10
        while not get(port, "/static-page", timeout=1).ok:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx does not start: {(directory / 'error.log').read_text()}")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)
