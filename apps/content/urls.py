"""The pages that people read."""

from __future__ import annotations

from django.urls import path, register_converter

from content import feeds, views
from content.converters import SlugConverter, UsernameConverter

register_converter(SlugConverter, "article-slug")
register_converter(UsernameConverter, "username")

app_name = "content"

urlpatterns = [
    path("", views.home, name="home"),
    path("articles/", views.articles, name="articles"),
    path("articles/feed/", feeds.latest_articles, name="feed"),
    path("articles/<article-slug:slug>/", views.article, name="article"),
    path("authors/<username:username>/", views.author, name="author"),
    path("tags/<article-slug:slug>/", views.tag, name="tag"),
    path("search/", views.search, name="search"),
    path("dashboard/", views.dashboard, name="dashboard"),
]
