"""The first of all middleware: who may see what while the site is not installed, or cannot answer."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port, validate_host
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _

from installer import health, restart, setup_token, state
from installer.unavailable import unavailable

GetResponse = Callable[[HttpRequest], HttpResponse]

DATABASE_GONE = _("The database of the site does not answer. Nothing is lost; please try again in a minute.")
NOT_INSTALLED = _("This site is not installed yet.")
RESTARTING = _(
    "The site has just been installed, and this server is being restarted to show it. "
    "Reload this page in a moment."
)
RESTART_NEEDED = _(
    "The site has just been installed, and this server still has to be restarted to show it: in the panel "
    "of your host, or by the command that the last page of the setup has named."
)


class InstallGuardMiddleware:
    """Health probes first; then the installer, and nothing else, until the site is installed."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer what must be answered in front of the site, or hand the request on."""
        if probe := health.PROBES.get(request.path_info):
            return probe(request)
        if _looks_on(request):
            return self.get_response(request)
        try:
            is_installed = state.installed()
        except state.DatabaseUnreachable:
            return self.get_response(request) if _is_static(request) else unavailable(request, DATABASE_GONE)
        if is_installed:
            return self._site(request)
        return self._before_installation(request)

    def _site(self, request: HttpRequest) -> HttpResponse:
        if not settings.INSTALLED:
            if state.is_outdated():
                # The database says that it is installed; how it is reached, only the configuration does.
                restart.renew_if_stale()
            _refuse_unknown_host(request)
        response = self.get_response(request)
        # Whoever failed for want of a database: say so, and let clients come back.
        if response.status_code == 500 and not settings.DEBUG and not state.database_answers():
            return unavailable(request, DATABASE_GONE)
        return response

    def _before_installation(self, request: HttpRequest) -> HttpResponse:
        if _is_static(request):
            return self.get_response(request)
        if state.is_outdated():
            return _outdated(request)
        start = reverse("installer:start")
        if request.path.startswith(start):
            return self.get_response(request)
        if request.path_info.startswith("/api/"):
            return unavailable(request, NOT_INSTALLED)
        response = HttpResponseRedirect(start)
        add_never_cache_headers(response)
        return response


def _outdated(request: HttpRequest) -> HttpResponse:
    if restart.renew_if_stale():
        return unavailable(request, RESTARTING, retry_after=2)
    return unavailable(request, RESTART_NEEDED, retry_after=10)


def _looks_on(request: HttpRequest) -> bool:
    """Whether the owner watches the installation: at its end, every other page of the setup is closed."""
    return request.path == reverse("installer:progress") and setup_token.is_remembered(request)


def _is_static(request: HttpRequest) -> bool:
    return request.path.startswith(urlsplit(settings.STATIC_URL or "/static/").path)


def _refuse_unknown_host(request: HttpRequest) -> None:
    """Only the mark in the database says "installed": the settings, made before, still let any host in."""
    host, _port = split_domain_port(request.get_host())
    if not validate_host(host, settings.CONFIGURATION.hosts):
        raise DisallowedHost(f"Invalid HTTP_HOST header: {host!r}. Add it to ALLOWED_HOSTS.")
