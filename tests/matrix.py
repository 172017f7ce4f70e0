"""``python -m tests.matrix``: the suite on every Python from 3.11 to 3.13 that is installed here.

Further arguments go to pytest. The environments stay in ``.venv/matrix-<version>`` for the next time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13")
LOCKS = ("requirements.txt", "requirements-dev.txt")
# The browser and the checkout itself are the same under every Python.
SELECTED = "not browser and not project"


def main(arguments: Sequence[str]) -> int:
    """Run the suite on each; return 0 if all that is installed passed."""
    outcomes = {version: _run(version, arguments) for version in VERSIONS}
    print()
    for version, outcome in outcomes.items():
        print(f"Python {version}: {outcome}")
    return 0 if set(outcomes.values()) <= {"passed", "not installed here"} else 1


def _run(version: str, arguments: Sequence[str]) -> str:
    found = find_python(version)
    if found is None:
        return "not installed here"
    print(f"--- Python {version}: {found} ---", flush=True)
    folder = CHECKOUT / ".venv" / f"matrix-{version}"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([found, "-m", "venv", str(folder)], check=True)
    for lock in LOCKS:
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([str(python), *install, "-r", lock], cwd=CHECKOUT, check=True)
    suite = [str(python), "-m", "pytest", "--dist", "loadgroup", "-m", SELECTED, *arguments]
    done = subprocess.run(suite, cwd=CHECKOUT, check=False)
    return "passed" if done.returncode == 0 else "FAILED"


def find_python(version: str) -> str | None:
    """A Python of that version that really runs: the names on the search path may be empty shims."""
    return next((candidate for candidate in _candidates(version) if _is(candidate, version)), None)


def _candidates(version: str) -> Iterator[str]:
    found = shutil.which(f"python{version}")
    if found:
        yield found
    homes = [os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", Path.home() / ".local/share/uv"]
    for pattern in (f"versions/{version}.*/bin/python", f"python/cpython-{version}.*/bin/python"):
        for home in homes:
            yield from (str(path) for path in sorted(Path(home).glob(pattern)))


def _is(candidate: str, version: str) -> bool:
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([candidate, "-c", question], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == version


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
