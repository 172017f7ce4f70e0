"""nginx and Apache as their owners run them: with the rules in ``deploy/``, in front of a site."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import packages
from tests.servers.process import ServerError, ServerProcess, free_port

DEPLOY = Path(__file__).parents[2] / "deploy"

_NGINX = """
daemon off; {user} worker_processes 2; pid {here}/nginx.pid; error_log {here}/error.log;
events {{ worker_connections 512; }}
http {{
  include /etc/nginx/mime.types; access_log off; keepalive_requests 1000000; sendfile on;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
  {shipped}
  server {{ listen 127.0.0.1:{plain}; root {here}; location / {{ default_type text/html; }} }}
}}
"""
_APACHE = """
ServerRoot {here}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {here}/apache.pid
ErrorLog {here}/error.log
DefaultRuntimeDir {here}
{modules}
TypesConfig /etc/mime.types
DocumentRoot {here}/public_html
ProxyPreserveHost On
<Directory {here}/public_html>
  AllowOverride All
  Options SymLinksIfOwnerMatch
  Require all granted
</Directory>
"""
# What Passenger does on the hosts this is for: it gets whatever is no file.
_ELSEWHERE = """
RewriteCond %{{ENV:REDIRECT_STATUS}} ^$
RewriteRule ^ http://127.0.0.1:{backend}%{{REQUEST_URI}} [P,L]
"""
_MODULES = {
    "mpm_event": "mod_mpm_event.so",
    **{
        name: f"mod_{name}.so"
        for name in ("authz_core", "dir", "env", "headers", "mime", "proxy", "proxy_http", "rewrite")
    },
}


class WebServer:
    """A web server on a free port, in front of what listens on another one; use it in a ``with``.

    Args:
        directory: for its own files, and for those that it serves.
        backend: the port of the site.
    """

    name = ""

    def __init__(self, directory: Path, backend: int) -> None:
        self.directory = directory
        self.backend = backend
        self.port = free_port()
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        process = ServerProcess(
            self._command(), log=self.directory / f"{self.name}.log", directory=self.directory
        )
        process.start()
        process.wait_until(self._listens, seconds=15)
        self._process = process
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop()

    @property
    def pages(self) -> Path:
        """Where it looks for pages: what PAGES_DIRECTORY is to say."""
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Nginx(WebServer):
    """nginx with ``deploy/nginx.conf``; ``plain_port`` serves the files of its directory without any rule."""

    name = "nginx"

    def __init__(self, directory: Path, backend: int) -> None:
        super().__init__(directory, backend)
        self.plain_port = free_port()

    @property
    def pages(self) -> Path:
        return self.directory / "site" / "var" / "pages"

    def shipped(self) -> str:
        """Return the shipped configuration with the names of this place."""
        text = (DEPLOY / "nginx.conf").read_text()
        for theirs, ours in (
            ("listen 80;", f"listen 127.0.0.1:{self.port};"),
            ("server_name example.org;", "server_name _;"),
            ("127.0.0.1:8000", f"127.0.0.1:{self.backend}"),
            ("/srv/site", str(self.directory / "site")),
            ("/var/cache/nginx/site", str(self.directory / "cache")),
        ):
            if theirs not in text:
                raise ServerError(f"deploy/nginx.conf has no {theirs!r}")
            text = text.replace(theirs, ours)
        return text

    def _command(self) -> list[str]:
        program = find_nginx()
        configuration = self.directory / "nginx.conf"
        (self.directory / "site" / "var").mkdir(parents=True, exist_ok=True)
        # As root its workers would be another user, who cannot enter the directories of tests.
        user = "user root;" if packages.can_install() else ""
        configuration.write_text(
            _NGINX.format(here=self.directory, shipped=self.shipped(), plain=self.plain_port, user=user)
        )
        return [str(program), "-c", str(configuration), "-p", str(self.directory)]


class Apache(WebServer):
    """Apache with ``deploy/apache.htaccess`` in its document root."""

    name = "apache"

    @property
    def pages(self) -> Path:
        return self.directory / "public_html" / "pages"

    def _command(self) -> list[str]:
        program = find_apache()
        root = self.directory / "public_html"
        root.mkdir(exist_ok=True)
        rules = (DEPLOY / "apache.htaccess").read_text()
        (root / ".htaccess").write_text(rules + _ELSEWHERE.format(backend=self.backend))
        folder = Path("/usr/lib/apache2/modules")
        modules = "\n".join(f"LoadModule {name}_module {folder / file}" for name, file in _MODULES.items())
        configuration = self.directory / "apache.conf"
        configuration.write_text(_APACHE.format(here=self.directory, port=self.port, modules=modules))
        return [str(program), "-f", str(configuration), "-D", "FOREGROUND"]


def find_nginx() -> Path:
    """Return the program; see ``_found``."""
    return _found("nginx", "nginx")


def find_apache() -> Path:
    """Return the program; see ``_found``."""
    return _found("apache2", "apache2", "httpd")


def _found(package: str, *names: str) -> Path:
    """Return the program, which is installed if it has to be and can be.

    Raises:
        packages.NotInstalledError: it is not here, and cannot be had.
    """
    program = packages.find_program(*names)
    if program is None and packages.can_install():
        complaint = packages.install(package)
        program = packages.find_program(*names)
        if program is None:
            raise packages.NotInstalledError(complaint)
    if program is None:
        raise packages.NotInstalledError(f"The tests need {package}. On Debian: apt-get install {package}.")
    return program
