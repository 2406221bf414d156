"""Who changed how leads are routed, and when: Django's own log, so the admin shows the same history."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from config.accounts.models import User
from sla.models import Absence, Rep, RoutingRule, Team

LOGGED_MODELS: Final = (RoutingRule, Rep, Absence, Team)
NAME_AT_MOST: Final = 200


def record_change(*, target: Model, flag: int, text: str, by: User, now: dt.datetime) -> None:
    """`flag` is one of ADDITION, CHANGE and DELETION of django.contrib.admin.models."""
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(target),
        object_id=str(target.pk),
        object_repr=str(target)[:NAME_AT_MOST],
        action_flag=flag,
        change_message=text,
        action_time=now,
    )


def latest_changes(*models: type[Model]) -> QuerySet[LogEntry]:
    """The latest changes first, of these kinds of rows."""
    kinds = ContentType.objects.get_for_models(*(models or LOGGED_MODELS)).values()
    entries = LogEntry.objects.filter(content_type__in=kinds).select_related("user")
    return entries.order_by("-action_time", "-pk")
