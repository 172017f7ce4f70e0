"""Full text where there is PostgreSQL: a column that the database fills by itself, and its index."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# Title before summary before text, by the grammar of the article's language. What is beyond the longest
# text that the forms take is not searched: PostgreSQL limits the size of a column of words.
ADD_COLUMN = """
ALTER TABLE content_article ADD COLUMN search_words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector({grammar}, title), 'A')
    || setweight(to_tsvector({grammar}, summary), 'B')
    || setweight(to_tsvector({grammar}, left(body, 200000)), 'C')
) STORED
"""
GRAMMAR = """CASE language
    WHEN 'en' THEN 'english'::regconfig WHEN 'fr' THEN 'french'::regconfig ELSE 'simple'::regconfig
END"""


def add_search(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ADD_COLUMN.format(grammar=GRAMMAR))
        schema_editor.execute("CREATE INDEX article_search ON content_article USING gin (search_words)")


def remove_search(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE content_article DROP COLUMN search_words")


class Migration(migrations.Migration):
    dependencies = [("content", "0001_initial")]

    operations = [migrations.RunPython(add_search, remove_search)]
