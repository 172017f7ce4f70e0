"""Thin receivers: whose cached copy and permissions have to be forgotten."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from users.lookups import forget_all_on_commit, forget_on_commit
from users.models import User

CHANGED = frozenset({"post_add", "post_remove", "post_clear"})


@receiver([post_save, post_delete], sender=User)
def _account_changed(instance: User, using: str, **kwargs: Any) -> None:
    forget_on_commit(instance.pk, using)


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
def _grants_changed(
    instance: User | Group | Permission, action: str, pk_set: set[int] | None, using: str, **kwargs: Any
) -> None:
    if action not in CHANGED:
        return
    if isinstance(instance, User):
        forget_on_commit(instance.pk, using)
    elif pk_set is None:  # a group was emptied: of whom is known no more
        forget_all_on_commit(using)
    else:
        for user_id in pk_set:
            forget_on_commit(user_id, using)


@receiver(m2m_changed, sender=Group.permissions.through)
def _permissions_of_a_group_changed(action: str, using: str, **kwargs: Any) -> None:
    if action in CHANGED:
        forget_all_on_commit(using)


@receiver(post_delete, sender=Group)
@receiver([post_save, post_delete], sender=Permission)
def _what_is_granted_changed(using: str, **kwargs: Any) -> None:
    forget_all_on_commit(using)
