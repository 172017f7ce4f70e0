"""Full text where there is PostgreSQL: a column that the database fills by itself, and its index."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# By the grammar of the article's language, and without accents: who looks for "riviere" means "rivière", and
# "été" is summer, not a participle to be skipped. content/search.py folds what is looked for in the same way.
# What is beyond the longest text that the forms take is not searched: a column of words has a limit too.
ADD_COLUMN = """
ALTER TABLE content_article ADD COLUMN search_words tsvector GENERATED ALWAYS AS (
    to_tsvector(
        CASE language
            WHEN 'en' THEN 'english'::regconfig WHEN 'fr' THEN 'french'::regconfig ELSE 'simple'::regconfig
        END,
        regexp_replace(
            replace(replace(
                normalize(title || ' ' || summary || ' ' || left(body, 200000), NFKD), 'œ', 'oe'), 'æ', 'ae'),
            '[\u0300-\u036f]', '', 'g'
        )
    )
) STORED
"""


def add_search(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ADD_COLUMN)
        schema_editor.execute("CREATE INDEX article_search ON content_article USING gin (search_words)")


def remove_search(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE content_article DROP COLUMN search_words")


class Migration(migrations.Migration):
    dependencies = [("content", "0001_initial")]

    operations = [migrations.RunPython(add_search, remove_search)]
