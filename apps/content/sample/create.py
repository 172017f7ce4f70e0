"""Writes sample articles into the database, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from content import cover_sizes, invalidation, markdown, slugs
from content.models import Article, Tag
from content.sample import covers, english, french
from content.sample.grammar import Theme, Tongue, Writer
from content.sample.people import sample_authors
from users.models import User

SEED = 1
BATCH = 500
OLDEST = timedelta(days=6 * 365)
# After so many titles that exist already, a number makes one new.
ATTEMPTS = 60
WITH_COVER = 0.85
SLUG_LENGTH = 100

LANGUAGES: dict[str, tuple[Tongue, tuple[Theme, ...]]] = {
    "en": (english.TONGUE, english.THEMES),
    "fr": (french.TONGUE, french.THEMES),
}
# What an article of any theme may also be.
EXTRA_TAGS = {"en": "Notebooks", "fr": "Carnets"}

Progress = Callable[[int, int], object]


@dataclass
class _Shelf:
    """What articles are made with: authors and tags by language, and what is taken already."""

    authors: dict[str, list[User]]
    tags: dict[str, Tag]
    titles: set[str]
    slugs: set[str]
    covers: set[str]


def create_sample_content(
    number: int,
    *,
    authors: Sequence[User] | None = None,
    progress: Progress | None = None,
    seed: int = SEED,
    now: datetime | None = None,
) -> int:
    """Add *number* published articles, half of them in each language, and return how many were added.

    Everything is added or nothing. Called again, it goes on where it stopped: the articles are
    others. The same seed on an empty site gives the same articles.

    Args:
        number: how many.
        authors: who shall have written them; invented people otherwise.
        progress: called with the number of articles done and wanted, now and then.
        seed: another one gives other articles.
        now: when the newest are published; the current moment otherwise.
    """
    if number <= 0:
        return 0
    now = now or timezone.now()
    with transaction.atomic():
        shelf = _prepare(authors)
        everybody = {user.pk for users in shelf.authors.values() for user in users}
        start = Article.objects.filter(author__in=everybody).count()
        indexes = count(start)
        done = 0
        while done < number:
            batch = [_write(shelf, next(indexes), seed, now) for _ in range(min(BATCH, number - done))]
            _insert(batch)
            done += len(batch)
            if progress:
                progress(done, number)
        invalidation.forget_everything()
    return done


def _prepare(authors: Sequence[User] | None) -> _Shelf:
    people = list(authors or sample_authors())
    themes = [theme.tag for _tongue, themes in LANGUAGES.values() for theme in themes]
    rows = list(Article.objects.values_list("title", "slug"))
    return _Shelf(
        authors={code: [user for user in people if user.language == code] or people for code in LANGUAGES},
        tags={name: _tag(name) for name in (*themes, *EXTRA_TAGS.values())},
        titles={title for title, _slug in rows},
        slugs={slug for _title, slug in rows},
        covers=set(),
    )


def _tag(name: str) -> Tag:
    return Tag.objects.filter(name=name).first() or Tag.objects.create(name=name)


def _write(shelf: _Shelf, index: int, seed: int, now: datetime) -> tuple[Article, list[Tag]]:
    random = Random(f"{seed}.{index}")  # noqa: S311 - nothing here is secret
    language = tuple(LANGUAGES)[index % len(LANGUAGES)]
    tongue, themes = LANGUAGES[language]
    which = random.randrange(len(themes))
    writer = Writer(tongue, themes[which], random)
    piece = writer.piece(_new_title(shelf, writer))
    published_at, age = _moment(random, now)
    cover = _cover(shelf, which, random.randrange(covers.VARIANTS)) if random.random() < WITH_COVER else ""
    article = Article(
        author=random.choice(shelf.authors[language]),
        language=language,
        title=piece.title,
        slug=_new_slug(shelf, piece.title),
        summary=piece.summary,
        body=piece.body,
        word_count=markdown.count_words(piece.body),
        status=Article.Status.PUBLISHED,
        created_at=published_at - timedelta(hours=random.uniform(1, 240)),
        published_at=published_at,
        # Said here and not set later: the field would open each file to measure it.
        cover=cover,
        cover_width=covers.WIDTH if cover else None,
        cover_height=covers.HEIGHT if cover else None,
        cover_widths=list(cover_sizes.WIDTHS) if cover else [],
        updated_at=published_at
        + min(age, timedelta(days=30))
        * (random.random() < 0.3)
        * random.random(),  # some are corrected within a month
    )
    return article, [shelf.tags[name] for name in _tag_names(language, themes, which, random)]


def _new_title(shelf: _Shelf, writer: Writer) -> str:
    title = writer.title()
    for attempt in count(1):
        if title not in shelf.titles:
            break
        title = writer.title() if attempt < ATTEMPTS else f"{writer.title()} ({attempt - ATTEMPTS + 2})"
    shelf.titles.add(title)
    return title


def _new_slug(shelf: _Shelf, title: str) -> str:
    slug = slugs.first_free(slugs.slug_of(title, SLUG_LENGTH), shelf.slugs)
    shelf.slugs.add(slug)
    return slug


def _moment(random: Random, now: datetime) -> tuple[datetime, timedelta]:
    """When it was published, and how long ago that is. More is written lately than long ago."""
    age = timedelta(minutes=5) + OLDEST * random.random() ** 1.5
    published_at = (now - age).replace(microsecond=0)
    return published_at, now - published_at


def _tag_names(language: str, themes: Sequence[Theme], which: int, random: Random) -> list[str]:
    names = {themes[which].tag}
    if random.random() < 0.25:
        names.add(random.choice(themes).tag)
    if random.random() < 0.2:
        names.add(EXTRA_TAGS[language])
    return sorted(names)


def _cover(shelf: _Shelf, theme: int, variant: int) -> str:
    """Return the name of a cover's file; it and its smaller copies are drawn if they are not there yet."""
    name = f"covers/sample-{theme + 1}-{variant + 1}.webp"
    storage = Article.cover.field.storage
    if name not in shelf.covers:
        if not storage.exists(name):
            storage.save(name, ContentFile(covers.draw(theme, variant)))
        cover_sizes.lay_out(storage, name)
    shelf.covers.add(name)
    return name


def _insert(batch: list[tuple[Article, list[Tag]]]) -> None:
    Article.objects.bulk_create([article for article, _tags in batch])
    link = Article.tags.through
    link.objects.bulk_create(
        [link(article_id=article.pk, tag_id=tag.pk) for article, tags in batch for tag in tags]
    )
