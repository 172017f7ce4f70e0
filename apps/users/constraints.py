"""A unique constraint that knows to which field of a form its message belongs."""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import Func, UniqueConstraint


class UniqueIgnoringCase(UniqueConstraint):
    """``UniqueIgnoringCase(Lower("email"), name=…)``: a violation is reported on ``email``.

    Django reports a constraint over an expression as an error of the whole form.
    """

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Check an instance against the other rows.

        Raises:
            ValidationError: another row holds the same value; the error names the field.
        """
        try:
            super().validate(*args, **kwargs)
        except ValidationError as error:
            raise ValidationError({self._field_name: error}) from error

    @property
    def _field_name(self) -> str:
        (column,) = cast(Func, self.expressions[0]).get_source_expressions()
        return str(cast(Any, column).name)
