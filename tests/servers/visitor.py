"""Somebody who asks for pages over HTTP, with cookies, and fills in forms."""

from __future__ import annotations

import gzip
import http.client
import http.cookiejar
import json
import random
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """A response: ``status``, ``headers`` (names in any case) and ``body``."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    url: str

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


class Visitor:
    """One browser's worth of cookies.

    Args:
        origin: the address of the site, without a slash at its end.
        address: the IP address to come from (the site must trust us as a proxy); one at random when empty.
    """

    def __init__(self, origin: str, *, address: str = "") -> None:
        self.origin = origin
        # From the block that is reserved for benchmarks: nobody's.
        self.address = address or f"198.18.{random.randrange(256)}.{random.randrange(1, 255)}"
        self.cookies = http.cookiejar.CookieJar()
        handlers = [urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.ProxyHandler({})]
        self._following = urllib.request.build_opener(*handlers)
        self._staying = urllib.request.build_opener(*handlers, _NoRedirect)

    def request(
        self,
        method: str,
        path: str,
        *,
        data: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
    ) -> Answer:
        """Ask for *path*; every status is an answer, none is an exception.

        Args:
            method: GET, POST, …
            path: with its leading slash, or an absolute address.
            data: form fields, or a body as it is.
            headers: more request headers.
            follow: whether redirects are followed.
        """
        body = urllib.parse.urlencode(data).encode() if isinstance(data, Mapping) else data
        request = urllib.request.Request(self._absolute(path), data=body, method=method)
        request.add_header("X-Forwarded-For", self.address)
        request.add_header("Accept-Encoding", "gzip")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        opener = self._following if follow else self._staying
        try:
            response = opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            content = response.read()
            if response.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            return Answer(response.status, response.headers, content, response.url)

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, follow: bool = False) -> Answer:
        """GET *path*."""
        return self.request("GET", path, headers=headers, follow=follow)

    def post(
        self, path: str, data: Mapping[str, str] | None = None, *, form: str = "", follow: bool = False
    ) -> Answer:
        """Fill in and send the form on the page *form* (else on *path* itself), CSRF token included."""
        page = self.get(form or path)
        found = TOKEN.search(page.text)
        token = {"csrfmiddlewaretoken": found.group(1)} if found else {}
        headers = {"Origin": self.origin, "Referer": self._absolute(form or path)}
        return self.request("POST", path, data={**token, **(data or {})}, headers=headers, follow=follow)

    def log_in(self, username: str, password: str) -> Answer:
        """Log in; a login that fails is an error of the test."""
        answer = self.post("/accounts/login/", {"username": username, "password": password})
        assert answer.status == 302, (
            f"Login as {username} was answered {answer.status}:\n{answer.text[:3000]}"
        )
        return answer

    def is_logged_in(self) -> bool:
        """Whether the dashboard is ours."""
        return self.get("/dashboard/").status == 200

    def cookie(self, name: str) -> str | None:
        """The value of a cookie, or None."""
        return next((found.value for found in self.cookies if found.name == name), None)

    def _absolute(self, path: str) -> str:
        return path if path.startswith("http") else self.origin + path
