"""The ASGI application with the WebSockets: ``uvicorn tests.cacheadmin.long_processes.asgi:application``."""

from __future__ import annotations

import django
from django.core.asgi import get_asgi_application

django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from tests.cacheadmin.long_processes.consumers import AsyncLooker, Looker  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("sync", Looker.as_asgi()), path("async", AsyncLooker.as_asgi())]),
    }
)
