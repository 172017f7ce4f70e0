"""What is done to the players and to what they play on, scene by scene."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.redis import RedisServer

# Modes mean nothing to root: the players are somebody else then.
SOMEBODY = 12345 if os.geteuid() == 0 else os.geteuid()


@dataclass(frozen=True)
class Stage:
    """What a scene may lay hands on.

    Args:
        directory: of the cache.
        server: a Redis, if it is played on one.
        chance: for choices.
    """

    directory: Path
    server: RedisServer | None
    chance: random.Random


Trouble = Callable[[Stage], None]


@dataclass(frozen=True)
class Scene:
    """One scene.

    Args:
        engine: what the players ask for.
        name: what happens.
        trouble: done about five times a second.
        kills: whether players are killed.
        is_exact: whether nothing may be lost: no entry is evicted, no engine left.
        largest: bytes of the largest values.
        options: more OPTIONS of the cache.
        server: settings of the Redis.
        limits_files: whether players forbid themselves larger files now and then.
    """

    engine: str
    name: str
    trouble: Trouble | None = None
    kills: bool = False
    is_exact: bool = True
    largest: int = 6000
    options: dict[str, int] = field(default_factory=dict)
    server: tuple[str, ...] = ()
    limits_files: bool = False


def remove(stage: Stage) -> None:
    """What ``rm -rf`` of the entries does, at a bad moment."""
    for path in stage.directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def remove_everything(stage: Stage) -> None:
    """What ``rm -rf`` of the whole directory does."""
    shutil.rmtree(stage.directory, ignore_errors=True)
    stage.directory.mkdir(mode=0o700, exist_ok=True)
    os.chown(stage.directory, SOMEBODY, -1)


def _below(directory: Path) -> list[Path]:
    """Everything in a directory but what the selector keeps there."""
    # Unlike rglob, this does not mind what vanishes meanwhile.
    found = [Path(at, name) for at, inner, names in os.walk(directory) for name in (*inner, *names)]
    return [path for path in found if not path.name.startswith("state-")]


def remove_a_part(stage: Stage) -> None:
    """Somebody tidies up without knowing what it is."""
    found = _below(stage.directory)
    for path in stage.chance.sample(found, min(3, len(found))):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def scribble(stage: Stage) -> None:
    """Random bytes in random files."""
    files = [
        path for path in stage.directory.rglob("*") if path.is_file() and not path.name.startswith("state-")
    ]
    for path in stage.chance.sample(files, min(5, len(files))):
        try:
            size = path.stat().st_size
            with path.open("r+b") as file:
                file.seek(stage.chance.randrange(size + 1))
                file.write(stage.chance.randbytes(16))
                if stage.chance.random() < 0.3:
                    file.truncate(stage.chance.randrange(size + 1))
        except FileNotFoundError:
            continue


def forbid(stage: Stage) -> None:
    """Take away the right to write, for a moment."""
    directories = [stage.directory, *(path for path in _below(stage.directory) if path.is_dir())]
    for mode in (0o500, 0o700):
        for path in directories:
            if path.is_dir():
                path.chmod(mode)
        time.sleep(0.3 if mode == 0o500 else 1.2)


def lose_the_server(stage: Stage) -> None:
    """Kill Redis, or freeze it, and have it back after a while."""
    assert stage.server is not None
    if stage.chance.random() < 0.5:
        stage.server.kill()
        time.sleep(0.5)
        stage.server.start()
    else:
        stage.server.pause()
        time.sleep(0.6)
        stage.server.resume()
    time.sleep(1.0)


def make_room_now_and_then(stage: Stage) -> None:
    """Let it be full for a while, and then not."""
    assert stage.server is not None
    with stage.server.client() as client:
        client.config_set("maxmemory", stage.chance.choice(("1500kb", "64mb")))
    time.sleep(0.5)


SCENES = [
    Scene("memory", "undisturbed"),
    Scene("memory", "players killed", kills=True),
    Scene("file", "undisturbed"),
    Scene("file", "players killed", kills=True),
    Scene("file", "crowded, players killed", kills=True, is_exact=False, options={"MAX_ENTRIES": 120}),
    Scene("file", "few bytes", is_exact=False, largest=60_000, options={"MAX_BYTES": 500_000}),
    Scene("file", "directory removed", remove, is_exact=False),
    Scene("file", "everything removed", remove_everything, is_exact=False),
    Scene("file", "parts removed, players killed", remove_a_part, kills=True, is_exact=False),
    Scene("file", "files scribbled over", scribble, is_exact=False),
    Scene("file", "directory not writable", forbid, is_exact=False),
    Scene("file", "disk full now and then", is_exact=False, limits_files=True),
    Scene("redis", "undisturbed"),
    Scene("redis", "players killed", kills=True),
    Scene("redis", "server lost and back", lose_the_server, is_exact=False),
    Scene(
        "redis",
        "memory full now and then",
        make_room_now_and_then,
        is_exact=False,
        largest=20_000,
        server=("maxmemory", "1500kb", "maxmemory-policy", "noeviction"),
    ),
]
