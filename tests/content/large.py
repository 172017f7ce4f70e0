"""Two hundred thousand articles, made by the database itself in seconds, and how much work a query is.

Not time: what a list costs is counted in the steps of SQLite's machine or in the pages PostgreSQL touches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

NUMBER = 200_000
AUTHORS = 40
# Newest first, so that the newest article is the last row that was written.
FIRST_DAY = "2020-01-01 00:00:00"

_ROWS = {
    "sqlite": "WITH RECURSIVE rows(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM rows WHERE i < {number})",
    "postgresql": "WITH rows AS (SELECT i FROM generate_series(1, {number}) AS series(i))",
}
_MOMENT = {
    "sqlite": f"datetime('{FIRST_DAY}', '+' || i || ' minutes')",
    "postgresql": f"timestamptz '{FIRST_DAY}+00' + i * interval '1 minute'",
}
# Half of them French; one in fifty a draft. Of the words, one stands in every article, one in a
# hundredth of them, one in a thousandth.
_ARTICLES = """
INSERT INTO content_article (
    author_id, language, title, slug, summary, body, word_count, cover, cover_widths, status, created_at,
    published_at, updated_at
)
{rows}
SELECT
    {first_author} + i % {authors}, CASE i / {authors} % 2 WHEN 0 THEN 'en' ELSE 'fr' END, 'Article ' || i,
    'large-' || i, 'Summary of article ' || i, 'everywhere hundredth' || i % 100 || ' thousandth' || i % 1000,
    3, '', '[]', CASE i % 50 WHEN 0 THEN 'draft' ELSE 'published' END, {moment}, {moment}, {moment}
FROM rows
"""
_TAGS = """
INSERT INTO content_article_tags (article_id, tag_id)
SELECT id, {tag} FROM content_article WHERE slug LIKE 'large-%' AND id % 10 = 0
"""
_HISTORY = """
INSERT INTO core_adminhistory (
    actor_id, actor_name, action, target_type, target_id, target_repr, detail, timestamp
)
{rows}
SELECT {first_author} + i % {authors}, 'somebody', 'change', '', '', '', '', {moment} FROM rows
"""


def fill(first_author: int, tag: int, number: int = NUMBER) -> None:
    """Write the articles, a tag on a tenth of them, and as many entries of the admin history.

    Args:
        first_author: the key of the first of ``AUTHORS`` accounts whose keys follow each other.
        tag: the key of a tag.
        number: how many articles.
    """
    rows = _ROWS[connection.vendor].format(number=number)
    values = {
        "rows": rows,
        "moment": _MOMENT[connection.vendor],
        "first_author": first_author,
        "authors": AUTHORS,
        "tag": tag,
    }
    with connection.cursor() as cursor:
        for statement in (_ARTICLES, _TAGS, _HISTORY):
            cursor.execute(statement.format(**values))
        cursor.execute("ANALYZE")


def work(do: Callable[[], Any]) -> int:
    """Return how much work the queries of *do* are: steps (SQLite), or pages of 8 KB (PostgreSQL)."""
    if connection.vendor == "sqlite":
        with _counted_steps() as steps:
            do()
        return len(steps)
    with CaptureQueriesContext(connection) as queries:
        do()
    return sum(_pages(query["sql"]) for query in queries.captured_queries)


@contextmanager
def _counted_steps() -> Iterator[list[int]]:
    steps: list[int] = []
    connection.ensure_connection()
    # Called at each step of SQLite's machine; the answer None lets it go on.
    connection.connection.set_progress_handler(partial(steps.append, 1), 1)
    try:
        yield steps
    finally:
        connection.connection.set_progress_handler(None, 1)


def _pages(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement)
        found = cursor.fetchone()[0]
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
