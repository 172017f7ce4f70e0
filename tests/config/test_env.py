"""Values from outside are checked, and a mistake is named with its variable."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.env import Configuration

SECRET = "for tests only, and known to everybody"


def origins(value: str) -> list[str]:
    return Configuration(secret_key=SECRET, api_allowed_origins=value).api_allowed_origins


def test_origins_that_may_read_the_api_are_separated_by_commas() -> None:
    assert origins("https://app.example.org, http://localhost:3000") == [
        "https://app.example.org",
        "http://localhost:3000",
    ]
    assert origins("*") == ["*"]
    assert Configuration(secret_key=SECRET).api_allowed_origins == []


@pytest.mark.parametrize(
    "value", ["app.example.org", "https://app.example.org/", "ftp://x", "https://", "https://*.example.org/x"]
)
def test_what_no_browser_sends_as_an_origin_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match=r"write origins as https://app\.example\.org"):
        origins(value)
