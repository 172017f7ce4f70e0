"""Who may do what: one row for each URL, in the words of the authorisation test.

Each method lists the status for ``anonymous member staff superuser``, in this order; *staff* may enter
the administration and has no permission at all. A method that is not listed must be refused: 405, or
what the same person gets for GET if that is a refusal too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ROLES = ("anonymous", "member", "staff", "superuser")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

ALL_OK = "200 200 200 200"
ALL_LED_ON = "302 302 302 302"
NOT_FOUND = "404 404 404 404"
FORBIDDEN = "403 403 403 403"
BAD_METHOD = "405 405 405 405"
REFUSED = ""
MEMBERS = "302 200 200 200"
# The administration sends everybody who is no staff to its login page.
ADMINS = "302 302 403 200"
CACHE_ADMINS = "302 403 403 200"
NOBODY_IN_ADMIN = "302 302 403 403"


@dataclass(frozen=True)
class Row:
    """What is expected of one address.

    Attributes:
        name: the view's name in the URLconf, with its namespaces.
        path: an address that leads there. ``{article}`` and the like are filled in by the test.
        get: statuses of GET and HEAD.
        post: statuses of an empty POST.
        put: statuses of PUT, which Django's form views take for a POST; 405 is always right too.
        other: statuses of the remaining methods; 405 is always right too.
        head: statuses of HEAD, where they are not those of GET.
    """

    name: str
    path: str
    get: str
    post: str = REFUSED
    put: str = REFUSED
    other: str = REFUSED
    head: str = ""

    @property
    def id(self) -> str:
        """For pytest."""
        return f"{self.name} {self.path}"

    def expected(self, method: str, role: str) -> set[int]:
        """The statuses that are right for *role*."""
        listed = {"GET": self.get, "HEAD": self.head or self.get, "POST": self.post, "PUT": self.put}
        statuses = listed.get(method, self.other)
        if statuses:
            refused = set() if method in {"GET", "HEAD", "POST"} else {405}
            return {int(statuses.split()[ROLES.index(role)]), *refused}
        for_get = int(self.get.split()[ROLES.index(role)])
        return {405, for_get} if for_get >= 300 else {405}


def form(name: str, path: str, get: str) -> Row:
    """A form view of Django's: who sees it may send it."""
    return Row(name, path, get, post=get, put=get)


def same(name: str, path: str, statuses: str) -> Row:
    """A view that does not look at the method."""
    return Row(name, path, statuses, statuses, statuses, statuses)


SITE = [
    Row("health", "/health/", ALL_OK),
    Row("ready", "/health/ready/", ALL_OK),
    # Nobody has said METRICS_TOKEN here.
    Row("metrics", "/metrics/", NOT_FOUND),
    # Closed for good once the site is installed.
    same("installer:start", "/install/", NOT_FOUND),
    Row("installer:step", "/install/welcome/", NOT_FOUND, NOT_FOUND),
    Row("installer:redis_guide", "/install/redis-guide/", NOT_FOUND),
    Row("installer:progress", "/install/progress/", NOT_FOUND),
    Row("installer:test_port", "/install/test-port/", BAD_METHOD, NOT_FOUND),
    Row("installer:test_redis", "/install/test-redis/", BAD_METHOD, NOT_FOUND),
    Row("installer:test_advanced", "/install/test-advanced/", BAD_METHOD, NOT_FOUND),
    Row("installer:measure", "/install/measure/", BAD_METHOD, NOT_FOUND),
    Row("installer:check_password", "/install/check-password/", BAD_METHOD, NOT_FOUND),
    Row("api:openapi-json", "/api/v1/openapi.json", ALL_OK),
    same("api:api-root", "/api/v1/", ALL_LED_ON),
    Row("api:articles", "/api/v1/articles/", ALL_OK),
    Row("api:article", "/api/v1/articles/{article}/", ALL_OK),
    Row("api:article", "/api/v1/articles/{draft}/", NOT_FOUND),
    Row("api:site", "/api/v1/site/", ALL_OK),
    Row("cacheadmin:page", "/admin/cache/", CACHE_ADMINS),
    Row("cacheadmin:clear", "/admin/cache/clear/", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:clear", "/admin/cache/clear", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:test_redis", "/admin/cache/test-redis/", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:test_redis", "/admin/cache/test-redis", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:test_advanced", "/admin/cache/test-advanced/", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:test_advanced", "/admin/cache/test-advanced", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:engine", "/admin/cache/engine/", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:engine", "/admin/cache/engine", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:following", "/admin/cache/following/", CACHE_ADMINS),
    Row("cacheadmin:following", "/admin/cache/following", CACHE_ADMINS),
    Row("cacheadmin:address", "/admin/cache/address/", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:address", "/admin/cache/address", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:warmup", "/admin/cache/warmup/", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:warmup", "/admin/cache/warmup", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:progress", "/admin/cache/warmup/progress/", CACHE_ADMINS),
    Row("cacheadmin:lifetime", "/admin/cache/lifetime/", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:lifetime", "/admin/cache/lifetime", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:benchmark", "/admin/cache/benchmark/", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:keys", "/admin/cache/keys/", CACHE_ADMINS),
    Row("cacheadmin:look", "/admin/cache/keys/look/", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:look", "/admin/cache/keys/look", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:delete", "/admin/cache/keys/delete/", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:delete", "/admin/cache/keys/delete", BAD_METHOD, CACHE_ADMINS),
    Row("cacheadmin:rollback", "/admin/cache/rollback/", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:rollback", "/admin/cache/rollback", BAD_METHOD, "302 403 403 302"),
    Row("cacheadmin:help", "/admin/cache/help/", CACHE_ADMINS),
    Row("cacheadmin:help", "/admin/cache/help", CACHE_ADMINS),
    Row("cacheadmin:diagnostics", "/admin/cache/diagnostics/", CACHE_ADMINS),
    Row("core:media", "/media/{cover}", ALL_OK),
    Row("sitemap", "/sitemap.xml", ALL_OK),
    Row("core:robots", "/robots.txt", ALL_OK),
    Row("content:home", "/", ALL_OK),
    Row("content:home", "/fr/", ALL_OK),
    Row("content:articles", "/articles/", ALL_OK),
    Row("content:feed", "/articles/feed/", ALL_OK),
    Row("content:article", "/articles/{article}/", ALL_OK),
    # Its author is the superuser; staff must be allowed to see articles first.
    Row("content:article", "/articles/{draft}/", "404 404 404 200"),
    Row("content:author", "/authors/{author}/", ALL_OK),
    Row("content:tag", "/tags/{tag}/", ALL_OK),
    Row("content:search", "/search/", ALL_OK),
    Row("content:dashboard", "/dashboard/", MEMBERS),
    form("users:login", "/accounts/login/", "200 302 302 302"),
    Row("users:logout", "/accounts/logout/", BAD_METHOD, ALL_LED_ON),
    form("users:register", "/accounts/register/", "200 302 302 302"),
    form("users:password_reset", "/accounts/password-reset/", ALL_OK),
    Row("users:password_reset_done", "/accounts/password-reset/done/", ALL_OK),
    Row("users:password_reset_complete", "/accounts/password-reset/complete/", ALL_OK),
    same("users:password_reset_confirm", "/accounts/password-reset/eA/none/", ALL_OK),
    form("users:profile", "/profile/", MEMBERS),
    form("users:password_change", "/profile/password/", MEMBERS),
]

# Django's administration does not look at the method: what is not POST is answered like GET.
ADMIN_SITE = [
    same("admin:index", "/admin/", "302 302 200 200"),
    Row("admin:login", "/admin/login/", "200 200 302 302", ALL_OK, put=ALL_OK, head=ALL_OK),
    Row("admin:logout", "/admin/logout/", "302 302 405 405", ALL_LED_ON),
    same("admin:password_change", "/admin/password_change/", "302 302 200 200"),
    Row("admin:password_change_done", "/admin/password_change/done/", "302 302 200 200"),
    Row("admin:autocomplete", "/admin/autocomplete/", "302 302 403 403"),
    Row("admin:jsi18n", "/admin/jsi18n/", "302 302 200 200"),
    same("admin:app_list", "/admin/content/", "302 302 404 200"),
    same("admin:view_on_site", "/admin/r/{article_type}/{article_id}/", "302 302 302 302"),
    same("admin:auth_user_password_change", "/admin/users/user/{member_id}/password/", ADMINS),
    same("", "/admin/no-such-page/", "302 302 404 404"),
]


@dataclass(frozen=True)
class AdminModel:
    """One model of the administration, and what a superuser may do with it.

    Attributes:
        model: ``app.model`` in lower case.
        may: of ``add``, ``change``, ``delete`` and ``view``.
        list_leads_on: whether its list is a redirect to where its page really is.
    """

    model: str
    may: str
    list_leads_on: bool = False


ADMIN_MODELS = [
    AdminModel("auth.group", "add change delete view"),
    AdminModel("users.user", "add change delete view"),
    AdminModel("core.sitesettings", "change view", list_leads_on=True),
    AdminModel("core.adminhistory", "view"),
    AdminModel("content.article", "add change delete view"),
    AdminModel("content.tag", "add change delete view"),
    AdminModel("cacheadmin.cachesettings", "view", list_leads_on=True),
]


def admin_rows() -> Iterator[Row]:
    """The rows of every model of the administration."""
    for entry in ADMIN_MODELS:
        app, model = entry.model.split(".")
        here, name = f"/admin/{app}/{model}/", f"admin:{app}_{model}"
        # Where it leads, permissions are asked for.
        list_status = ALL_LED_ON if entry.list_leads_on else ADMINS
        yield same(f"{name}_changelist", here, list_status)
        add = ADMINS if "add" in entry.may else NOBODY_IN_ADMIN
        yield same(f"{name}_add", f"{here}add/", add)
        yield same(f"{name}_history", f"{here}{{{model}}}/history/", ADMINS)
        change = ADMINS if "change" in entry.may else NOBODY_IN_ADMIN
        yield Row(f"{name}_change", f"{here}{{{model}}}/change/", ADMINS, change, ADMINS, ADMINS)
        delete = ADMINS if "delete" in entry.may else NOBODY_IN_ADMIN
        yield same(f"{name}_delete", f"{here}{{{model}}}/delete/", delete)


def rows() -> list[Row]:
    """The whole matrix."""
    return [*SITE, *ADMIN_SITE, *admin_rows()]
