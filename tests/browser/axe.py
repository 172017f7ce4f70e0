"""The accessibility rules of axe-core, run inside a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_name("vendor") / "axe.min.js"
# Everything WCAG 2.2 AA asks for, and what the makers of axe call good practice.
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


@cache
def _source() -> str:
    return SCRIPT.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """One line for each rule that *page* breaks, with the elements that break it."""
    # Evaluated by the debugger and not added as a script element, so the page's CSP stays as it is.
    page.evaluate(_source())
    result: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: "
        + "; ".join(f"{node['html'][:160]} [{_why(node)}]" for node in found["nodes"][:4])
        for found in result["violations"]
    ]


def _why(node: dict[str, Any]) -> str:
    reasons = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return " / ".join(str(reason) for reason in reasons[:2])
