"""The form that articles are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from content import covers
from content.models import Article

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Article]
else:
    # Django's class takes no type argument at run time.
    ModelForm = forms.ModelForm


class CoverField(forms.ImageField):
    """An image, checked and written anew as WebP."""

    def to_python(self, data: Any) -> Any:
        """Return what is kept of the upload."""
        upload = forms.FileField.to_python(self, data)
        return covers.prepare(upload) if isinstance(upload, UploadedFile) else upload


class ArticleForm(ModelForm):
    """An article; slug and date may be left to the site."""

    cover = CoverField(
        label=capfirst(_("cover image")),
        required=False,
        help_text=_("A landscape works best, such as 1200 × 630 pixels. It is kept as WebP."),
    )

    class Meta:
        model = Article
        fields = "__all__"
        widgets = {
            "summary": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
            "body": forms.Textarea(attrs={"rows": 30, "class": "vLargeTextField"}),
        }
