"""Step 6: Redis or files. What does not pass its test is not chosen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundWidget
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from cacheadmin import encryption, guard
from cacheadmin.connection import ConnectionTest, deep_test, simple_test
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import without_password
from cacheadmin.forms import ConnectionForm
from installer import redis_found
from installer.answers import NOTHING, Answer, Answers
from installer.fixed import Fixed, fixed
from installer.forms.base import LONGEST, StepForm, in_own_words

REDIS, FILE = "redis", "file"
# The name under which the address is kept, encrypted, as it holds the password.
ADDRESS = "address"


class CacheForm(StepForm):
    """Which engine; where Redis is says ``place``, the form that the cache page uses too."""

    engine = forms.ChoiceField(
        label=_("Cache"), choices=[(REDIS, _("Redis")), (FILE, _("Files"))], widget=forms.RadioSelect
    )

    # What the test that this form was sent for said.
    result: ConnectionTest | None = None

    def __init__(self, slug: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(slug, *args, **kwargs)
        saved = encryption.decrypt(self.kept.secrets.get(ADDRESS, ""))
        known = {name: value for name, value in self.initial.items() if name != "engine"}
        self.place = ConnectionForm(self.data or None, saved=saved, is_guarded=True, initial=known)

    @property
    def tiles(self) -> list[tuple[BoundWidget, Promise]]:
        """The engines, each in its own words."""
        is_known = bool(self.kept.values or self.fixed) or self.found.best is not None
        words = {
            REDIS: _("Tested before it is used.")
            if is_known
            else _("None was found on this machine; it may be elsewhere."),
            FILE: _("In the site’s own directory. Works everywhere."),
        }
        return in_own_words(self["engine"], words)

    @cached_property
    def found(self) -> redis_found.Found:
        """What was found on this machine."""
        return redis_found.look(self.answers)

    @property
    def fixed(self) -> str:
        """The address that the environment names: it wins over what is saved."""
        return fixed_address()

    @property
    def shown(self) -> Fixed | None:
        """The same as it may be shown."""
        return fixed("REDIS_URL", without_password(self.fixed)) if self.fixed else None

    @property
    def is_valid_place(self) -> bool:
        """Whether what was typed is an address, if one is needed."""
        return bool(self.fixed) or self.place.is_valid()

    @property
    def may_be_tried(self) -> bool:
        """Whether there is an address, and it leads nowhere that is nobody's business."""
        if self.fixed or not self.is_valid_place:
            return self.is_valid_place
        try:
            guard.require_allowed(self.place.address())
        except EngineUnavailable:
            return False
        return True

    @property
    def opens_more(self) -> bool:
        """Whether something stands in the fields that are usually folded away, or is wrong there."""
        names = ("socket", "username", "tls", "ca_file")
        return any(self.place[name].value() or self.place[name].errors for name in names)

    def presets(self) -> dict[str, Any]:
        """Redis where one was found, with its address; else files."""
        usual = {"host": "127.0.0.1", "port": 6379, "database": 0}
        best = self.found.best
        if best is None:
            return {**usual, "engine": FILE}
        return {**usual, **redis_found.as_fields(best.address), "engine": REDIS}

    def test(self, *, deep: bool) -> ConnectionTest | None:
        """Connect, and choose by what comes of it: Redis if it works, files if not.

        Returns:
            What came of it; ``None`` where what was typed is no address.
        """
        self.is_valid()
        if not self.is_valid_place:
            self.choose(FILE)
            return None
        address = self.fixed or self.place.address()
        is_guarded = not self.fixed
        if deep:
            prefixes = [str(cache["KEY_PREFIX"]) for cache in settings.CACHES.values()]
            self.result = deep_test(address, prefixes[0], prefixes[1:], is_guarded=is_guarded)
        else:
            self.result = simple_test(address, is_guarded=is_guarded)
        self.choose(REDIS if self.result.ok else FILE)
        return self.result

    def choose(self, engine: str) -> None:
        """Show *engine* as chosen, whatever was sent."""
        self.data = {**dict(self.data.items()), "engine": engine}
        self.cleaned_data["engine"] = engine

    def try_out(self) -> bool:
        """Whether what was chosen works; Redis that does not is given up for files, and that is said."""
        if self.cleaned_data["engine"] != REDIS:
            return True
        result = self.test(deep=True)
        return result is not None and result.ok

    def answer(self) -> Answer:
        """The engine, and the address where it counts."""
        return self._as_answer(self.cleaned_data["engine"], is_done=True)

    def draft(self) -> Answer:
        """What was typed; still done where nothing else was typed than before."""
        self.is_valid()
        engine = self.cleaned_data.get("engine", FILE)
        draft = self._as_answer(engine, is_done=False)
        is_same = (draft.values, self._kept_address()) == (self.kept.values, _open(draft))
        return Answer(draft.values, draft.secrets, self.kept.is_done and is_same and not self.result)

    def skipped(self) -> Answer:
        """Files, whatever was typed; that is kept for whoever comes back."""
        self.is_valid()
        return self._as_answer(FILE, is_done=True)

    def _as_answer(self, engine: str, *, is_done: bool) -> Answer:
        if self.place.is_valid():
            values, secrets = self.place.cleaned_data, {ADDRESS: encryption.encrypt(self.place.address())}
        else:
            values, secrets = self._typed(), self.kept.secrets
        kept = {name: value for name, value in values.items() if name != "password"}
        return Answer({**kept, "engine": engine}, secrets, is_done)

    def _typed(self) -> dict[str, Any]:
        fields = self.place.fields.items()
        typed = {name: field.widget.value_from_datadict(self.data, {}, name) for name, field in fields}
        return {name: value[:LONGEST] if isinstance(value, str) else value for name, value in typed.items()}

    def _kept_address(self) -> str:
        return _open(self.kept)


def fixed_address() -> str:
    """Return the address of Redis that REDIS_URL in the environment names."""
    return str(settings.CONFIGURATION.redis_url)


def choice(answers: Answers) -> tuple[str, str]:
    """Return the engine that was chosen, and the address to save with it (empty: the configured one)."""
    answer = answers.get("cache", NOTHING)
    engine = str(answer.values.get("engine") or FILE)
    return engine, _open(answer) if engine == REDIS and not fixed_address() else ""


def cache_in_words(answers: Answers) -> str:
    """Return what was chosen, for people; no password."""
    engine, address = choice(answers)
    if engine == FILE:
        return _now("Files")
    return f"Redis, {without_password(address or fixed_address())}"


def _open(answer: Answer) -> str:
    return encryption.decrypt(answer.secrets.get(ADDRESS, ""))
