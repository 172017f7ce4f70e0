"""Search: PostgreSQL's full text where it is there, else every word somewhere in the article.

Results are listed newest first, like all articles, so that their pages can be turned by cursor.
"""

from __future__ import annotations

import re
import unicodedata

from django.db import connections
from django.db.models import BooleanField, Func, Q, Value

from content import keyset
from content.cards import ArticlePage, article_card
from content.models import Article
from content.queries import ArticleQuerySet

SHORTEST = 2
LONGEST = 100
MOST_WORDS = 8

# PostgreSQL's name for the grammar of each language. The migration that makes the index says the same.
GRAMMARS = {"en": "english", "fr": "french"}
ACCENTS = re.compile("[\u0300-\u036f]")


def tidy(text: str) -> str:
    """Return *text* as it is searched for: on one line, without what cannot be typed."""
    printable = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text)
    return " ".join(printable.split())


def found_page(language: str, query: str, cursor: str, size: int) -> ArticlePage:
    """Return one page of the published articles in *language* that contain *query*.

    Not cached: what people look for has no end, and what they look for again is rare.

    Raises:
        keyset.MalformedCursor: *cursor* is none of ours.
    """
    start = keyset.parse(cursor) if cursor else None
    page = matching(Article.objects.all(), language, query).for_lists().page(start, size)
    return ArticlePage(
        tuple(article_card(article) for article in page.articles),
        next_cursor=str(page.next_cursor or ""),
        previous_cursor=str(page.previous_cursor or ""),
    )


def matching(articles: ArticleQuerySet, language: str, query: str) -> ArticleQuerySet:
    """Keep the articles in *language* that contain *query*, which is tidy and not empty."""
    articles = articles.in_language(language)
    if connections[articles.db].vendor == "postgresql":
        grammar = Value(GRAMMARS.get(language, "simple"))
        return articles.filter(_FullText(grammar, Value(_without_accents(query))))
    for word in _words(query):
        articles = articles.filter(_anywhere(word))
    return articles


class _FullText(Func):
    # The column belongs to the database alone, which keeps it up to date: see the migration.
    template = '"content_article"."search_words" @@ websearch_to_tsquery(%(expressions)s)'
    output_field = BooleanField()


def _without_accents(text: str) -> str:
    # In the same steps as the migration, so that both sides fold alike.
    text = unicodedata.normalize("NFKD", text).replace("œ", "oe").replace("æ", "ae")
    return ACCENTS.sub("", text)


def _words(query: str) -> list[str]:
    # Apostrophes part words, for a text has one kind of them and a keyboard the other.
    words = re.findall(r"[^\s\"“”«»'’]+", query)
    return [word for word in words if len(word) >= SHORTEST][:MOST_WORDS] or words[:1] or [query]


def _anywhere(word: str) -> Q:
    # SQLite folds the case of ASCII letters only: other words are looked for in their usual forms.
    forms = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    found = Q()
    for form in sorted(forms):
        found |= Q(title__icontains=form) | Q(summary__icontains=form) | Q(body__icontains=form)
    return found
