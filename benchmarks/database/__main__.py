"""Fill a SQLite and a PostgreSQL of their own with articles, measure both, and print the tables."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.database.rows import Row
from tests.content.large import NUMBER
from tests.servers.postgres import PostgresServer

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def main() -> int:
    """Run what was asked for; 1 if something that is owed was missed under --strict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.database", description=__doc__)
    parser.add_argument("--articles", type=int, default=NUMBER, help="how many there are")
    parser.add_argument("--strict", action="store_true", help="fail on a missed target")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-database-") as directory:
        rows = _measured("SQLite", f"sqlite:///{directory}/articles.sqlite3", directory, arguments.articles)
        # Autovacuum and syncing are for the server that lives on; here nothing is written once it is filled.
        with PostgresServer() as server:
            rows += _measured("PostgreSQL", server.create_database("articles"), directory, arguments.articles)
    print(table(rows))
    missed = [row for row in rows if not row.is_met]
    print(f"{len(missed)} of {len(rows)} rows miss what is owed.")
    return 1 if missed and arguments.strict else 0


def table(rows: list[Row]) -> str:
    """The figures, as Markdown."""
    lines = ["| | | ms | work | owed | index | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        met = "met" if row.is_met else "MISSED"
        figures = f"{row.milliseconds:.1f} | {row.work:,}"
        lines.append(f"| {row.database} | {row.what} | {figures} | {row.owed} | {row.index} | {met} |")
    return "\n".join(lines) + "\n\nWork: steps of SQLite's machine, pages of 8 KB that PostgreSQL touches.\n"


def _measured(name: str, url: str, directory: str, articles: int) -> list[Row]:
    # A process for each: Django's settings name one database.
    print(f"… {name}", file=sys.stderr, flush=True)
    environment = {"DATABASE_URL": url, "VAR_DIR": directory, "PYTHONPATH": f"{BASE_DIR}:{BASE_DIR / 'apps'}"}
    environment |= {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "only for this benchmark"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.database.measures", name, str(articles)],
        cwd=BASE_DIR,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [Row(**one) for one in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
