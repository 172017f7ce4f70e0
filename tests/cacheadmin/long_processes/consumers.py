"""Consumers that say what they see whenever they are asked, over one WebSocket that stays open."""

from __future__ import annotations

import json
import os

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from tests.cacheadmin.long_processes import truth


class Looker(WebsocketConsumer):  # type: ignore[misc]  # Channels publishes no types
    def receive(self, text_data: str = "", bytes_data: bytes = b"") -> None:
        """Look, in a thread of the pool."""
        self.send(text_data=json.dumps(truth.look()))


class AsyncLooker(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def receive(self, text_data: str = "", bytes_data: bytes = b"") -> None:
        """Look, in the event loop itself, where no query may run."""
        seen = await truth.anumber()
        await self.send(text_data=json.dumps((truth.engine(), seen, os.getpid())))
