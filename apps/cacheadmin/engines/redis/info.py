"""What a server says of itself when it is asked INFO."""

from __future__ import annotations


def facts(said: bytes) -> dict[str, str]:
    """Return the answer *said*, by the names of its fields."""
    lines = said.decode(errors="replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def number(text: str | None) -> int | None:
    """Return the number that a field holds; ``None`` where it is missing, or holds none."""
    return int(text) if text is not None and text.isdecimal() else None
