"""The files of the checkout, without what is made from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
MADE = {
    ".git", ".venv", "var", "staticfiles", "node_modules", "dist", "build", "htmlcov", "__pycache__",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache", ".djlint_cache",
}  # fmt: skip
OF_OTHERS = {CHECKOUT / "static" / "vendor", CHECKOUT / "tests" / "browser" / "vendor"}


def written(*suffixes: str, below: Path = CHECKOUT) -> Iterator[Path]:
    """The files that people wrote, of all kinds or of those *suffixes*, in order."""
    for path in sorted(below.iterdir()):
        if path.is_dir():
            if path.name not in MADE and path not in OF_OTHERS and not path.is_symlink():
                yield from written(*suffixes, below=path)
        elif path.suffix != ".mo" and (not suffixes or path.suffix in suffixes):
            yield path


def short(path: Path) -> str:
    """The path as people write it."""
    return path.relative_to(CHECKOUT).as_posix()
