"""Who tells the caches that something has changed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from content import invalidation
from content.models import Article, Tag, remove_unused_cover
from users.models import User

# What articles and their lists show of a person.
SHOWN_OF_AUTHORS = frozenset({"username", "first_name", "last_name", "bio"})


def connect() -> None:
    """Listen to everything that cached articles and lists are made from."""
    for signal, sender, receiver in (
        (post_save, Article, _article_saved),
        (pre_delete, Article, _article_goes),
        (post_delete, Article, _article_deleted),
        (m2m_changed, Article.tags.through, _tags_changed),
        (post_save, Tag, _tag_saved),
        (post_delete, Tag, _tag_deleted),
        (post_save, User, _person_saved),
        (post_delete, User, _person_deleted),
    ):
        signal.connect(receiver, sender=sender, dispatch_uid=f"content.{receiver.__name__}")


def _article_saved(instance: Article, raw: bool, using: str, **_: Any) -> None:
    if raw:
        # Loaded from a file, past save(): nobody knows where it stood.
        invalidation.forget_everything(using)
        return
    invalidation.forget_article(instance, instance.standing_before, instance.standing, using)


def _article_goes(instance: Article, **_: Any) -> None:
    # Afterwards nobody knows its tags any more.
    instance.tag_ids_before = list(instance.tags.values_list("pk", flat=True))


def _article_deleted(instance: Article, using: str, **_: Any) -> None:
    invalidation.forget_article(instance, instance.standing, None, using, tag_ids=instance.tag_ids_before)
    if instance.cover.name:
        transaction.on_commit(partial(remove_unused_cover, instance.cover.name), using, robust=True)


def _tags_changed(instance: Model, action: str, pk_set: set[int] | None, using: str, **_: Any) -> None:
    if action not in {"post_add", "post_remove", "post_clear"}:
        return
    if isinstance(instance, Article) and pk_set is not None:
        # As if it were new: it comes to subjects, or leaves them.
        invalidation.forget_article(instance, None, instance.standing, using, tag_ids=pk_set)
    else:
        invalidation.forget_everything(using)


def _tag_saved(created: bool, using: str, **_: Any) -> None:
    if created:
        invalidation.forget_lists(using)
    else:
        invalidation.forget_everything(using)


def _tag_deleted(using: str, **_: Any) -> None:
    invalidation.forget_everything(using)


def _person_saved(
    instance: User, created: bool, update_fields: Iterable[str] | None, using: str, **_: Any
) -> None:
    if created or (update_fields is not None and SHOWN_OF_AUTHORS.isdisjoint(update_fields)):
        return
    if Article.objects.filter(author_id=instance.pk).exists():
        invalidation.forget_everything(using)


def _person_deleted(using: str, **_: Any) -> None:
    # Whoever has written something cannot be deleted; the number of members still changes.
    invalidation.forget_lists(using)
