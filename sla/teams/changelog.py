"""Who changed how leads are routed, and when: Django's own log, so the admin shows the same history."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from config.accounts.models import User
from sla.models import Absence, Rep, RoutingRule, Team

KEPT_IN_VIEW: Final = (RoutingRule, Rep, Absence, Team)
NAME_AT_MOST: Final = 200


def record(*, of: Model, flag: int, said: str, by: User, now: dt.datetime) -> None:
    """`flag` is one of ADDITION, CHANGE and DELETION of django.contrib.admin.models."""
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(of),
        object_id=str(of.pk),
        object_repr=str(of)[:NAME_AT_MOST],
        action_flag=flag,
        change_message=said,
        action_time=now,
    )


def latest(*models: type[Model]) -> QuerySet[LogEntry]:
    """The latest changes first, of these kinds of rows."""
    kinds = ContentType.objects.get_for_models(*(models or KEPT_IN_VIEW)).values()
    entries = LogEntry.objects.filter(content_type__in=kinds).select_related("user")
    return entries.order_by("-action_time", "-pk")
