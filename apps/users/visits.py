"""When a member was here last, to within a quarter of an hour."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from users import lookups
from users.models import User

logger = logging.getLogger(__name__)

PRECISION = timedelta(minutes=15)


def note_visit(user: User) -> None:
    """Write down that *user* is here, at most once in ``PRECISION``."""
    now = timezone.now()
    if user.last_seen is not None and now - user.last_seen < PRECISION:
        return
    due = Q(last_seen=None) | Q(last_seen__lte=now - PRECISION)
    try:
        User.objects.get_queryset().filter(due, pk=user.pk).mark_seen(now)
    except DatabaseError:
        # The page is ready; it is not worth losing for this.
        logger.warning("The visit of member %s could not be written down.", user.pk, exc_info=True)
    else:
        lookups.forget_on_commit(user.pk)
