"""Installs the site: tables, then everything in them at once, then the configuration file.

Each step can fail, and then the site is not installed and the same command can be given again:
tables that are there are kept, rows are written all together or not at all, and the file is
replaced in one step, last of all.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cacheadmin.models import load_choices
from cacheadmin.state import save_choice
from content.sample import create_sample_content
from core import history
from core.models import AdminHistory, SiteSettings
from installer import databases, server, site_file, state
from installer.models import Installation
from installer.plan import Faults, Plan, administrator, site_settings
from users.models import User

Say = Callable[[str], None]


BUSY = gettext_lazy("Another installation is running. Wait until it has ended.")


class InstallError(Exception):
    """A step failed; the message names it and says what to do. Nothing is half-installed."""


def install(plan: Plan, say: Say) -> None:
    """Carry out *plan*, which has been checked, on the configured database.

    Raises:
        InstallError: a step failed.
    """
    require_database()
    with _alone():
        _migrate(say)
        _fill(plan, say)
        _connect(say, plan)


def require_database() -> None:
    """Make sure that the site can live in the configured database.

    Raises:
        InstallError: it cannot.
    """
    try:
        databases.require_usable()
    except databases.DatabaseProblem as error:
        raise InstallError(_("Database: %(problem)s") % {"problem": error}) from error


def require_writable_file() -> None:
    """Make sure that the configuration can be written at the end, by writing what it holds already.

    Raises:
        InstallError: it cannot.
    """
    _write_file()


def take_over(plan: Plan, say: Say) -> None:
    """Make the installation that the configured database holds the one of this configuration.

    Of *plan*, only the addresses of the site count.

    Raises:
        InstallError: its tables could not be updated, or the file not be written.
    """
    with _alone():
        _migrate(say)
        _connect(say, plan)


def differences(plan: Plan) -> Faults:
    """Return what *plan* asks for and the configured database does not hold, by flag, in words.

    What is empty in *plan* asks for nothing.

    Raises:
        django.db.DatabaseError: the tables are of an older version.
    """
    site = SiteSettings.objects.filter(pk=1).first() or SiteSettings()
    choice = load_choices().get("default")
    engine, redis_url = (choice.engine, choice.location) if choice else ("auto", "")
    site_url = str(settings.CONFIGURATION.site_url)
    page = _("the administration, /admin/")
    cache_page = _("the cache page of the administration, /admin/")
    file = _("SITE_URL, in the environment or in %(path)s") % {"path": settings.SITE_FILE}
    asked_and_held = {
        "site_name": (plan.site_name.strip(), site.name, page),
        "language": (plan.language, site.language, page),
        "cache": (plan.cache, engine, cache_page),
        # Without a configuration file the address is still to be written.
        "site_url": (plan.site_url.rstrip("/") if settings.INSTALLED else "", site_url, file),
    }
    found: Faults = {
        name: [_("It is “%(value)s” here. To change it: %(place)s.") % {"value": held, "place": place}]
        for name, (asked, held, place) in asked_and_held.items()
        if asked and asked != held
    }
    # Addresses of Redis hold passwords: none is repeated.
    if plan.redis_url and plan.redis_url != redis_url:
        found["redis_url"] = [_("It is another one here. To change it: %(place)s.") % {"place": cache_page}]
    return {**found, **_other_owner(plan), **_other_samples(plan)}


def _other_owner(plan: Plan) -> Faults:
    owners = User.objects.filter(is_superuser=True)
    if plan.admin_username:
        owners = owners.filter(username__iexact=plan.admin_username)
    if plan.admin_email:
        owners = owners.filter(email__iexact=User.objects.normalize_email(plan.admin_email))
    if owners.exists():
        return {}
    words = _("There is no such administrator here. To make one: `manage.py createsuperuser`, or /admin/.")
    return {"admin_username" if plan.admin_username else "admin_email": [words]}


def _other_samples(plan: Plan) -> Faults:
    if not plan.sample_content:
        return {}
    told = AdminHistory.objects.filter(action="install").values_list("detail", flat=True)
    # Without an entry, which an owner may have cleared away, nobody knows how many were asked for.
    if not told.exists() or _samples_in_words(plan) in told:
        return {}
    return {"sample_content": [_("Sample articles are only written by the installation itself.")]}


def _samples_in_words(plan: Plan) -> str:
    return f"--sample-content {plan.sample_content}" if plan.sample_content else ""


def _migrate(say: Say) -> None:
    say(_("Creating or updating the tables"))
    databases.keep_private()
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise InstallError(_("Tables: %(problem)s") % {"problem": databases.in_words(error)}) from error


def _fill(plan: Plan, say: Say) -> None:
    try:
        with _without_leftovers(), transaction.atomic():
            # First of all: whoever installs into the same database meanwhile waits here, and then fails.
            Installation.objects.create(pk=1)
            _create_site(plan, say)
            if plan.sample_content:
                _create_samples(plan.sample_content, say)
    except IntegrityError as error:
        raise InstallError(_already_there(plan)) from error
    except DatabaseError as error:
        raise InstallError(_("Content: %(problem)s") % {"problem": databases.in_words(error)}) from error
    except OSError as error:
        raise InstallError(
            _("Content: %(path)s cannot be written (%(reason)s).")
            % {"path": error.filename or settings.VAR_DIR, "reason": error.strerror}
        ) from error


@contextmanager
def _without_leftovers() -> Iterator[None]:
    """When what is done inside fails, delete the files it has laid into MEDIA_ROOT, as rows are too."""
    root = Path(settings.MEDIA_ROOT)
    before = {root, *root.rglob("*")} if root.exists() else set()
    try:
        yield
    except BaseException:  # Ctrl-C as well
        # What is inside a directory comes after it in the alphabet.
        for path in sorted({root, *root.rglob("*")} - before, reverse=True):
            # The first failure is the one to tell of, not a second one here.
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise


def _create_site(plan: Plan, say: Say) -> None:
    say(_("Saving the settings of the site"))
    site = site_settings(plan)
    site.save()
    say(_("Creating the administrator"))
    user = administrator(plan)
    if plan.admin_password_hash:
        user.password = plan.admin_password_hash
    else:
        user.set_password(plan.admin_password)
    user.save()
    say(_("Choosing the cache"))
    save_choice("default", engine=plan.cache, location=plan.redis_url)
    entry = history.record(None, "install", site, detail=_samples_in_words(plan))
    entry.actor_name = "manage.py"
    entry.save(update_fields=["actor_name"])


def _create_samples(count: int, say: Say) -> None:
    say(_("Writing %(count)d sample articles") % {"count": count})
    create_sample_content(count, progress=lambda done, of: say(f"  {done:,} / {of:,}"))


def _connect(say: Say, plan: Plan) -> None:
    """The last step, by which the site is installed: one file takes the place of another."""
    say(_("Writing the configuration"))
    _write_file(**_final_values(plan))
    state.forget()
    if server.renew():
        say(_("The running server takes it over within some seconds."))
    elif _touch_restart_file():
        say(_("Passenger restarts the site with the next request."))


def _already_there(plan: Plan) -> str:
    if Installation.objects.exists():
        return _("Somebody else has just installed the site into this database.")
    return _(
        "The database already has a member with the user name %(name)s or the address %(email)s. "
        "Choose others, or an empty database."
    ) % {"name": plan.admin_username, "email": plan.admin_email}


def _final_values(plan: Plan) -> dict[str, Any]:
    values: dict[str, Any] = {
        "installed": True,
        "generation": int(site_file.read(settings.SITE_FILE).get("generation", 0)) + 1,
        "setup_token": None,
    }
    # Written down even where the environment said it: a server started without that variable must not
    # come up on another, empty database. The default is not, so that VAR_DIR can be moved.
    if settings.CONFIGURATION.database_url:
        values["database_url"] = settings.CONFIGURATION.database_url
    if plan.site_url:
        values["site_url"] = plan.site_url.rstrip("/")
    if plan.hosts:
        values["allowed_hosts"] = list(plan.hosts)
    if plan.origins:
        values["csrf_trusted_origins"] = list(plan.origins)
    return values


def _write_file(**changes: Any) -> None:
    try:
        Path(settings.SITE_FILE).parent.mkdir(parents=True, exist_ok=True)
        site_file.update(settings.SITE_FILE, **changes)
    except site_file.SiteFileError as error:
        raise InstallError(_("Configuration: %(problem)s") % {"problem": error}) from error
    except OSError as error:
        raise InstallError(
            _("Configuration: %(path)s cannot be made (%(reason)s).")
            % {"path": settings.VAR_DIR, "reason": error.strerror}
        ) from error


def _touch_restart_file() -> bool:
    """Passenger looks at this file; where it is in use, its directory exists."""
    directory = Path(settings.BASE_DIR, "tmp")
    if not directory.is_dir():
        return False
    try:
        (directory / "restart.txt").touch()
    except OSError:
        return False
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """One installation at a time in this VAR_DIR, and in this database."""
    require_writable_file()
    with Path(settings.VAR_DIR, ".installing").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InstallError(str(BUSY)) from error
        if not databases.lock_for_installation():
            raise InstallError(str(BUSY))
        yield
