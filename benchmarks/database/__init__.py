"""Two hundred thousand articles on SQLite and PostgreSQL: what lists, the sitemap and a search cost."""
