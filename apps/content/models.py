"""What is written: articles, and the tags that tell what they are about."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator, ProhibitNullCharactersValidator, RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from content import cover_sizes, markdown, slugs
from content.queries import NEWEST_FIRST, ArticleQuerySet
from content.shown import Standing

# Characters per body. A very long novel has more, but no page that one would want to load.
LONGEST_BODY = 200_000

IN_STANDING = ("slug", "language", "author", "status", "published_at")

# Feeds are XML, which has no place for control characters.
on_one_line = RegexValidator(
    r"[\x00-\x1f\x7f]", _("Leave out line breaks and control characters."), inverse_match=True
)


def cover_path(_article: Article, _filename: str) -> str:
    """Name a cover at random: what the visitor's file was called is nobody's business."""
    return f"covers/{secrets.token_hex(12)}.webp"


class Tag(models.Model):
    """A subject."""

    name = models.CharField(_("name"), max_length=50, unique=True, validators=[on_one_line])
    slug = models.SlugField(
        _("slug"),
        max_length=60,
        unique=True,
        allow_unicode=True,
        blank=True,
        help_text=_("Its part of the address. Left empty, it is made from the name."),
    )

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        """Its name."""
        return self.name

    def save(self, **options: Any) -> None:
        """Save, under a slug made from the name if there is none."""
        if not self.slug:
            others = Tag.objects.exclude(pk=self.pk)
            self.slug = slugs.free_slug(others, self.name, max_length=60, otherwise="tag")
        super().save(**options)

    def get_absolute_url(self) -> str:
        """Its page in the language of whoever asks."""
        return reverse("content:tag", args=[self.slug])


class Article(models.Model):
    """Something to read, in one language, written by one author."""

    class Status(models.TextChoices):
        """Who may read it: its author and the editors, or everybody from ``published_at`` on."""

        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="articles",
        verbose_name=_("author"),
        db_index=False,  # two indexes below begin with it
    )
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    tags = models.ManyToManyField(Tag, related_name="articles", verbose_name=_("tags"), blank=True)
    title = models.CharField(_("title"), max_length=200, validators=[on_one_line])
    slug = models.SlugField(
        _("slug"),
        max_length=120,
        unique=True,
        allow_unicode=True,
        blank=True,
        validators=[slugs.validate_not_reserved],
        help_text=_("Its part of the address. Left empty, it is made from the title."),
    )
    summary = models.CharField(
        _("summary"),
        max_length=500,
        blank=True,
        validators=[on_one_line],
        help_text=_("One or two sentences for lists, feeds and search engines."),
    )
    body = models.TextField(
        _("text"),
        blank=True,
        validators=[MaxLengthValidator(LONGEST_BODY), ProhibitNullCharactersValidator()],
        help_text=_("In Markdown. Headings begin with #, and come below the title."),
    )
    word_count = models.PositiveIntegerField(_("words"), default=0, editable=False)
    cover = models.ImageField(
        _("cover image"),
        upload_to=cover_path,
        width_field="cover_width",
        height_field="cover_height",
        blank=True,
    )
    cover_width = models.PositiveIntegerField(null=True, blank=True, editable=False)
    cover_height = models.PositiveIntegerField(null=True, blank=True, editable=False)
    # Of the smaller copies that lie beside the cover.
    cover_widths = models.JSONField(default=list, blank=True, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.DRAFT)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    published_at = models.DateTimeField(
        _("published"),
        null=True,
        blank=True,
        help_text=_("Left empty, it is the moment of publishing. In the future: it appears by itself then."),
    )
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    objects = ArticleQuerySet.as_manager()

    # Where it stood before it was saved last; for those who have to forget something then.
    standing_before: Standing | None = None
    tag_ids_before: Sequence[int] = ()

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = NEWEST_FIRST
        indexes = [
            # The lists: of one language, of all, of one author. Each is read in the order of its index.
            models.Index(fields=["status", "language", "-published_at", "-id"], name="article_by_language"),
            models.Index(fields=["status", "-published_at", "-id"], name="article_by_date"),
            models.Index(fields=["author", "status", "-published_at", "-id"], name="article_by_author"),
            # An author's desk: the newest first, published or not.
            models.Index(fields=["author", "-created_at"], name="article_by_creation"),
            # Which articles share a cover, before its file is removed.
            models.Index(fields=["cover"], name="article_by_cover"),
        ]
        constraints = [
            models.CheckConstraint(
                name="article_slug_not_reserved",
                condition=~Q(slug__in=sorted(slugs.RESERVED)),
                violation_error_message=_("This slug is an address of the site itself."),
            ),
            models.CheckConstraint(
                name="article_published_has_date",
                condition=Q(status="draft") | Q(published_at__isnull=False),
                violation_error_message=_("A published article needs a date."),
            ),
        ]

    def __str__(self) -> str:
        """Its title."""
        return self.title

    @property
    def reading_minutes(self) -> int:
        """How long it takes to read."""
        return markdown.reading_minutes(self.word_count)

    def get_absolute_url(self) -> str:
        """Its page, which is always in its own language."""
        with translation.override(self.language):
            return reverse("content:article", args=[self.slug])

    def clean(self) -> None:
        """Give a published article its date before it is checked for one."""
        super().clean()
        self._set_date()

    @property
    def standing(self) -> Standing:
        """Where it stands, which decides on what pages it is."""
        is_published = self.status == self.Status.PUBLISHED
        return Standing(self.slug, self.language, self.author_id, is_published, self.published_at)

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        """Save; count the words, lay smaller copies beside a new cover, fill in a missing date and slug.

        The file of a replaced cover is removed once the change is committed.
        """
        deferred = self.get_deferred_fields()
        stored = self._stored()
        self.standing_before = stored.standing if stored else None
        cover_before = stored.cover.name or "" if stored and "cover" not in deferred else ""
        self._set_date()
        self.updated_at = timezone.now()
        if "body" not in deferred:
            self.word_count = markdown.count_words(self.body)
        if "cover" not in deferred and (update_fields is None or "cover" in update_fields):
            self._lay_out_cover(cover_before)
        if update_fields is not None:
            update_fields = {*update_fields, "updated_at", *self._follows(update_fields)}
        if "slug" in deferred or self.slug:
            super().save(update_fields=update_fields, **options)
        else:
            self._save_under_a_free_slug(update_fields, options)
        if cover_before and cover_before != self.cover.name:
            transaction.on_commit(partial(remove_unused_cover, cover_before), robust=True)

    def _stored(self) -> Article | None:
        """The row as it is, so far as somebody may have to forget what was made of it."""
        if self._state.adding and self.pk is None:
            return None
        rows = Article.objects.filter(pk=self.pk).only(*IN_STANDING, "cover")
        if transaction.get_connection().in_atomic_block:
            # Nobody moves it in between, or some page would not be told.
            rows = rows.select_for_update()
        return rows.first()

    @staticmethod
    def _follows(update_fields: Iterable[str]) -> set[str]:
        together = {
            "body": ["word_count"],
            "status": ["published_at"],
            "cover": ["cover_width", "cover_height", "cover_widths"],
        }
        return {other for name in update_fields for other in together.get(name, [])}

    def _lay_out_cover(self, before: str) -> None:
        """Make the smaller copies of a cover that has just been chosen, or was kept before there were any."""
        # Written now and not while the row is: the copies are made of the file, and listed in the row.
        cover = Article.cover.field.pre_save(self, self._state.adding)
        if not cover:
            self.cover_widths = []
        elif cover.name != before or not self.cover_widths:
            self.cover_widths = cover_sizes.lay_out(cover.storage, cover.name)

    def _set_date(self) -> None:
        if self.status == self.Status.PUBLISHED and self.published_at is None:
            self.published_at = timezone.now()

    def _save_under_a_free_slug(self, update_fields: Iterable[str] | None, options: dict[str, Any]) -> None:
        # Somebody may take the slug between our look and our write, as a double click on "Save" does.
        others = Article.objects.exclude(pk=self.pk)
        for attempt in (1, 2, 3):
            self.slug = slugs.free_slug(others, self.title, max_length=120, otherwise="article")
            try:
                with transaction.atomic():
                    super().save(update_fields=update_fields, **options)
            except IntegrityError:
                if attempt == 3 or not others.filter(slug=self.slug).exists():
                    raise
            else:
                return


def remove_unused_cover(name: str) -> None:
    """Delete the file of a cover and its smaller copies, unless an article still shows it."""
    if name and not Article.objects.filter(cover=name).exists():
        Article.cover.field.storage.delete(name)
        cover_sizes.remove(Article.cover.field.storage, name)
