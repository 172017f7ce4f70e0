"""The people who use the site while it is hurt; each is a thread that goes on until it is told to stop."""

from __future__ import annotations

import random
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from html import unescape

from tests.servers.site import ADMIN, ADMIN_PASSWORD, Site
from tests.servers.visitor import TOKEN, Answer, Visitor
from tests.torture.http import record as facts
from tests.torture.http.record import Record

ARTICLES = 5
TALE = re.compile(r"Tale (\d+), version (\d+)\.")
LOGIN = "/accounts/login/"
# Of logins, from one address.
LIMIT, WINDOW = 10, 60
PASSWORD = "not so easily guessed"


class Player(threading.Thread):
    """Somebody who does one thing again and again.

    Args:
        site: the site.
        record: where facts go.
        over: set when the scene is over.
    """

    pause = 0.02

    def __init__(self, site: Site, record: Record, over: threading.Event) -> None:
        super().__init__(name=type(self).__name__, daemon=True)
        self.site, self.record, self.over = site, record, over
        self.visitor = site.visitor()
        self.chance = random.Random()

    def run(self) -> None:
        """Play until it is over; whatever is raised is a failure of the scene."""
        try:
            self.begin()
            while not self.over.wait(self.pause):
                self.act()
        except Exception as error:  # noqa: BLE001 (a player that is gone would see nothing wrong)
            self.record.complain(facts.FAILED, f"{self.name} broke off: {type(error).__name__}: {error}")

    def begin(self) -> None:
        """What comes first."""

    def act(self) -> None:
        """One thing."""
        raise NotImplementedError

    def ask(
        self,
        kind: str,
        path: str,
        *,
        visitor: Visitor | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """Send one request and take its time; return nothing if it failed, which is noted."""
        who = visitor or self.visitor
        began, start = time.time(), time.monotonic()
        try:
            answer = who.request("GET" if data is None else "POST", path, data=data, headers=headers)
        except OSError as error:
            self.record.complain(facts.FAILED, f"{kind} {path}: {error}")
            return None
        finally:
            self.record.note(kind, began, time.monotonic() - start)
        if answer.status >= 500:
            self.record.complain(facts.FAILED, f"{kind} {path}: {answer.status}")
            return None
        return answer

    def fill_in(
        self, kind: str, path: str, data: Mapping[str, str], *, form: str = "", visitor: Visitor | None = None
    ) -> Answer | None:
        """Send a form as a browser does, with the token of its page."""
        who = visitor or self.visitor
        page = self.ask(f"{kind} form", form or path, visitor=who)
        found = TOKEN.search(page.text) if page else None
        if found is None:
            return page
        fields = {"csrfmiddlewaretoken": found[1], **data}
        headers = {"Origin": who.origin, "Referer": who.origin + (form or path)}
        return self.ask(kind, path, visitor=who, data=fields, headers=headers)


class Reader(Player):
    """Reads articles and lists, and knows which versions can be right."""

    def act(self) -> None:
        """Read one page."""
        article = self.chance.randrange(ARTICLES)
        path = self.chance.choice(("/", "/articles/", f"/articles/tale-{article}/"))
        before = time.time()
        answer = self.ask("read", path)
        if answer is None:
            return
        wanted = {article} if path.endswith(f"tale-{article}/") else set(range(ARTICLES))
        self.judge(path, before, answer, wanted)

    def judge(self, path: str, before: float, answer: Answer, wanted: set[int]) -> None:
        """Complain of whatever is older than what was saved, never was, is missing, or stands there twice."""
        seen = {(int(one), int(version)) for one, version in TALE.findall(unescape(answer.text))}
        articles = [article for article, _ in sorted(seen)]
        words = f"{path} ({answer.status}) at {before:.2f}"
        if answer.status != 200 or not wanted <= set(articles):
            self.record.complain(facts.WRONG, f"{words} shows {sorted(seen)} only")
            return
        for article, version in seen:
            oldest, newest = self.record.oldest_right(article, before), self.record.newest_right(article)
            if not oldest <= version <= newest:
                said = f"version {version} of {article}, not one of {oldest} to {newest}"
                self.record.complain(facts.WRONG, f"{words} shows {said}")
        if len(articles) > len(set(articles)):
            self.record.complain(facts.WRONG, f"{words} shows several versions of one: {sorted(seen)}")


class Editor(Player):
    """Changes one article after the other in the administration.

    Args:
        keys: the primary keys of the articles.
    """

    pause = 0.2

    def __init__(self, site: Site, record: Record, over: threading.Event, keys: list[int]) -> None:
        super().__init__(site, record, over)
        self.keys = keys
        self.author = ""

    def begin(self) -> None:
        """Log in, once."""
        self.visitor.log_in(ADMIN, ADMIN_PASSWORD)
        page = self.visitor.get("/admin/content/article/add/").text
        chosen = re.search(r'name="author".*?<option value="(\d+)" selected', page, re.DOTALL)
        self.author = chosen[1] if chosen else ""

    def act(self) -> None:
        """Save one new version."""
        article = self.chance.randrange(ARTICLES)
        number = self.record.begin(article)
        words = f"Tale {article}, version {number}."
        fields = {"title": words, "summary": words, "body": words, "slug": f"tale-{article}"}
        fields |= {"language": "en", "author": self.author, "status": "published"}
        fields |= {"published_at_0": "", "published_at_1": ""}
        path = f"/admin/content/article/{self.keys[article]}/change/"
        answer = self.fill_in("save", path, fields)
        if answer is None:
            return
        if answer.status == 302 and "login" not in answer.headers["Location"]:
            self.record.finish(article, number)
        elif answer.status == 302:
            self.record.complain(facts.LOGGED_OUT, "the administrator")
        else:
            self.record.complain(facts.WRONG, f"{path} was answered {answer.status}")


class Member(Player):
    """Stays logged in from the beginning to the end."""

    pause = 0.1

    def __init__(self, site: Site, record: Record, over: threading.Event, name: str) -> None:
        super().__init__(site, record, over)
        self.member = name

    def begin(self) -> None:
        """Log in."""
        self.come_in(self.visitor)

    def act(self) -> None:
        """Look at the dashboard."""
        if not self.is_in():
            self.come_in(self.visitor)

    def come_in(self, visitor: Visitor) -> bool:
        """Log in; whatever else than a welcome is wrong."""
        fields = {"username": self.member, "password": PASSWORD}
        answer = self.fill_in("log in", LOGIN, fields, visitor=visitor)
        if answer is not None and answer.status != 302:
            self.record.complain(facts.WRONG, f"the login of {self.member} was answered {answer.status}")
        return answer is not None and answer.status == 302

    def is_in(self) -> bool:
        """Ask for the dashboard; whoever is sent to the login is logged out."""
        answer = self.ask("dashboard", "/dashboard/")
        if answer is not None and answer.status != 200:
            self.record.complain(facts.LOGGED_OUT, f"{self.member}: {answer.status}")
        return answer is None or answer.status == 200


class Guest(Member):
    """Logs in, stays for a moment, and logs out; leaves the cookie to the ghosts.

    Args:
        names: of the accounts to use in turn: the limits count logins by name, too.
        left: where the cookies of ended sessions go.
    """

    pause = 0.05

    def __init__(
        self, site: Site, record: Record, over: threading.Event, names: list[str], left: list[str]
    ) -> None:
        super().__init__(site, record, over, names[0])
        self.names, self.left = names, left

    def begin(self) -> None:
        """Come in with the first action only."""

    def act(self) -> None:
        """Come, look around, and go."""
        self.names.append(self.names.pop(0))
        self.member, self.visitor = self.names[0], self.site.visitor()
        if not self.come_in(self.visitor):
            return
        for _ in range(self.chance.randrange(1, 8)):
            if self.over.wait(0.1) or not self.is_in():
                return
        cookie = self.visitor.cookie("sessionid")
        answer = self.fill_in("log out", "/accounts/logout/", {}, form="/dashboard/")
        if answer is not None and answer.status == 302 and cookie is not None:
            self.left.append(cookie)


class Ghost(Player):
    """Tries the cookies of those who have logged out.

    Args:
        left: the cookies.
    """

    pause = 0.05

    def __init__(self, site: Site, record: Record, over: threading.Event, left: list[str]) -> None:
        super().__init__(site, record, over)
        self.left = left

    def act(self) -> None:
        """Try one: the last one, or any."""
        if self.left:
            cookie = self.left[-1] if self.chance.random() < 0.5 else self.chance.choice(self.left)
            headers = {"Cookie": f"sessionid={cookie}"}
            answer = self.ask("ghost", "/dashboard/", visitor=self.site.visitor(), headers=headers)
            if answer is not None and answer.status != 302:
                self.record.complain(facts.RESURRECTED, f"{cookie[:6]}… was answered {answer.status}")


class Guesser(Player):
    """Tries to log in far more often than is allowed, from an address that several share.

    Args:
        address: the address.
        passed: counts, by window, the attempts that were not refused.
    """

    pause = 0.15

    def __init__(
        self, site: Site, record: Record, over: threading.Event, address: str, passed: Counter[int]
    ) -> None:
        super().__init__(site, record, over)
        self.visitor = Visitor(site.url(""), address=address)
        self.passed, self.address = passed, address
        self.token = ""

    def begin(self) -> None:
        """Get a token for all attempts."""
        page = self.visitor.get(LOGIN)
        found = TOKEN.search(page.text)
        self.token = found[1] if found else ""

    def act(self) -> None:
        """Try once; no password at all is refused before anything is computed, and counted all the same."""
        fields = {"csrfmiddlewaretoken": self.token, "username": f"nobody{self.chance.random()}"}
        headers = {"Origin": self.visitor.origin, "Referer": self.visitor.origin + LOGIN}
        before = window_of(self.address, time.time())
        answer = self.ask("guess", LOGIN, data=fields, headers=headers)
        if answer is None or answer.status == 429:
            return
        if answer.status != 200:
            self.record.complain(facts.WRONG, f"an attempt to log in was answered {answer.status}")
        elif before == window_of(self.address, time.time()):
            self.passed[before] += 1


def window_of(address: str, moment: float) -> int:
    """When the window ends in which the attempts of *address* are counted; each address has its own."""
    second = int(moment)
    end = second - second % WINDOW + zlib.crc32(f"ip:{address}".encode()) % WINDOW
    return end + WINDOW if end < second else end
