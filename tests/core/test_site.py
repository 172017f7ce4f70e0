"""The site's settings: one row, read from the cache."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from core.models import SiteSettings
from core.site import get_site
from tests.core.conftest import SettingsMaker


@pytest.mark.django_db
def test_before_anything_is_written_the_site_has_its_defaults() -> None:
    site = get_site()
    assert (site.name, site.language, site.time_zone, site.registration_open) == (
        "My site",
        "en",
        "UTC",
        True,
    )
    assert site.pk is None


@pytest.mark.django_db
def test_the_defaults_are_not_kept_so_the_first_row_counts_at_once(site_settings: SettingsMaker) -> None:
    get_site()
    SiteSettings(name="The real one").save()
    assert get_site().name == "The real one"


@pytest.mark.django_db(transaction=True)
def test_settings_are_read_once_and_a_change_is_seen_at_once(
    engine: str, site_settings: SettingsMaker, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = site_settings(name="Before")
    assert get_site() == row
    with django_assert_num_queries(0):
        hit = get_site()
    assert type(hit) is SiteSettings
    assert (hit.name, hit.updated_at, hit._state.adding) == ("Before", row.updated_at, False)
    row.name = "After"
    row.save()
    assert get_site().name == "After"


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_was_never_there(site_settings: SettingsMaker) -> None:
    row = site_settings(name="Before")
    get_site()
    with transaction.atomic():
        row.name = "Never"
        row.save()
        transaction.set_rollback(True)
    assert get_site().name == "Before"


@pytest.mark.django_db(transaction=True)
def test_without_a_table_the_site_still_has_its_defaults() -> None:
    table = SiteSettings._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    try:
        assert get_site().name == "My site"
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


@pytest.mark.django_db
def test_there_is_never_a_second_row(site_settings: SettingsMaker) -> None:
    site_settings(name="First")
    SiteSettings(name="Second").save()
    assert [row.name for row in SiteSettings.objects.all()] == ["Second"]
    with pytest.raises(IntegrityError), transaction.atomic():
        SiteSettings.objects.bulk_create([SiteSettings(pk=2, name="Third")])


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe", "/etc/localtime", "a\0b"])
def test_a_time_zone_has_to_exist(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SiteSettings(name="Site", time_zone=name).clean_fields()
    assert set(refused.value.message_dict) == {"time_zone"}


@pytest.mark.django_db
def test_the_name_of_the_site_stands_on_its_pages(client: Client, site_settings: SettingsMaker) -> None:
    site_settings(name="Herbs & <b>spices</b>")
    assert "Herbs &amp; &lt;b&gt;spices&lt;/b&gt;" in client.get("/").content.decode()
