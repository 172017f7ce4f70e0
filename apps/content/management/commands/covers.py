"""Lays smaller copies beside the covers that were uploaded before there were any."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from content import cover_sizes, invalidation
from content.models import Article


class Command(BaseCommand):
    help = "Make the smaller copies of covers that are missing, as after an update or a restored backup."

    def handle(self, *args: Any, **options: Any) -> None:
        """Look at each cover once, however many articles show it."""
        storage = Article.cover.field.storage
        shown = Article.objects.exclude(cover="")
        number = 0
        for name in list(shown.order_by("cover").values_list("cover", flat=True).distinct()):
            widths = cover_sizes.lay_out(storage, name)
            number += shown.filter(cover=name).exclude(cover_widths=widths).update(cover_widths=widths)
        if number:
            invalidation.forget_everything()
        self.stdout.write(f"Articles whose cover has new copies: {number}.")
