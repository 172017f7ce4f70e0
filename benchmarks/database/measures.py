"""Measures the database of the settings, once it has been filled; prints the rows as JSON."""

from __future__ import annotations

import inspect
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks.database.rows import Row  # noqa: E402
from content import search, sitemaps  # noqa: E402
from content.keyset import Cursor, Direction  # noqa: E402
from content.models import Article, Tag  # noqa: E402
from content.queries import ArticleQuerySet, beside  # noqa: E402
from tests.content import large  # noqa: E402
from users.models import User  # noqa: E402

SIZE = 20
TIMES = 9
# Of PostgreSQL's full text.
SLOWEST_SEARCH = 50.0
# A last page to a first one, in work.
MOST = {"sqlite": 1.5, "postgresql": 2.0}
_INDEX = re.compile(
    r"content_article_pkey|INTEGER PRIMARY KEY|\barticle_(?:by|search)\w*|content_article_tags_\w+"
)


class Library:
    """The articles, and what is measured about them.

    Args:
        database: its name in the table.
        number: how many articles.
    """

    def __init__(self, database: str, number: int) -> None:
        self.database = database
        call_command("migrate", verbosity=0)
        people = [User(username=f"large{n}", email=f"large{n}@example.org") for n in range(large.AUTHORS)]
        first = User.objects.bulk_create(people)[0]
        self.common = Tag.objects.create(name="tenth")
        large.fill(first.pk, self.common.pk, number)
        self.author = User.objects.get(username="large7")
        self.rare = Tag.objects.create(name="rare")
        # The oldest ones: whoever walks from the newest on comes there last.
        oldest = Article.objects.order_by("published_at")[:200]
        Article.tags.through.objects.bulk_create(
            Article.tags.through(article_id=key, tag_id=self.rare.pk)
            for key in oldest.values_list("pk", flat=True)
        )
        # Not the very oldest: a row that is changed lies elsewhere afterwards, and last pages are measured.
        old = Article.objects.order_by("published_at").values("pk")[1000:2000]
        Article.objects.filter(pk__in=old).update(summary="Something bygone")
        with connection.cursor() as cursor:
            # Without what the change has left behind, as autovacuum would have it.
            cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")

    def lists(self) -> dict[str, Callable[[], ArticleQuerySet]]:
        """The lists of the site."""
        return {
            "all": Article.objects.all,
            "a language": lambda: Article.objects.in_language("fr"),
            "an author": lambda: Article.objects.filter(author=self.author),
            "a tag on a tenth": lambda: Article.objects.in_language("en").tagged(self.common.pk),
            "a tag on the 200 oldest": lambda: Article.objects.in_language("en").tagged(self.rare.pk),
        }

    def rows(self) -> Iterator[Row]:
        """Measure everything."""
        for name, articles in self.lists().items():
            yield from self._ends(name, articles)
        parts = len(sitemaps.beginnings())
        yield self._row("sitemap: where its parts begin", inspect.unwrap(sitemaps.beginnings))
        for part in (1, parts):
            read = partial(inspect.unwrap(sitemaps.articles_of), part)
            yield self._row(f"sitemap: part {part} of {parts}", read)
        for query in ("thousandth777", "everywhere thousandth142", "hundredth42", "everywhere", "bygone"):
            yield self._search(query)

    def _ends(self, name: str, articles: Callable[[], ArticleQuerySet]) -> Iterator[Row]:
        oldest = list(articles().published().order_by("published_at", "id")[: SIZE + 1])
        last = beside(oldest[-1], Direction.OLDER)
        back = Cursor(Direction.NEWER, last.moment, last.id)
        first = self._page(f"{name}: first page", articles, None)
        yield first
        most = MOST[connection.vendor]
        for words, cursor in (("last page", last), ("back from the last page", back)):
            row = self._page(f"{name}: {words}", articles, cursor)
            owed = {"owed": f"≤ {most} × the first", "is_met": row.work <= most * first.work}
            yield Row(**{**asdict(row), **owed})

    def _page(self, what: str, articles: Callable[[], ArticleQuerySet], cursor: Cursor | None) -> Row:
        return self._row(what, lambda: articles().for_lists().page(cursor, SIZE))

    def _search(self, query: str) -> Row:
        row = self._row(f"search: {query}", lambda: search.found_page("en", query, "", SIZE))
        if connection.vendor != "postgresql":
            return row
        owed = {"owed": f"< {SLOWEST_SEARCH:.0f} ms", "is_met": row.milliseconds < SLOWEST_SEARCH}
        return Row(**{**asdict(row), **owed})

    def _row(self, what: str, do: Callable[[], Any]) -> Row:
        taken = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            do()
            taken.append(1000 * (time.perf_counter() - begun))
        return Row(self.database, what, statistics.median(taken), large.work(do), index=_indexes(do))


def _indexes(do: Callable[[], Any]) -> str:
    with CaptureQueriesContext(connection) as queries:
        do()
    explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    found: dict[str, None] = {}
    for query in queries.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(explain + query["sql"])
            found.update(dict.fromkeys(_INDEX.findall(str(cursor.fetchall()))))
    return ", ".join(found)


if __name__ == "__main__":
    library = Library(sys.argv[1], int(sys.argv[2]))
    json.dump([asdict(row) for row in library.rows()], sys.stdout)
