"""The tests that Django runs on its own cache backends, run on ours: on each engine, each in a process."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import django
import pytest

from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT

PROJECT = Path(__file__).with_name("django_contract")
# How many tests of a backend Django had when this was written; fewer would mean that they were not found.
AT_LEAST = 52
ENGINES = ("redis", "file", "memory")


@pytest.fixture(scope="module")
def djangos_tests() -> Path:
    """Django's directory ``tests``, from the source of the installed version; downloaded once per machine."""
    version = django.get_version()
    # A wheel has no tests. Kept between runs, in a directory that nobody else can have written.
    home = Path(tempfile.gettempdir(), f"django-source-{os.geteuid()}")
    home.mkdir(mode=0o700, exist_ok=True)
    assert home.stat().st_uid == os.geteuid(), f"{home} belongs to somebody else: remove it"
    place = home / f"django-{version}"
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=home) as aside:
            _download(version, Path(aside))
            with tarfile.open(next(Path(aside).glob("*.tar.gz"))) as archive:
                wanted = [member for member in archive if member.name.split("/")[1:3] == ["tests", "cache"]]
                # An attribute, which Pythons before 3.11.4 ignore; of an argument they would complain.
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
                archive.extractall(aside, wanted)
            # Whoever else runs the same tests may have been first: what is there then is as good.
            with contextlib.suppress(OSError):
                Path(aside, f"django-{version}").rename(place)
    assert place.is_dir()
    return place / "tests"


def _download(version: str, target: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-binary", ":all:", "--dest", str(target), f"Django=={version}"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"The source of Django {version} cannot be downloaded:\n{done.stderr}"


Outcomes = dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def outcomes(
    djangos_tests: Path, _redis_of_this_run: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Outcomes:
    """Exit code and output by engine; the three runs are side by side, since they mostly sleep."""
    server = _redis_of_this_run.start()
    start = _starter(djangos_tests, server, tmp_path_factory.mktemp("contract"))
    running = {engine: start(engine) for engine in ENGINES}
    said = {engine: process.communicate(timeout=240)[0] for engine, process in running.items()}
    return {engine: (process.returncode, said[engine]) for engine, process in running.items()}


def _starter(
    djangos_tests: Path, server: RedisServer, directory: Path
) -> Callable[[str], subprocess.Popen[str]]:
    roots = [PROJECT, djangos_tests, CHECKOUT / "apps"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}

    def start(engine: str) -> subprocess.Popen[str]:
        environment = {
            "PYTHONPATH": os.pathsep.join(map(str, roots)),
            "CONTRACT_ENGINE": engine,
            "CONTRACT_LOCATION": server.url(),
            "CONTRACT_DIRECTORY": str(directory / engine),
        }
        return subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-m", "django", "test", "contract_suite"),
                *("--settings", "contract_settings"),
            ],
            cwd=directory,
            env={**inherited, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.mark.slow
# One process for the three: they share one run of everything.
@pytest.mark.xdist_group("djangos own tests")
@pytest.mark.parametrize("contract_engine", ENGINES)
def test_djangos_own_cache_tests_pass(outcomes: Outcomes, contract_engine: str) -> None:
    code, said = outcomes[contract_engine]
    assert code == 0, said
    ran = re.search(r"^Ran (\d+) tests", said, re.MULTILINE)
    assert ran is not None, said
    assert int(ran[1]) >= AT_LEAST, said
