"""Which members a warm-up reads before they come back."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from users import lookups
from users.models import User

ACTIVE_WITHIN = timedelta(days=30)
MOST = 1000


def active_members() -> list[int]:
    """Return the keys of the members who were here within 30 days, who came last first, 1,000 at the most."""
    seen = User.objects.filter(is_active=True, last_seen__gte=timezone.now() - ACTIVE_WITHIN)
    return list(seen.order_by("-last_seen").values_list("pk", flat=True)[:MOST])


def warm_member(user_id: int) -> None:
    """Have an account and its permissions in the cache."""
    lookups.user_by_id(user_id)
    lookups.permissions_of(user_id)
