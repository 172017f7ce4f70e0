"""A small grammar: words of a subject and frames of a language become articles that can be read.

It knows nothing of a database. All chance comes from the generator that it is given, so the same
generator writes the same article.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SHORTEST = 340  # words
LONGEST = 2550  # words; the section that reaches it goes up to 400 beyond


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
    """Writes one article about one theme. It has a cast of its own, so that it stays with its subject."""

    def __init__(self, tongue: Tongue, theme: Theme, random: Random) -> None:
        self.tongue = tongue
        self.theme = theme
        self.random = random
        topic, other_topic = random.sample(theme.topics, 2)
        things = tuple(random.sample(theme.subjects, 5))
        does = tongue.does + theme.does
        self.cast: dict[str, Sequence[str]] = {
            "thing": things,
            "other": things,
            "does": does,
            "also": does,
            "topic": (topic,),
            "place": random.sample(theme.places, 4),
            "tip": theme.tips,
            "people": random.sample(tongue.people, 4),
            "times": tongue.times,
            "spans": random.sample(tongue.spans, 4),
            "qualities": random.sample(tongue.qualities, 6),
            "angles": tongue.angles,
        }
        self.digression = other_topic
        self.facts = self._shuffled(theme.facts)
        self.sayings = self._shuffled(theme.sayings)
        self.headings = self._shuffled(theme.headings + tongue.headings)
        self.code = self._shuffled(theme.code)
        self.frames: list[str] = []
        self.has_table = False
        self.words = 0

    def title(self) -> str:
        """A headline."""
        return self._smoothed(self._filled(self._pick(self.tongue.titles)))

    def piece(self, title: str) -> Piece:
        """The article under that headline."""
        summary = self._smoothed(self._filled(self._pick(self.tongue.summaries)))
        # Most articles are short, a few very long.
        goal = SHORTEST + int((LONGEST - SHORTEST) * self.random.random() ** 4)
        blocks = [self._paragraph(self._filled(self._pick(self.tongue.openings)))]
        topic = self.cast["topic"][0]
        self.cast["topic"] = (topic, topic, topic, self.digression)
        while self.words < goal:
            blocks += self._section()
        blocks.append(self._block(self._filled(self._pick(self.tongue.closings))))
        return Piece(title, summary, "\n\n".join(blocks) + "\n")

    def _section(self) -> list[str]:
        blocks = [f"# {self._block(self.headings.pop())}"] if self.headings else []
        blocks += [self._paragraph() for _ in range(self.random.randint(1, 3))]
        extra = self.random.random()
        if extra < 0.25:
            blocks += self._list()
        elif extra < 0.40 and self.sayings:
            blocks.append(f"> {self._block(self.sayings.pop())}")
        elif extra < 0.48 and not self.has_table:
            blocks += self._table()
        elif extra < 0.70 and self.code:
            blocks += [self._block(self._pick(self.tongue.code_leads)), self.code.pop()]
            self.words += len(blocks[-1].split())
        return blocks

    def _paragraph(self, first: str = "") -> str:
        sentences = [first] if first else []
        for _ in range(self.random.randint(3, 6)):
            if self.facts and self.random.random() < 0.3:
                sentences.append(self.facts.pop())
            else:
                sentences.append(self._filled(self._next_frame()))
        if self.random.random() < 0.1:
            sentences[-1] = f"*{sentences[-1]}*"
        return self._block(" ".join(sentences))

    def _list(self) -> list[str]:
        tips = self.random.sample(self.theme.tips, self.random.randint(3, 5))
        mark = "{}." if self.random.random() < 0.4 else "-"
        rows = [f"{mark.format(number)} {_capital(tip)}" for number, tip in enumerate(tips, 1)]
        return [self._block(self._pick(self.tongue.list_leads)), self._block("\n".join(rows))]

    def _table(self) -> list[str]:
        self.has_table = True
        head, *rows = self.theme.table
        lines = [head, ("---",) * len(head), *rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return [self._block(self._pick(self.tongue.table_leads)), self._block(table)]

    def _next_frame(self) -> str:
        # None twice before each was there once.
        if not self.frames:
            self.frames = self._shuffled(self.tongue.frames)
        return self.frames.pop()

    def _filled(self, frame: str) -> str:
        return _capital(frame.format_map(_Words(self)))

    def _block(self, text: str) -> str:
        self.words += text.count(" ") + 1
        return self._smoothed(text)

    def _smoothed(self, text: str) -> str:
        for pattern, replacement in self.tongue.smooth:
            text = pattern.sub(replacement, text)
        return text

    def fill(self, slot: str) -> str:
        """Choose what stands in one slot of a frame."""
        return self._pick(self.cast[slot])

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self.random.random() * len(choices))]

    def _shuffled(self, choices: tuple[str, ...]) -> list[str]:
        return self.random.sample(choices, len(choices))


class _Words(dict[str, str]):
    """The slots of one frame. What was said once is not said again in the same sentence."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self.writer = writer

    def __missing__(self, slot: str) -> str:
        word = self.writer.fill(slot)
        while word in self.values():
            word = self.writer.fill(slot)
        self[slot] = word
        return word


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
