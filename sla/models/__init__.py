from __future__ import annotations

from sla.models.calendar import CalendarChange, CalendarVersion, SpecialDay, WorkCalendar, WorkHours
from sla.models.clock import VERDICTS, Clock, ClockQuerySet, PromiseClock, read_verdict
from sla.models.commitment import Commitment, PromiseSimulation
from sla.models.contact import Attempt, Note
from sla.models.disposition import Disposition, PendingDecision, SalesQualification
from sla.models.figure import QuarterCoverage, RejectionDigest, WeeklyForecast
from sla.models.handoff import Handoff, HandoffQuerySet
from sla.models.marketing_cost import MarketingCost, MarketingCostQuerySet
from sla.models.meeting import MeetingDecision, MeetingNote, WeeklyMeeting
from sla.models.notice import AlertSettings, Delivery, DeliveryQuerySet, Notice, NoticeMail, SavedFilter
from sla.models.opening import HandoffOpening
from sla.models.overhaul import OverhaulInterview, OverhaulPlan, OverhaulTick
from sla.models.play import (
    AccountPlay,
    AccountPlayQuerySet,
    PlayAttempt,
    PlayClock,
    PlayContact,
    PlayDisposition,
    PlayNote,
    PlayOutcome,
    PlayRouting,
    PlayTask,
)
from sla.models.reason import ReasonCode, SubReason
from sla.models.reinstatement import Reinstatement
from sla.models.report_subscription import ReportSending, ReportSubscription
from sla.models.reported_mql import ReportedMql, ReportedMqlChange, ReportedPromise
from sla.models.roster_change import RosterChange
from sla.models.routing import RoutingDecision, RoutingRule
from sla.models.satisfaction import SatisfactionQuestion
from sla.models.team import Absence, Rep, Team

__all__ = [
    "VERDICTS",
    "Absence",
    "AccountPlay",
    "AccountPlayQuerySet",
    "AlertSettings",
    "Attempt",
    "CalendarChange",
    "CalendarVersion",
    "Clock",
    "ClockQuerySet",
    "Commitment",
    "Delivery",
    "DeliveryQuerySet",
    "Disposition",
    "Handoff",
    "HandoffOpening",
    "HandoffQuerySet",
    "MarketingCost",
    "MarketingCostQuerySet",
    "MeetingDecision",
    "MeetingNote",
    "Note",
    "Notice",
    "NoticeMail",
    "OverhaulInterview",
    "OverhaulPlan",
    "OverhaulTick",
    "PendingDecision",
    "PlayAttempt",
    "PlayClock",
    "PlayContact",
    "PlayDisposition",
    "PlayNote",
    "PlayOutcome",
    "PlayRouting",
    "PlayTask",
    "PromiseClock",
    "PromiseSimulation",
    "QuarterCoverage",
    "ReasonCode",
    "Reinstatement",
    "RejectionDigest",
    "Rep",
    "ReportSending",
    "ReportSubscription",
    "ReportedMql",
    "ReportedMqlChange",
    "ReportedPromise",
    "RosterChange",
    "RoutingDecision",
    "RoutingRule",
    "SalesQualification",
    "SatisfactionQuestion",
    "SavedFilter",
    "SpecialDay",
    "SubReason",
    "Team",
    "WeeklyForecast",
    "WeeklyMeeting",
    "WorkCalendar",
    "WorkHours",
    "read_verdict",
]  # fmt: skip
