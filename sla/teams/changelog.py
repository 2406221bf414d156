"""The log of changes to teams, reps, absences and routing rules, in Django's own log, which the admin shows too."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from config.accounts.models import User
from sla.models import Absence, Rep, RosterChange, RoutingRule, Team

LOGGED_MODELS: Final = (RoutingRule, Rep, Absence, Team)
NAME_AT_MOST: Final = 200


def record_change(*, target: Model, flag: int, text: str, by: User, now: dt.datetime) -> None:
    """Store a change of `target`; `flag` is ADDITION, CHANGE or DELETION of django.contrib.admin.models."""
    RosterChange.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(target),
        object_id=str(target.pk),
        object_repr=str(target)[:NAME_AT_MOST],
        action_flag=flag,
        change_message=text,
        action_time=now,
    )


def latest_changes(*models: type[Model]) -> QuerySet[LogEntry]:
    """Return the changes to these models, the latest first; without models, to all LOGGED_MODELS."""
    kinds = ContentType.objects.get_for_models(*(models or LOGGED_MODELS)).values()
    entries = RosterChange.objects.filter(content_type__in=kinds).select_related("user")
    return entries.order_by("-action_time", "-pk")
