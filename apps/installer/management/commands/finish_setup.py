"""``manage.py finish_setup``: installs what was entered in the wizard. The wizard runs it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from installer import answers, progress, runner, state
from installer.forms.database import is_reused
from installer.plan import faults
from installer.setup_plan import plan_of
from installer.steps import next_to_answer


class Command(BaseCommand):
    help = "Install what was entered in the browser, as its last step does."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the language of the messages."""
        parser.add_argument("--language", default="", choices=["", *dict(settings.LANGUAGES)])

    def handle(self, *, language: str, **options: Any) -> None:
        """Install, and write down how far that is."""
        diary = progress.Diary()
        with translation.override(language or None):
            try:
                self._install(diary)
            except runner.InstallError as error:
                diary.fail(str(error))
                raise CommandError(str(error)) from error
        answers.forget()
        progress.forget()

    def _install(self, diary: progress.Diary) -> None:
        known = answers.load()
        if next_to_answer(known).slug != "summary":
            raise runner.InstallError(_("Some steps are not done yet. Go through them once more."))
        diary.say(_("Looking at the database"))
        runner.require_database()
        plan = plan_of(known)
        if is_reused(known):
            self._require_installation()
            runner.take_over(plan, diary.say)
            return
        if state.installed():
            raise runner.InstallError(
                _("That database already holds an installed site. Name another one in step 3.")
            )
        found = faults(plan)
        if found:
            raise runner.InstallError(" ".join(words for told in found.values() for words in told))
        runner.install(plan, diary.say)

    def _require_installation(self) -> None:
        if not state.installed():
            raise runner.InstallError(
                _("The installed site is not in that database any more. Look at step 3 again.")
            )
