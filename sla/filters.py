"""Filters of the queue, of the promises behind a figure, and of the API's handoffs."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import django_filters as filters
from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay

from config.accounts.models import User
from leads import search
from leads.vocabulary import Motion
from sla.models import VERDICTS, AccountPlay, AccountPlayQuerySet, Clock, Handoff, HandoffQuerySet, Rep
from sla.vocabulary import ClockKind, HandoffState, PlayState, PromiseVerdict

HIGHEST_ID = 2**63 - 1
#: The motions by their short names, for selects.
MOTION_NAMES = [(motion.value, motion.upper()) for motion in Motion]


def filter_by_search(handoffs: HandoffQuerySet, _name: str, text: str) -> HandoffQuerySet:
    """Keep handoffs whose lead matches the search text."""
    return handoffs.filter(search.match_leads(text, by="lead__"))


class IdFilter(filters.NumberFilter):
    """Filter rows by the id of a related row, typed rather than picked from a list; an unknown id matches nothing."""

    field_class = forms.IntegerField

    def filter(self, qs: Any, value: int | None) -> Any:
        return super().filter(qs, value) if value is None or 0 < value <= HIGHEST_ID else qs.none()


def managed_reps(request: Any) -> Any:
    """Return the reps that a manager may pick; a superuser may pick any."""
    user: User = request.user
    reps = Rep.objects.select_related("user").order_by("user__last_name", "pk")
    return reps if user.is_superuser else reps.filter(team__in=user.managed_teams.values("pk"))


class QueueFilter(filters.FilterSet):
    q = filters.CharFilter(method=filter_by_search, label="Search")
    tier = filters.ChoiceFilter(choices=[(1, "Tier 1"), (2, "Tier 2"), (3, "Tier 3")], empty_label="All tiers")
    motion = filters.ChoiceFilter(choices=MOTION_NAMES, empty_label="All motions")
    rep = filters.ModelChoiceFilter(queryset=managed_reps, empty_label="All reps")


def filter_by_verdict(clocks: QuerySet[Clock], _name: str, verdict: str) -> QuerySet[Clock]:
    """Keep clocks that are kept, late or running, or those that are judged, which are kept or late."""
    judged = VERDICTS[PromiseVerdict.KEPT] | VERDICTS[PromiseVerdict.LATE]
    return clocks.filter(judged if verdict == "judged" else VERDICTS[PromiseVerdict(verdict)])


def filter_by_weekday(clocks: QuerySet[Clock], _name: str, weekday: int) -> QuerySet[Clock]:
    """Keep clocks that started on this weekday of the company, 0 Monday."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    return clocks.annotate(weekday=ExtractIsoWeekDay("started_at", tzinfo=zone)).filter(weekday=weekday + 1)


def filter_by_hour(clocks: QuerySet[Clock], _name: str, hour: int) -> QuerySet[Clock]:
    """Keep clocks that started in this hour of the company's day."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    return clocks.annotate(hour=ExtractHour("started_at", tzinfo=zone)).filter(hour=hour)


class ClockFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=ClockKind.choices, empty_label="All promises", label="Promise")
    verdict = filters.ChoiceFilter(
        choices=[("judged", "Judged"), ("kept", "Kept"), ("late", "Late"), ("running", "Running")],
        method=filter_by_verdict,
        empty_label="Any verdict",
    )
    weekday = filters.NumberFilter(method=filter_by_weekday, min_value=0, max_value=6)
    hour = filters.NumberFilter(method=filter_by_hour, min_value=0, max_value=23)


class HandoffFilter(filters.FilterSet):
    """Filter handoffs, for the API and for lists of all handoffs."""

    q = filters.CharFilter(method=filter_by_search, label="Search")
    state = filters.MultipleChoiceFilter(choices=HandoffState.choices)
    team = IdFilter()
    rep = IdFilter()
    lead = IdFilter()
    version = IdFilter()
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Handoff
        fields = ["q", "state", "tier", "motion", "team", "rep", "lead", "version", "created_from", "created_to"]


def filter_plays_by_search(plays: AccountPlayQuerySet, _name: str, text: str) -> AccountPlayQuerySet:
    """Keep plays whose company has the text in its name or domain."""
    return plays.filter(Q(company__name__icontains=text) | Q(company__domain__icontains=text))


class PlayFilter(filters.FilterSet):
    """Filter account plays, for the API and for the list."""

    q = filters.CharFilter(method=filter_plays_by_search, label="Search")
    state = filters.MultipleChoiceFilter(choices=PlayState.choices)
    tier = filters.ChoiceFilter(choices=[(1, "Tier 1"), (2, "Tier 2")], empty_label="All tiers")
    team = IdFilter()
    rep = IdFilter()
    company = IdFilter()
    created_from = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_to = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AccountPlay
        fields = ["q", "state", "tier", "team", "rep", "company", "created_from", "created_to"]
