"""What proxies say of a request is believed only from those that are trusted."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.client_ip import is_from_trusted_proxy


class TrustedProxyMiddleware:
    """Takes the scheme out of requests whose sender may not say it; comes before all that asks for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Hand the request on without the claim of a stranger."""
        if "HTTP_X_FORWARDED_PROTO" in request.META and not is_from_trusted_proxy(request):
            del request.META["HTTP_X_FORWARDED_PROTO"]
        return self.get_response(request)
