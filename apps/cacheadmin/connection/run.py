"""A test on its way: arriving at a Redis, and noting each step."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from cacheadmin import conf, guard
from cacheadmin.connection.results import AUTHENTICATE, CONNECT, DATABASE, INFO, PING, ConnectionTest, Step
from cacheadmin.detect import looked_closer
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import FAILURES, Wire, connect_apart, explain, info, packets, without_password
from cacheadmin.verdicts import Verdict

Values = Mapping[str, str | int]
_COMMAND = re.compile(r"run the '([a-z]{1,20}(?:\|[a-z]{1,20})?)' command")


class Stopped(Exception):
    """A step has failed; there is no use in going on."""


class Run:
    """One test.

    Args:
        address: of a Redis.
        is_guarded: whether nothing link-local may be tried.
    """

    def __init__(self, address: str, *, is_guarded: bool) -> None:
        self.address = address
        self._is_guarded = is_guarded
        self._steps: list[Step] = []
        self._current = CONNECT
        self._step_began = time.perf_counter()
        self._wires: list[Wire] = []
        self._version = ""
        self._used: int | None = None

    def go(self, further: Callable[[Run], None]) -> None:
        """Do the simple test, and what comes after it."""
        try:
            self._arrive()
            self.step(INFO, self._inform, may_be_refused=True)
            further(self)
        except Stopped:
            return
        finally:
            for wire in self._wires:
                wire.close()

    def step(self, name: str, action: Callable[[], Values | None], *, may_be_refused: bool = False) -> None:
        """Do *action* as the step *name*.

        Args:
            name: of the step.
            action: returns what its message names.
            may_be_refused: whether the test goes on where the server does not want to do it.

        Raises:
            Stopped: it failed.
        """
        self._begin(name)
        try:
            values = action()
        except (EngineUnavailable, *FAILURES) as error:
            verdict, values = _understood(error)
            is_refused = verdict in (Verdict.NO_PERMISSION, Verdict.ERROR)
            self._end(verdict, values, ok=may_be_refused and is_refused)
        else:
            self._end(values=values or {})

    def connect(self) -> Wire:
        """Return one more way to the address; nothing is sent yet."""
        timeouts = conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT")
        wire = connect_apart(self.address, *timeouts, self._greet)
        self._wires.append(wire)
        return wire

    @property
    def wire(self) -> Wire:
        """The way that was gone first."""
        return self._wires[0]

    def result(self, *, in_time: bool) -> ConnectionTest:
        """Return what came of it; a step that is still on its way has taken too long."""
        steps = tuple(self._steps)
        if not in_time and all(step.ok for step in steps):
            late = Step(self._current, ok=False, ms=self._passed(), verdict=Verdict.TIMED_OUT)
            steps = (*steps, late)
        verdict = Verdict.FOUND if steps[-1].ok else steps[-1].verdict
        return ConnectionTest(without_password(self.address), verdict, steps, self._version, self._used)

    # --- Arriving: one call of the library, in parts ---

    def _arrive(self) -> None:
        self._begin(CONNECT)
        try:
            if self._is_guarded:
                guard.require_allowed(self.address)
            self.connect().ask(b"", packets.pack(b"PING"))
        except (EngineUnavailable, *FAILURES) as error:
            self._end_arrival(*_understood(error))
        else:
            self._end()

    def _end_arrival(self, verdict: Verdict, values: Values) -> None:
        if self._current == PING and verdict is Verdict.NEEDS_PASSWORD:
            # Who says no name is let in, and then gets no answer: the login has failed.
            self._steps.pop()
            self._current = AUTHENTICATE
        is_needless = self._current == PING and verdict is Verdict.NO_PERMISSION
        try:
            verdict = looked_closer(verdict, self.address, self._check_peer)
        except EngineUnavailable as error:
            verdict = error.verdict
        self._end(verdict, values, ok=is_needless)

    def _check_peer(self, peer: object) -> None:
        if self._is_guarded:
            guard.require_allowed_peer(peer)

    def _greet(self, connection: Any) -> None:
        """Log in over a connection that has just been made; of the first, each part is a step."""
        self._check_peer(_peer(connection))
        self._pass(CONNECT, AUTHENTICATE)
        # The database is chosen apart from the login, so that each has its own time and its own words.
        database, connection.db = connection.db, 0
        connection.on_connect()
        connection.db = database
        if database:
            self._pass(AUTHENTICATE, DATABASE)
            connection.send_command("SELECT", database)
            connection.read_response()
        self._pass(DATABASE if database else AUTHENTICATE, PING)

    def _pass(self, done: str, following: str) -> None:
        if self._current == done:
            self._end()
            self._begin(following)

    def _inform(self) -> Values:
        said = self.wire.ask(b"", packets.pack(b"INFO"))
        if not isinstance(said, bytes):
            raise EngineUnavailable(Verdict.NOT_REDIS)
        facts = info.facts(said)
        server, version = "Valkey", facts.get("valkey_version", "")
        if not version:
            server, version = "Redis", facts.get("redis_version", "")
        self._version, self._used = plain(version), info.number(facts.get("used_memory"))
        if facts.get("role") == "slave" and facts.get("slave_read_only") != "0":
            raise EngineUnavailable(Verdict.READ_ONLY)
        if not self._version or self._used is None:
            raise EngineUnavailable(Verdict.ERROR)
        return {"server": server, "version": self._version, "memory": self._used}

    # --- Noting ---

    def _begin(self, name: str) -> None:
        self._current, self._step_began = name, time.perf_counter()

    def _end(
        self, verdict: Verdict = Verdict.FOUND, values: Values | None = None, *, ok: bool = True
    ) -> None:
        self._steps.append(Step(self._current, ok, self._passed(), verdict, values or {}))
        if not ok:
            raise Stopped

    def _passed(self) -> float:
        return (time.perf_counter() - self._step_began) * 1000


def plain(text: str) -> str:
    """Return *text*, which somebody else has written, short and in one line."""
    return "".join(character for character in text[:200] if character.isprintable())


def _understood(error: Exception) -> tuple[Verdict, Values]:
    """Return what *error* means, and what its message can name; nothing else that a server says goes on."""
    known = error if isinstance(error, EngineUnavailable) else explain(error)
    cause = error.__cause__ if isinstance(error, EngineUnavailable) else error
    if known.verdict is Verdict.TAKEN:
        return known.verdict, {"owner": plain(known.detail)}
    if known.verdict is Verdict.NO_PERMISSION:
        return known.verdict, _permission(str(cause))
    return known.verdict, {}


def _permission(said: str) -> Values:
    command = _COMMAND.search(said)
    if command:
        return {"permission": f"+{command[1]}"}
    return {"permission": "~<KEY_PREFIX>:*"} if "access" in said else {}


def _peer(connection: Any) -> object:
    return connection._sock.getpeername()  # noqa: SLF001 (the library tells nobody)
