"""The steps of the wizard, defined once: for the guard, the progress bar, back and next, and the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from installer.answers import NOTHING, Answers
from installer.forms.administrator import AdministratorForm
from installer.forms.base import StepForm
from installer.forms.cache import CacheForm
from installer.forms.database import DatabaseForm, is_reused
from installer.forms.requirements import RequirementsForm
from installer.forms.site import SiteForm
from installer.forms.summary import SummaryForm
from installer.forms.welcome import WelcomeForm


def _always(answers: Answers) -> bool:
    return True


def _on_a_new_site(answers: Answers) -> bool:
    return not is_reused(answers)


@dataclass(frozen=True)
class Step:
    """One page of the wizard.

    Args:
        slug: the last part of its address, and what its answer is kept under.
        title: its name in the progress bar.
        form: what it asks, how that is checked, and how it is kept.
        is_asked: whether it is part of the way, by what was answered before.
        tries_addresses: whether going on connects to what was typed.
    """

    slug: str
    title: Promise
    form: type[StepForm]
    is_asked: Callable[[Answers], bool] = _always
    tries_addresses: bool = False

    @property
    def template(self) -> str:
        """The name of its page."""
        return f"installer/{self.slug}.html"


STEPS = (
    Step("welcome", _("Welcome"), WelcomeForm),
    Step("requirements", _("Requirements"), RequirementsForm),
    Step("database", _("Database"), DatabaseForm, tries_addresses=True),
    # An installation that is taken over knows the rest.
    Step("site", _("Site"), SiteForm, _on_a_new_site),
    Step("administrator", _("Administrator"), AdministratorForm, _on_a_new_site),
    Step("cache", _("Cache"), CacheForm, _on_a_new_site, tries_addresses=True),
    Step("summary", _("Install"), SummaryForm),
)


@dataclass(frozen=True)
class Place:
    """A step as the progress bar shows it.

    Args:
        step: which one.
        number: counted from 1.
        is_done: whether its answer is known and good.
        is_open: whether one may go there.
        is_current: whether it is the page that shows this.
    """

    step: Step
    number: int
    is_done: bool
    is_open: bool
    is_current: bool


def asked(answers: Answers) -> list[Step]:
    """Return the steps of the way, in order."""
    return [step for step in STEPS if step.is_asked(answers)]


def next_to_answer(answers: Answers) -> Step:
    """Return the first step that is not done; the last one is never done before everything is."""
    way = asked(answers)
    return next((step for step in way if not _is_done(answers, step)), way[-1])


def find(slug: str) -> Step | None:
    """Return the step of that slug, whether it is asked or not."""
    return next((step for step in STEPS if step.slug == slug), None)


def is_open(answers: Answers, step: Step) -> bool:
    """Whether one may go to *step*: all before it are done."""
    way = asked(answers)
    return step in way and way.index(step) <= way.index(next_to_answer(answers))


def before(answers: Answers, step: Step) -> Step | None:
    """Return the step that *Back* leads to; ``None`` on the first one."""
    way = asked(answers)
    index = way.index(step)
    return way[index - 1] if index else None


def after(answers: Answers, step: Step) -> Step:
    """Return the step that *Next* leads to; never further than the first that is not done."""
    way = asked(answers)
    following = way[min(way.index(step) + 1, len(way) - 1)]
    return following if is_open(answers, following) else next_to_answer(answers)


def places(answers: Answers, current: Step) -> list[Place]:
    """Return what the progress bar shows."""
    return [
        Place(step, number, _is_done(answers, step), is_open(answers, step), step is current)
        for number, step in enumerate(asked(answers), 1)
    ]


def _is_done(answers: Answers, step: Step) -> bool:
    return answers.get(step.slug, NOTHING).is_done
