"""Markdown to HTML that is safe to show, whoever wrote it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

WORDS_A_MINUTE = 220

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
ADDRESS = re.compile(r"\]\([^)\s]*(?:\s[^)]*)?\)|<?https?://\S+")
LANGUAGE_OF_CODE = re.compile(r"language-[A-Za-z0-9+#-]{1,30}")
ALIGNMENTS = {f"text-align:{side}": f"align-{side}" for side in ("left", "center", "right")}

TAGS = {
    *("p", "h2", "h3", "h4", "h5", "h6", "br", "hr", "div"),
    *("a", "em", "strong", "s", "code", "img"),
    *("ul", "ol", "li", "blockquote", "pre"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "loading"},
    "ol": {"start"},
    "code": {"class"},
    "pre": {"tabindex"},
    "div": {"class", "tabindex"},
    "th": {"class"},
    "td": {"class"},
}
CLASSES = {"table-scroll", *ALIGNMENTS.values()}
SCHEMES = {"http", "https", "mailto"}


def render(source: str) -> str:
    """Return the HTML of *source*, safe to be put into a page as it is.

    The page's title is its only first-level heading, so headings start at the second. Raw HTML is
    shown as it was typed. Links carry ``rel``; other schemes than http, https and mailto are dropped.
    """
    return nh3.clean(
        _parser.render(source),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_keep_attribute,
        link_rel="noopener noreferrer",
        url_schemes=SCHEMES,
    )


def count_words(source: str) -> int:
    """Return how many words *source* has, addresses of links and images not counted."""
    return len(WORD.findall(ADDRESS.sub("] ", source)))


def reading_minutes(words: int) -> int:
    """Return how many minutes *words* take to read: at least one."""
    return max(1, math.ceil(words / WORDS_A_MINUTE))


def _keep_attribute(_tag: str, name: str, value: str) -> str | None:
    if name == "class" and value not in CLASSES and not LANGUAGE_OF_CODE.fullmatch(value):
        return None
    return value


def _fit_into_the_page(state: StateCore) -> None:
    """Adapt the tokens: heading levels, lazy images, classes where the policy forbids styles."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
        elif token.type in {"th_open", "td_open"}:
            alignment = ALIGNMENTS.get(str(token.attrs.pop("style", "")))
            if alignment:
                token.attrSet("class", alignment)
        for child in token.children or ():
            if child.type == "image":
                child.attrSet("loading", "lazy")


# What is wider than the page scrolls by itself, and with the keyboard too.
def _open_table(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return f'<div class="table-scroll" tabindex="0">{renderer.renderToken(tokens, index, options, env)}'


def _close_table(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return f"{renderer.renderToken(tokens, index, options, env)}</div>\n"


def _fenced_code(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return _reachable(RendererHTML.fence(renderer, tokens, index, options, env))


def _indented_code(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return _reachable(RendererHTML.code_block(renderer, tokens, index, options, env))


def _reachable(code: str) -> str:
    return code.replace("<pre>", '<pre tabindex="0">', 1)


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.core.ruler.push("fit_into_the_page", _fit_into_the_page)
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    parser.add_render_rule("fence", _fenced_code)
    parser.add_render_rule("code_block", _indented_code)
    return parser


_parser = _make_parser()
