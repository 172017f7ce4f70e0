"""``manage.py install``: the whole installation, from flags, the environment and questions."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from installer import databases, requirements, runner, server
from installer.plan import CACHE_ENGINES, Faults, Plan, faults

PASSWORD_VARIABLE = "ADMIN_PASSWORD"  # noqa: S105
# Flag: what is asked for where it is missing.
QUESTIONS = {
    "site_name": "Name of the site",
    "admin_username": "User name of the administrator",
    "admin_email": "E-mail address of the administrator",
}
NOT_INSTALLED = "\nThe site is not installed. Once that is mended, give the same command again."


class Command(BaseCommand):
    help = "Install the site. What no flag says is asked for; the password comes from ADMIN_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        parser.add_argument("--noinput", action="store_true", help="ask nothing; what is missing is an error")
        parser.add_argument(
            "--database-url", default="", help="postgres://… or sqlite:////…; default: SQLite in VAR_DIR"
        )
        parser.add_argument("--site-name", default="")
        parser.add_argument("--site-url", default="", help="how visitors reach it: https://www.example.org")
        parser.add_argument("--language", default="", choices=[code for code, _name in settings.LANGUAGES])
        parser.add_argument("--admin-username", default="")
        parser.add_argument("--admin-email", default="")
        parser.add_argument("--cache", default="", choices=CACHE_ENGINES)
        parser.add_argument("--redis-url", default="", help="where Redis is, for --cache redis or auto")
        parser.add_argument(
            "--sample-content", type=int, default=0, metavar="N", help="create N sample articles"
        )
        parser.add_argument(
            "--reuse", action="store_true", help="take over the installation that the database holds"
        )
        parser.add_argument(
            "--check", action="store_true", help="list what the host offers, and look whether it would work"
        )

    def handle(self, **options: Any) -> None:
        """Install, or say in words why not."""
        url = self._whole_address("--database-url", options["database_url"])
        if url and url != self._whole_address("DATABASE_URL", settings.CONFIGURATION.database_url):
            sys.exit(self._install_elsewhere(url, options))
        try:
            self._install_here(options)
        except runner.InstallError as error:
            raise CommandError(f"{error}{'' if settings.INSTALLED else NOT_INSTALLED}") from error
        except (KeyboardInterrupt, EOFError) as error:
            raise CommandError(f"Interrupted.{NOT_INSTALLED}") from error

    def _list_requirements(self) -> None:
        found = requirements.of_host()
        self.stdout.write(requirements.as_text(found))
        if requirements.stop(found):
            raise CommandError("Something has to be mended first: see the lines marked with ✗.")

    def _install_here(self, options: dict[str, Any]) -> None:
        if options["check"]:
            self._list_requirements()
        runner.require_database()
        is_installed = settings.INSTALLED or self._holds_installation()
        if is_installed:
            self._take_over(options)
        elif options["reuse"]:
            raise CommandError("There is no installation in that database to take over. Leave out --reuse.")
        else:
            self._install_anew(options)

    def _install_anew(self, options: dict[str, Any]) -> None:
        plan = self._plan(options)
        self._refuse(faults(plan))
        runner.require_writable_file()
        if options["check"]:
            self.stdout.write("Everything is in order: the same command without --check installs the site.")
            return
        runner.install(plan, self.stdout.write)
        address = (plan.site_url or server.base_url()).rstrip("/")
        self.stdout.write(
            self.style.SUCCESS(f"The site is installed. Log in as {plan.admin_username}: {address}/admin/")
        )

    def _take_over(self, options: dict[str, Any]) -> None:
        """An installed site: the same again is no error, anything else is."""
        found = self._differences(options)
        if found and not settings.INSTALLED and not options["reuse"]:
            raise CommandError(
                "That database already holds an installed site. To run this one on it, add --reuse; "
                f"otherwise name another database.{_in_lines(found)}"
            )
        if found:
            raise CommandError(
                f"The site is installed already, and nothing was changed. What differs:{_in_lines(found)}"
            )
        if not settings.INSTALLED and not options["check"]:
            runner.take_over(self._plan({**options, "noinput": True}), self.stdout.write)
        self.stdout.write("The site is installed in this database; nothing was changed in it.")

    def _differences(self, options: dict[str, Any]) -> Faults:
        plan = self._plan({**options, "noinput": True}, password="-")  # noqa: S106
        # Who does not say --reuse has to say which site it is.
        missing = (
            {} if options["reuse"] else {name: ["It is missing."] for name in QUESTIONS if not options[name]}
        )
        try:
            # Flags that were not given ask for nothing, whatever they mean on a new site.
            asked = replace(plan, language=options["language"], cache=options["cache"])
            return {**missing, **runner.differences(asked)}
        except DatabaseError:  # its tables are of an older version; whoever says --reuse has them updated
            return {} if options["reuse"] else missing or {"reuse": ["Its tables are of an older version."]}

    def _holds_installation(self) -> bool:
        try:
            return databases.holds_installation()
        except DatabaseError as error:
            raise runner.InstallError(databases.in_words(error)) from error

    # --- Another database than the one of this process ---

    def _whole_address(self, name: str, url: str) -> str:
        if not url:
            return ""
        try:
            databases.check_address(url)
        except databases.DatabaseProblem as error:
            raise CommandError(f"{name}: {error}") from error
        return databases.absolute(url)

    def _install_elsewhere(self, url: str, options: dict[str, Any]) -> int:
        """Run the installation in a process that is configured for *url* from its start.

        A second connection beside the default one would not do: models, the cache's settings,
        sessions and everything else that the steps call use the default one. So nothing of this
        process is bent; the child sees the address where a server would, in its environment, which
        also keeps it out of the list of processes.
        """
        if os.environ.get("DATABASE_URL"):
            raise CommandError(
                "DATABASE_URL in the environment names another database than --database-url, and the "
                "environment wins when the site runs. Change the variable, or leave out the flag."
            )
        if settings.INSTALLED:
            raise CommandError(
                "The site is installed already, in another database. Change its settings in /admin/"
            )
        environment = {**os.environ, "DATABASE_URL": url}
        words = [sys.executable, str(settings.BASE_DIR / "manage.py"), "install"]
        for name in (
            "site_name",
            "site_url",
            "language",
            "admin_username",
            "admin_email",
            "cache",
            "redis_url",
        ):
            words += [f"--{name.replace('_', '-')}={options[name]}"] if options[name] else []
        words += [f"--sample-content={options['sample_content']}"]
        words += [f"--{name}" for name in ("noinput", "reuse", "check") if options[name]]
        self.stdout.flush()
        return subprocess.run(words, env=environment, check=False).returncode  # noqa: S603

    # --- What is missing ---

    def _plan(self, options: dict[str, Any], password: str = "") -> Plan:
        asks = not options["noinput"] and sys.stdin.isatty()
        said = {name: options[name] or (self._ask(what) if asks else "") for name, what in QUESTIONS.items()}
        password = password or os.environ.get(PASSWORD_VARIABLE, "") or (self._ask_password() if asks else "")
        return Plan(
            site_name=said["site_name"],
            language=options["language"] or "en",
            admin_username=said["admin_username"],
            admin_email=said["admin_email"],
            admin_password=password,
            cache=options["cache"] or "auto",
            redis_url=options["redis_url"],
            site_url=options["site_url"],
            sample_content=options["sample_content"],
        )

    def _ask(self, question: str) -> str:
        return input(f"{question}: ").strip()

    def _ask_password(self) -> str:
        while True:
            password = getpass("Password of the administrator: ")
            if password == getpass("Once more: "):
                return password
            self.stderr.write("Those were two different ones.")

    def _refuse(self, found: Faults) -> None:
        if not found:
            return
        raise CommandError(f"The site is not installed. Please mend:{_in_lines(found)}")


def _in_lines(found: Faults) -> str:
    return "".join(f"\n  {_flag(name)}: {told}" for name, messages in found.items() for told in messages)


def _flag(name: str) -> str:
    return PASSWORD_VARIABLE if name == "admin_password" else f"--{name.replace('_', '-')}"
