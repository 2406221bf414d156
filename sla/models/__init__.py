from __future__ import annotations

from sla.models.commitment import Commitment, ReasonCode, RoutingRule
from sla.models.handoff import (
    Attempt,
    Clock,
    ClockQuerySet,
    Disposition,
    Handoff,
    HandoffQuerySet,
    Intention,
    Note,
    RoutingDecision,
    SalesQualification,
)
from sla.models.notice import AlertSettings, Delivery, DeliveryQuerySet, Notice, SavedFilter
from sla.models.team import Absence, CalendarChange, CalendarVersion, Rep, SpecialDay, Team, WorkCalendar, WorkHours

__all__ = [
    "Absence", "AlertSettings", "Attempt", "CalendarChange", "CalendarVersion", "Clock", "ClockQuerySet", "Commitment", "Delivery",
    "DeliveryQuerySet", "Disposition", "Handoff", "HandoffQuerySet", "Intention", "Note", "Notice", "ReasonCode",
    "Rep", "RoutingDecision", "RoutingRule", "SalesQualification", "SavedFilter", "SpecialDay", "Team", "WorkCalendar", "WorkHours",
]  # fmt: skip
