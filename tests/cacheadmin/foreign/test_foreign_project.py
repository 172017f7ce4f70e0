"""Another project installs the distribution, adds a few lines of settings, and has the cache."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.process import free_port
from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT

PROJECT = Path(__file__).with_name("project")
APP = CHECKOUT / "apps" / "cacheadmin"

Shop = Callable[..., str]


def run(*command: str | Path, **environment: str) -> str:
    """Run a command to its end and return what it printed; its failure is the test's."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTHON"))
    }
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env={**inherited, **environment},
        timeout=300,
    )
    assert done.returncode == 0, f"{' '.join(words)} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel of django-cacheadmin, built from this checkout."""
    target = tmp_path_factory.mktemp("wheel")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(target)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return zipfile.Path(next(target.glob("django_cacheadmin-*.whl")))


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but what `pip install .` brings; the path of its Python."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    # The versions that the rest of the suite runs with.
    pinned = re.findall(r"^[\w.\[\],-]+==[^ ;\\]+", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE)
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(re.sub(r"\[.*?\]", "", line) for line in pinned))
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", constraints, CHECKOUT)
    return python


@pytest.fixture
def shop(empty_environment: Path, redis_url: str, tmp_path: Path) -> Shop:
    """Run ``manage.py shell -c …`` in the foreign project: ``shop(code, engine="auto", redis="…")``."""

    def execute(code: str, *, engine: str = "auto", redis: str = redis_url) -> str:
        return run(
            *(empty_environment, "-W", "error", "manage.py", "shell", "--no-imports", "-c", code),
            SHOP_ENGINE=engine,
            SHOP_REDIS=redis,
            SHOP_DIRECTORY=str(tmp_path / "cache"),
        ).strip()

    return execute


def test_the_wheel_holds_the_app_and_nothing_of_the_site(wheel: zipfile.Path) -> None:
    names = wheel.root.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"cacheadmin"}
    assert not [name for name in names if name.endswith(".pyc")]


def test_the_wheel_holds_every_file_of_the_app(wheel: zipfile.Path) -> None:
    names = set(wheel.root.namelist())
    sources = {
        f"cacheadmin/{path.relative_to(APP).as_posix()}"
        for path in APP.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".mo"}
    }
    assert sources <= names
    assert "cacheadmin/py.typed" in names
    assert any(name.startswith("cacheadmin/migrations/0001") for name in names)


def test_the_wheel_holds_compiled_catalogues_that_git_does_not(wheel: zipfile.Path) -> None:
    names = set(wheel.root.namelist())
    catalogues = [path.relative_to(APP) for path in APP.rglob("*.po")]
    assert catalogues
    for catalogue in catalogues:
        assert f"cacheadmin/{catalogue.with_suffix('.mo').as_posix()}" in names


def test_the_wheel_names_its_version_and_its_own_licence(wheel: zipfile.Path) -> None:
    import cacheadmin

    metadata = next(path for path in wheel.iterdir() if path.name.endswith(".dist-info")) / "METADATA"
    text = metadata.read_text()
    assert "Name: django-cacheadmin\n" in text
    assert f"Version: {cacheadmin.__version__}\n" in text
    assert "License-Expression: BSD-3-Clause\n" in text


@pytest.mark.slow
@pytest.mark.parametrize("shop_engine", ["redis", "file"])
def test_what_one_process_keeps_another_one_finds(shop: Shop, shop_engine: str) -> None:
    shop("from django.core.cache import cache; cache.set('toys:1', ('bear', 3))", engine=shop_engine)
    found = shop("from django.core.cache import cache; print(cache.get('toys:1'))", engine=shop_engine)
    assert found == "('bear', 3)"


@pytest.mark.slow
def test_memory_keeps_it_for_the_process(shop: Shop) -> None:
    code = "from django.core.cache import cache; cache.set('toys:1', {1}); print(cache.get('toys:1'))"
    assert shop(code, engine="memory") == "{1}"


@pytest.mark.slow
def test_auto_takes_the_redis_it_was_pointed_at(shop: Shop, redis_server: RedisServer) -> None:
    shop("from django.core.cache import cache; cache.set('toys:1', 'bear', None)")
    with redis_server.client() as client:
        assert [key for key in client.scan_iter() if b"toys:1" in key]


@pytest.mark.slow
def test_redis_that_is_not_there_is_replaced_by_files(shop: Shop) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    shop("from django.core.cache import cache; cache.set('toys:1', 'bear')", engine="redis", redis=nobody)
    found = shop(
        "from django.core.cache import cache; print(cache.get('toys:1'))", engine="redis", redis=nobody
    )
    assert found == "bear"


@pytest.mark.slow
def test_a_view_computes_its_price_once(shop: Shop) -> None:
    code = (
        "from django.test import Client\n"
        "answers = [Client().get('/price/7/').json() for _ in range(3)]\n"
        "print([answer['computed'] for answer in answers], answers[0]['cents'])"
    )
    assert shop(code, engine="file") == "[1, 1, 1] 1393"


@pytest.mark.slow
def test_the_few_lines_pass_djangos_checks(empty_environment: Path, redis_url: str, tmp_path: Path) -> None:
    environment = {"SHOP_ENGINE": "file", "SHOP_REDIS": redis_url, "SHOP_DIRECTORY": str(tmp_path / "cache")}
    said = run(empty_environment, "manage.py", "check", "--fail-level", "WARNING", **environment)
    assert "no issues" in said
