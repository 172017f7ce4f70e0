"""redis-py's connections, with a shorter way to send and to read.

Connecting, logging in, TLS and Sentinels stay theirs. Where hiredis is installed, an exchange goes
straight from the socket to its reader, and costs half of what the library's own two calls do.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

try:
    import hiredis
except ImportError:
    hiredis = None  # type: ignore[assignment]

_HAS_HIREDIS = hiredis is not None
_NOTHING_YET = object()
_ROOM = 1 << 16


class DemotedError(RedisConnectionError):
    """What was the master takes no writes any more; nothing was done, and there is another one."""


class _Direct:
    # What redis-py's classes bring.
    _sock: Any
    _parser: Any
    disconnect: Callable[[], None]
    send_packed_command: Callable[..., None]
    read_response: Callable[..., Any]

    _reader: Any
    # The socket it reads from: a new one needs a new reader, since the old may hold half an answer.
    _read_from: Any = None

    def exchange(self, packet: bytes, count: int) -> list[Any]:
        """Send *packet* and return its *count* answers, errors of the server among them.

        Whatever else goes wrong, also in the caller's own thread, closes the connection: an answer
        that nobody has read would be taken for that to the next question.

        Raises:
            redis.ConnectionError: the connection is lost, or the server wants to be asked differently.
            redis.TimeoutError: it takes too long.
            redis.InvalidResponse: it is no Redis.
        """
        try:
            sock = self._sock
            if sock is None:
                # Somebody has emptied the pool. A new socket would know nothing of what was watched.
                raise RedisConnectionError("Connection closed by server.")
            return (
                self._exchange(sock, packet, count)
                if _HAS_HIREDIS
                else self._exchange_by_library(packet, count)
            )
        except BaseException as error:
            self.disconnect()
            if isinstance(error, TimeoutError):
                raise RedisTimeoutError("No answer in time.") from error
            if isinstance(error, OSError):
                raise RedisConnectionError(f"Connection lost: {error.strerror}") from error
            raise

    def _exchange(self, sock: Any, packet: bytes, count: int) -> list[Any]:
        if self._read_from is not sock:
            self._prepare(sock)
        reader, buffer = self._reader, self._buffer
        answers: list[Any] = []
        sock.sendall(packet)
        while len(answers) < count:
            answer = reader.gets()
            if answer is _NOTHING_YET:
                size = sock.recv_into(buffer)
                if not size:
                    raise RedisConnectionError("Connection closed by server.")
                reader.feed(buffer, 0, size)
                continue
            if isinstance(answer, RedisConnectionError):
                raise answer
            answers.append(answer)
        if reader.has_data():
            raise InvalidResponse("There are more answers than questions.")
        return answers

    def _prepare(self, sock: Any) -> None:
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=self._parser.parse_error,
            notEnoughData=_NOTHING_YET,
        )
        self._buffer = bytearray(_ROOM)
        self._read_from = sock

    def _exchange_by_library(self, packet: bytes, count: int) -> list[Any]:
        self.send_packed_command((packet,), False)
        answers: list[Any] = []
        for _ in range(count):
            try:
                answers.append(self.read_response(disconnect_on_error=True))
            except ResponseError as error:
                answers.append(error)
        return answers


class _Secure(_Direct):
    def can_read(self: Any, timeout: float = 0) -> bool:
        """Whether there is something to read; an answer, and not a message of TLS itself.

        After the handshake a server sends tickets. The library takes them for an answer that nobody
        has read, and now and then refuses a connection for that.
        """
        is_readable = bool(super().can_read(timeout))  # type: ignore[misc]
        sock, parser = self._sock, self._parser
        if not is_readable or not _HAS_HIREDIS or sock.pending():
            return is_readable
        reader = parser._reader  # noqa: SLF001 (this connection's own)
        if reader.has_data():
            return True
        sock.settimeout(0)
        try:
            byte = sock.recv(1)
        except ssl.SSLWantReadError:
            return False
        except OSError:
            byte = b""
        finally:
            sock.settimeout(self.socket_timeout)
        if not byte:
            self.disconnect()
            raise RedisConnectionError("Connection closed by server.")
        # Nothing is lost: whoever reads next finds it where it belongs.
        reader.feed(byte)
        return True


class _Managed(_Direct):
    def exchange(self, packet: bytes, count: int) -> list[Any]:
        answers = super().exchange(packet, count)
        for answer in answers:
            if isinstance(answer, ReadOnlyError):
                # The next connection asks the Sentinels again.
                self.disconnect()
                raise DemotedError("The master has been demoted.")
        return answers


class DirectConnection(_Direct, Connection):
    """Over TCP."""


class DirectSSLConnection(_Secure, SSLConnection):
    """Over TLS."""


class DirectUnixConnection(_Direct, UnixDomainSocketConnection):
    """Over a unix socket."""


class DirectManagedConnection(_Managed, SentinelManagedConnection):
    """To the master that Sentinels name."""


class DirectManagedSSLConnection(_Managed, _Secure, SentinelManagedSSLConnection):
    """To the master that Sentinels name, over TLS."""
