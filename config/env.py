"""What the environment and the written configuration say, checked and typed.

The environment wins over ``site.toml``; what neither says has a default. Every message names
the variable at fault and never shows its value, which may be a secret.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from installer import site_file

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

Words = Annotated[list[str], NoDecode]


class ConfigurationError(Exception):
    """A value of the environment or of ``site.toml`` that the site cannot run on."""


class Configuration(BaseSettings):
    """Every value that comes from outside, under its name in lower case."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    secret_key: str = Field(min_length=20)
    secret_key_fallbacks: Words = []
    setup_token: str = ""
    metrics_token: str = ""
    installation_id: str = ""
    installed: bool = False
    generation: int = 0

    debug: bool = False
    site_url: str = ""
    allowed_hosts: Words = []
    csrf_trusted_origins: Words = []
    trusted_proxies: Words = []
    api_allowed_origins: Words = []

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    web_concurrency: int = Field(2, ge=1, le=64)
    # 1 unless the server says that it has more: a command or a sync worker needs no pool.
    web_threads: int = Field(1, ge=1, le=64)

    database_url: str = ""
    redis_url: str = ""
    # Where the web server looks for pages that it may send by itself; empty: nowhere.
    pages_directory: str = ""

    email_url: str = ""
    default_from_email: str = "webmaster@localhost"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator(
        "secret_key_fallbacks",
        "allowed_hosts",
        "csrf_trusted_origins",
        "trusted_proxies",
        "api_allowed_origins",
        mode="before",
    )
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [word for word in (part.strip() for part in value.split(",")) if word]
        return value

    @field_validator("site_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("write it as https://www.example.org")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, value: str) -> str:
        if value:
            try:
                parsed = dj_database_url.parse(value)
            except Exception as error:  # the library raises whatever urllib raises
                raise ValueError(DATABASE_URL_FORMS) from error
            engines = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}
            if parsed.get("ENGINE") not in engines or not parsed.get("NAME"):
                raise ValueError(DATABASE_URL_FORMS)
        return value

    @field_validator("email_url")
    @classmethod
    def _is_a_mail_server(cls, value: str) -> str:
        if value:
            try:
                is_understood = "EMAIL_BACKEND" in dj_email_url.parse(value)
            except Exception as error:  # as above
                raise ValueError(EMAIL_URL_FORMS) from error
            if not is_understood:
                raise ValueError(EMAIL_URL_FORMS)
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _are_host_names(cls, value: list[str]) -> list[str]:
        if any("/" in name for name in value):
            raise ValueError("write names of hosts alone, separated by commas: www.example.org,example.org")
        return value

    @field_validator("api_allowed_origins")
    @classmethod
    def _are_origins(cls, value: list[str]) -> list[str]:
        for word in value:
            parts = urlsplit(word)
            is_origin = parts.scheme in {"http", "https"} and word == f"{parts.scheme}://{parts.netloc}"
            if word != "*" and not (is_origin and parts.netloc):
                raise ValueError(
                    "write origins as https://app.example.org, separated by commas, or * for all"
                )
        return value

    @property
    def is_https(self) -> bool:
        """Whether visitors reach the site over TLS, by the scheme of SITE_URL."""
        return self.site_url.startswith("https://")

    @property
    def site_host(self) -> str:
        """The host name of SITE_URL, or an empty string."""
        return urlsplit(self.site_url).hostname or ""

    @property
    def trusted_origins(self) -> list[str]:
        """What CSRF_TRUSTED_ORIGINS says, and the site's own address."""
        parts = urlsplit(self.site_url)
        own = [f"{parts.scheme}://{parts.netloc}"] if self.site_url else []
        return list(dict.fromkeys([*self.csrf_trusted_origins, *own]))

    @property
    def hosts(self) -> list[str]:
        """The host names the installed site answers to."""
        named = [*self.allowed_hosts, *([self.site_host] if self.site_host else [])]
        listening = [] if self.host in {"0.0.0.0", "::"} else [self.host]
        return list(dict.fromkeys([*named, *LOOPBACK_HOSTS, *listening]))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file; nothing else is asked."""
        return env_settings, init_settings


DATABASE_URL_FORMS = (
    "not an address of a database we know. Use sqlite:////absolute/path/to/db.sqlite3 "
    "or postgres://user:password@host:5432/name (special characters of the password percent-encoded)"
)

EMAIL_URL_FORMS = (
    "not an address of a mail server we know. Use smtp+tls://user:password@host:587, "
    "smtp+ssl://user:password@host:465 or console:"
)


@cache
def var_dir() -> Path:
    """The directory everything the site writes goes to."""
    return Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").absolute()


def site_file_path() -> Path:
    """Where the written configuration lives."""
    return var_dir() / "site.toml"


def load() -> Configuration:
    """Read the configuration; on the very first boot, write its file.

    Raises:
        ConfigurationError: a value is unusable, or the file cannot be read, understood or written.
    """
    try:
        written = site_file.read(site_file_path())
        if not written and not os.environ.get("SECRET_KEY"):
            written = site_file.create(site_file_path())
        return Configuration(**written)
    except site_file.SiteFileError as error:
        raise ConfigurationError(str(error)) from error
    except ValidationError as error:
        raise ConfigurationError("; ".join(_in_words(fault) for fault in error.errors())) from None


def _in_words(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"]).upper()
    return (
        f"{name}: {fault['msg'].removeprefix('Value error, ')} (in the environment or in {site_file_path()})"
    )
