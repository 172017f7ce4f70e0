"""``manage.py cache``: look at the cache, choose its engine and lifetimes, empty it."""

from __future__ import annotations

import json
from typing import Any, cast

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from cacheadmin import clear, detect, moving, space, state, upkeep
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.report import GroupReport, Report, group_reports, report
from cacheadmin.verdicts import Verdict

_ENGINES = ("auto", "redis", "file", "memory", "off")
_MISUSE = 2


class Command(BaseCommand):
    """The actions of the cache page, for people and for scripts."""

    help = "Show the state of the cache, choose its engine and lifetimes, or clear it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        for name, text in (
            ("status", "which engine is live, and why"),
            ("use", "choose the engine"),
            ("ttl", "show how long entries of each group live, or change it for one"),
            ("claim", "say whether an installation whose keys in Redis are taken was moved or copied"),
            ("clear", "empty the cache, or some of its groups; sessions and rate limits stay"),
        ):
            sub = subcommands.add_parser(name, help=text, description=text.capitalize() + ".")
            sub.add_argument("--alias", default="default", help="an alias of CACHES (default: %(default)s)")
            sub.add_argument("--json", action="store_true", help="print JSON for programs")
            if name == "use":
                sub.add_argument("engine", choices=_ENGINES)
                sub.add_argument("--redis-url", default="", help="the address of Redis; kept encrypted")
                sub.add_argument("--force", action="store_true", help="save an address that does not work")
            if name == "claim":
                sub.add_argument(
                    "answer",
                    choices=("moved", "copied"),
                    help="moved: take the keys over, the other installation is no more; "
                    "copied: get keys of its own, the other one goes on",
                )
            if name == "ttl":
                sub.add_argument("group", nargs="?", metavar="GROUP", help="only this group")
                sub.add_argument(
                    "seconds",
                    nargs="?",
                    type=int,
                    metavar="SECONDS",
                    help=f"save this lifetime, 1 to {state.LONGEST_LIFETIME}; what is stored keeps its own",
                )
                sub.add_argument("--reset", action="store_true", help="go back to the declared lifetime")
            if name == "clear":
                sub.add_argument(
                    "--group",
                    action="append",
                    metavar="NAME",
                    help="only this group; may be given several times",
                )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one subcommand."""
        if options["alias"] not in space.aliases():
            raise CommandError(
                f"There is no adaptive cache {options['alias']!r} in CACHES (there are: "
                f"{', '.join(space.aliases()) or 'none'}).",
                returncode=_MISUSE,
            )
        upkeep.tick()
        getattr(self, f"_{options['subcommand']}")(options)

    def _status(self, options: dict[str, Any]) -> None:
        found = report(options["alias"])
        if options["json"]:
            self._print_json(found.as_json())
        else:
            self._print_report(found)

    def _use(self, options: dict[str, Any]) -> None:
        engine, address = options["engine"], options["redis_url"]
        if engine == "redis" and not options["force"]:
            self._refuse_dead_address(options["alias"], address)
        try:
            state.save_choice(options["alias"], engine=engine, location=address, actor="manage.py")
        except (DatabaseError, ImproperlyConfigured) as error:
            raise _not_saved("choice", error, "set OPTIONS['ENGINE'] in CACHES") from error
        self._status(options)

    def _refuse_dead_address(self, alias: str, address: str) -> None:
        space = cast(AdaptiveCache, caches[alias]).space
        candidate = detect.examine(address or space.selector.configured.location, space.namespace)
        if not candidate.is_usable:
            raise CommandError(
                f"Redis at {candidate.address} cannot be used: {candidate.verdict.label}. "
                "Nothing was changed. Mend the address, or say --force to save it all the same."
            )

    def _claim(self, options: dict[str, Any]) -> None:
        try:
            (moving.moved if options["answer"] == "moved" else moving.copied)(actor="manage.py")
        except EngineUnavailable as error:
            raise CommandError(
                f"Redis cannot be reached: {error.verdict.label}. Nothing was changed."
            ) from error
        except (DatabaseError, ImproperlyConfigured, RuntimeError) as error:
            raise _not_saved("answer", error, "give this installation a KEY_PREFIX of its own") from error
        self._status(options)

    def _ttl(self, options: dict[str, Any]) -> None:
        name, seconds, alias = options["group"], options["seconds"], options["alias"]
        found = {group.name: group for group in group_reports(alias)}
        if name is not None and name not in found:
            raise _no_group(name)
        if options["reset"] and (name is None or seconds is not None):
            raise CommandError("Say --reset with one group and no seconds.", returncode=_MISUSE)
        if options["reset"] or seconds is not None:
            self._save_lifetime(name, seconds, alias)
            found = {group.name: group for group in group_reports(alias)}
        shown = [group for group in found.values() if name in (None, group.name)]
        if options["json"]:
            self._print_json({"alias": alias, "groups": {group.name: group.as_json() for group in shown}})
            return
        for group in shown:
            self.stdout.write(f"{group.name}: {_in_words(group)}")

    def _save_lifetime(self, name: str, seconds: int | None, alias: str) -> None:
        try:
            state.save_lifetime(name, seconds, alias=alias, actor="manage.py")
        except ValueError as error:
            raise CommandError(str(error), returncode=_MISUSE) from error
        except (DatabaseError, ImproperlyConfigured) as error:
            raise _not_saved("lifetime", error, "declare it in cache_groups.py") from error

    def _clear(self, options: dict[str, Any]) -> None:
        try:
            cleared = clear.clear(options["group"], alias=options["alias"], actor="manage.py")
        except KeyError as error:
            raise _no_group(error.args[0]) from error
        except clear.ProtectedGroup as error:
            raise CommandError(
                f"The group {error.args[0]!r} is protected in this cache, and nothing was cleared. "
                f"Where it has an alias of its own, name that too: --alias … --group {error.args[0]}.",
                returncode=_MISUSE,
            ) from error
        if options["json"]:
            self._print_json(
                {
                    "ok": True,
                    "cleared": cleared.groups,
                    "spared": cleared.spared,
                    "ms": round(cleared.ms, 1),
                }
            )
            return
        self.stdout.write(f"Cleared: {', '.join(cleared.groups)} ({cleared.ms:.1f} ms).")
        if cleared.spared:
            self.stdout.write(f"Spared: {', '.join(cleared.spared)}.")

    def _print_json(self, data: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(data, indent=2))

    def _print_report(self, found: Report) -> None:
        status = found.status
        state_word = self.style.WARNING("degraded") if status.is_degraded else self.style.SUCCESS("working")
        since = timezone.localtime(status.since).strftime("%Y-%m-%d %H:%M:%S %Z")
        self.stdout.write(f"Engine:  {status.engine} ({state_word}), choice: {status.choice}, since {since}")
        self.stdout.write(f"Reason:  {found.reason}")
        for tried in found.tried:
            took = "" if tried.ms is None else f" ({tried.ms:.0f} ms)"
            if tried.verdict is Verdict.TAKEN:
                took = f"; it runs at {tried.detail}"
            self.stdout.write(f"Tried:   {tried.engine} at {tried.address}: {tried.verdict.label}{took}")
        if found.contents.entries is not None:
            self.stdout.write(f"Entries: {found.contents.entries}, {found.contents.size} bytes")
        for group in found.groups:
            spared = ", spared by clear" if group.protected else ""
            self.stdout.write(f"Group:   {group.name}: {_in_words(group)}{spared}")


def _in_words(group: GroupReport) -> str:
    declared = "as the alias says" if group.declared is None else f"{group.declared} s"
    return declared if group.saved is None else f"{group.saved} s, saved (declared: {declared})"


def _no_group(name: str) -> CommandError:
    return CommandError(
        f"There is no group {name!r}. `manage.py cache status` lists the groups.", returncode=_MISUSE
    )


def _not_saved(what: str, error: Exception, instead: str) -> CommandError:
    return CommandError(
        f"The {what} cannot be saved ({type(error).__name__}): the database is out of reach, or has "
        f"no table for it yet. Run `manage.py migrate`, or {instead}."
    )
