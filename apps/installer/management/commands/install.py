"""``manage.py install``: the whole installation, from flags, the environment and questions."""

from __future__ import annotations

import os
import subprocess
import sys
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from installer import databases, runner, server
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
        parser.add_argument("--language", default="en", choices=[code for code, _name in settings.LANGUAGES])
        parser.add_argument("--admin-username", default="")
        parser.add_argument("--admin-email", default="")
        parser.add_argument("--cache", default="auto", choices=CACHE_ENGINES)
        parser.add_argument("--redis-url", default="", help="where Redis is, for --cache redis or auto")
        parser.add_argument(
            "--sample-content", type=int, default=0, metavar="N", help="create N sample articles"
        )
        parser.add_argument(
            "--reuse", action="store_true", help="take over the installation that the database holds"
        )
        parser.add_argument("--check", action="store_true", help="only look whether it would work")

    def handle(self, **options: Any) -> None:
        """Install, or say in words why not."""
        url = options["database_url"]
        if url and url != settings.CONFIGURATION.database_url:
            sys.exit(self._install_elsewhere(url, options))
        try:
            self._install_here(options)
        except runner.InstallError as error:
            raise CommandError(f"{error}{'' if settings.INSTALLED else NOT_INSTALLED}") from error
        except (KeyboardInterrupt, EOFError) as error:
            raise CommandError(f"Interrupted.{NOT_INSTALLED}") from error

    def _install_here(self, options: dict[str, Any]) -> None:
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
        if options["reuse"] or self._is_repeated(options):
            if not settings.INSTALLED and not options["check"]:
                runner.take_over(self.stdout.write, site_url=options["site_url"])
            self.stdout.write("The site is installed in this database; nothing was changed in it.")
            return
        if settings.INSTALLED:
            raise CommandError(
                "The site is installed already. Change its settings in the administration: /admin/"
            )
        raise CommandError(
            "That database already holds an installed site. To run this one on it, add --reuse; "
            "otherwise name another database."
        )

    def _is_repeated(self, options: dict[str, Any]) -> bool:
        try:
            return runner.is_identical(self._plan({**options, "noinput": True}, password="-"))  # noqa: S106
        except DatabaseError:  # its tables are of an older version
            return False

    def _holds_installation(self) -> bool:
        try:
            return databases.holds_installation()
        except DatabaseError as error:
            raise runner.InstallError(databases.in_words(error)) from error

    # --- Another database than the one of this process ---

    def _install_elsewhere(self, url: str, options: dict[str, Any]) -> int:
        """Run the installation in a process that is configured for *url* from its start.

        A second connection beside the default one would not do: models, the cache's settings,
        sessions and everything else that the steps call use the default one. So nothing of this
        process is bent; the child sees the address where a server would, in its environment, which
        also keeps it out of the list of processes.
        """
        try:
            databases.check_address(url)
        except databases.DatabaseProblem as error:
            raise CommandError(f"--database-url: {error}") from error
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
            language=options["language"],
            admin_username=said["admin_username"],
            admin_email=said["admin_email"],
            admin_password=password,
            cache=options["cache"],
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
        lines = [f"  {_flag(name)}: {message}" for name, messages in found.items() for message in messages]
        raise CommandError("\n".join(["The site is not installed. Please mend:", *lines]))


def _flag(name: str) -> str:
    return PASSWORD_VARIABLE if name == "admin_password" else f"--{name.replace('_', '-')}"
