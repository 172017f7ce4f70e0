"""Step 7: nothing is asked any more; everything that was entered is shown once."""

from __future__ import annotations

from installer.forms.base import StepForm


class SummaryForm(StepForm):
    """A button."""
