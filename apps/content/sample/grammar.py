"""A small grammar: words of a subject and frames of a language become articles that can be read.

It knows nothing of a database. All chance comes from the generator that it is given, so the same
generator writes the same article.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SHORTEST = 320  # words
LONGEST = 2850  # words; the paragraph that reaches it may go a little beyond


@dataclass(frozen=True)
class Theme:
    """What can be said about one subject. Everything but ``facts`` is a part of a sentence."""

    tag: str
    subjects: tuple[str, ...]  # noun phrases in the singular
    does: tuple[str, ...]  # what any of them does
    topics: tuple[str, ...]  # what an article can be about
    places: tuple[str, ...]  # where
    facts: tuple[str, ...]  # whole sentences
    tips: tuple[str, ...]  # what one might do
    sayings: tuple[str, ...]
    headings: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]  # its first row is the head
    code: tuple[str, ...] = ()  # fenced blocks


@dataclass(frozen=True)
class Tongue:
    """How a language puts them together. Frames have slots: see ``_Words``."""

    titles: tuple[str, ...]
    summaries: tuple[str, ...]
    openings: tuple[str, ...]
    frames: tuple[str, ...]
    closings: tuple[str, ...]
    does: tuple[str, ...]
    people: tuple[str, ...]
    times: tuple[str, ...]
    spans: tuple[str, ...]
    qualities: tuple[str, ...]
    angles: tuple[str, ...]
    headings: tuple[str, ...]
    list_leads: tuple[str, ...]
    table_leads: tuple[str, ...]
    code_leads: tuple[str, ...]
    smooth: tuple[tuple[re.Pattern[str], str], ...]  # what the language changes where words meet


@dataclass(frozen=True)
class Piece:
    """A finished article."""

    title: str
    summary: str
    body: str


class Writer:
    """Writes about one theme in one language."""

    def __init__(self, tongue: Tongue, theme: Theme, random: Random) -> None:
        self.tongue = tongue
        self.theme = theme
        self.random = random
        self.does = tongue.does + theme.does
        self.facts = self._shuffled(theme.facts)
        self.sayings = self._shuffled(theme.sayings)
        self.headings = self._shuffled(theme.headings + tongue.headings)
        self.words = 0

    def title(self) -> str:
        """A headline."""
        return self._say(self.tongue.titles)

    def piece(self, title: str) -> Piece:
        """The article under that headline."""
        summary = self._say(self.tongue.summaries)
        # Most articles are short, a few very long.
        goal = SHORTEST + int((LONGEST - SHORTEST) * self.random.random() ** 4)
        blocks = [self._paragraph(self._say(self.tongue.openings))]
        while self.words < goal:
            blocks += self._section()
        blocks.append(self._counted(self._say(self.tongue.closings)))
        return Piece(title, summary, "\n\n".join(blocks) + "\n")

    def _section(self) -> list[str]:
        blocks = [f"# {self._counted(self.headings.pop())}"] if self.headings else []
        blocks += [self._paragraph() for _ in range(self.random.randint(1, 3))]
        extra = self.random.random()
        if extra < 0.25:
            blocks += self._list()
        elif extra < 0.40 and self.sayings:
            blocks.append(f"> {self._counted(self.sayings.pop())}")
        elif extra < 0.47:
            blocks += self._table()
        elif extra < 0.65 and self.theme.code:
            blocks += [self._counted(self._pick(self.tongue.code_leads)), self._pick(self.theme.code)]
        return blocks

    def _paragraph(self, first: str = "") -> str:
        sentences = [first] if first else []
        for _ in range(self.random.randint(3, 6)):
            if self.facts and self.random.random() < 0.3:
                sentences.append(self.facts.pop())
            else:
                sentences.append(self._say(self.tongue.frames))
        if self.random.random() < 0.15:
            sentences[-1] = f"*{sentences[-1]}*"
        return self._counted(" ".join(sentences))

    def _list(self) -> list[str]:
        tips = self.random.sample(self.theme.tips, min(len(self.theme.tips), self.random.randint(3, 5)))
        mark = "{}." if self.random.random() < 0.4 else "-"
        rows = [f"{mark.format(number)} {_capital(tip)}" for number, tip in enumerate(tips, 1)]
        return [self._counted(self._pick(self.tongue.list_leads)), self._counted("\n".join(rows))]

    def _table(self) -> list[str]:
        head, *rows = self.theme.table
        lines = [head, ("---",) * len(head), *rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return [self._counted(self._pick(self.tongue.table_leads)), table]

    def _say(self, frames: Sequence[str]) -> str:
        text = self._pick(frames).format_map(_Words(self))
        for pattern, replacement in self.tongue.smooth:
            text = pattern.sub(replacement, text)
        return _capital(text)

    def _counted(self, text: str) -> str:
        self.words += text.count(" ") + 1
        return text

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self.random.random() * len(choices))]

    def pick(self, slot: str) -> str:
        """Fill one slot of a frame."""
        match slot:
            case "thing" | "other":
                return self._pick(self.theme.subjects)
            case "does" | "also":
                return self._pick(self.does)
            case "topic":
                return self._pick(self.theme.topics)
            case "place":
                return self._pick(self.theme.places)
            case "tip":
                return self._pick(self.theme.tips)
            case _:
                return self._pick(getattr(self.tongue, slot))

    def _shuffled(self, choices: tuple[str, ...]) -> list[str]:
        return self.random.sample(choices, len(choices))


class _Words(dict[str, str]):
    """The slots of one frame. What was said once is not said again in the same sentence."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self.writer = writer

    def __missing__(self, slot: str) -> str:
        word = self.writer.pick(slot)
        while word in self.values():
            word = self.writer.pick(slot)
        self[slot] = word
        return word


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
