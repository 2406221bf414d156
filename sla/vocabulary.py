from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

#: The years accepted in dates that people type; any other is a typing error.
YEARS: Final = range(2000, 2100)

#: The days within which a lead becomes an opportunity, for the target in the commitments: those of the catalogue's figure.
OPPORTUNITY_DAYS: Final = 60


class HandoffState(models.TextChoices):
    UNROUTED = "unrouted", _("Unrouted")
    ASSIGNED = "assigned", _("To decide")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    QUALIFIED = "qualified", _("SQL")
    OPPORTUNITY = "opportunity", _("Opportunity")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return HANDOFF_TONES[self]


HANDOFF_TONES: Final = MappingProxyType(
    {
        HandoffState.UNROUTED: "warn",
        HandoffState.ASSIGNED: "info",
        HandoffState.ACCEPTED: "sales",
        HandoffState.REJECTED: "bad",
        HandoffState.QUALIFIED: "sales",
        HandoffState.OPPORTUNITY: "sales",
        HandoffState.WON: "good",
        HandoffState.LOST: "bad",
    }
)


#: The one table of allowed moves of a handoff.
HANDOFF_MOVES: Final = MappingProxyType(
    {
        HandoffState.UNROUTED: {HandoffState.ASSIGNED},
        HandoffState.ASSIGNED: {HandoffState.ACCEPTED, HandoffState.REJECTED, HandoffState.UNROUTED},
        HandoffState.ACCEPTED: {HandoffState.QUALIFIED, HandoffState.LOST, HandoffState.REJECTED},
        HandoffState.QUALIFIED: {HandoffState.OPPORTUNITY, HandoffState.WON, HandoffState.LOST},
        HandoffState.OPPORTUNITY: {HandoffState.WON, HandoffState.LOST},
        HandoffState.REJECTED: {HandoffState.ACCEPTED},
        HandoffState.WON: set(),
        HandoffState.LOST: set(),
    }
)

#: The moves that a report of the CRM causes, whatever sales decided (rules 2.6: outcomes come from the CRM). They are
#: facts; the steps that people may take are in HANDOFF_MOVES.
CRM_MOVES: Final = MappingProxyType(
    {
        HandoffState.ASSIGNED: {HandoffState.OPPORTUNITY, HandoffState.WON, HandoffState.LOST},
        HandoffState.ACCEPTED: {HandoffState.OPPORTUNITY, HandoffState.WON, HandoffState.LOST},
        HandoffState.QUALIFIED: {HandoffState.OPPORTUNITY, HandoffState.WON, HandoffState.LOST},
        HandoffState.OPPORTUNITY: {HandoffState.WON, HandoffState.LOST},
    }
)

#: While a handoff is in one of these the lead has no second one of the same motion.
OPEN_STATES: Final = (
    HandoffState.UNROUTED,
    HandoffState.ASSIGNED,
    HandoffState.ACCEPTED,
    HandoffState.QUALIFIED,
    HandoffState.OPPORTUNITY,
)


CLOSED_STATES: Final = tuple(state for state in HandoffState if state not in OPEN_STATES)


class PlayState(models.TextChoices):
    """The state of an account play. It has no SQL: the four answers are of a lead."""

    UNROUTED = "unrouted", _("Unrouted")
    ASSIGNED = "assigned", _("To decide")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    OPPORTUNITY = "opportunity", _("Opportunity")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return HANDOFF_TONES[HandoffState(self)]


#: The one table of allowed moves of a play.
PLAY_MOVES: Final = MappingProxyType(
    {
        PlayState.UNROUTED: {PlayState.ASSIGNED},
        PlayState.ASSIGNED: {PlayState.ACCEPTED, PlayState.REJECTED},
        PlayState.ACCEPTED: {PlayState.OPPORTUNITY, PlayState.LOST},
        PlayState.OPPORTUNITY: {PlayState.WON, PlayState.LOST},
        PlayState.REJECTED: set(),
        PlayState.WON: set(),
        PlayState.LOST: set(),
    }
)

#: While a play is in one of these its company has no second one.
OPEN_PLAY_STATES: Final = (PlayState.UNROUTED, PlayState.ASSIGNED, PlayState.ACCEPTED, PlayState.OPPORTUNITY)
CLOSED_PLAY_STATES: Final = tuple(state for state in PlayState if state not in OPEN_PLAY_STATES)
#: An owner has a play in one of these in hand, to decide or to work on; a deal is apart.
PLAY_STATES_IN_HAND: Final = (PlayState.ASSIGNED, PlayState.ACCEPTED)


class BuyingRole(models.TextChoices):
    """The part of a person in the buying group of a company."""

    ECONOMIC_BUYER = "economic_buyer", _("Economic buyer")
    DECISION_MAKER = "decision_maker", _("Decision maker")
    CHAMPION = "champion", _("Champion")
    USER = "user", _("User")
    UNKNOWN = "unknown", _("Role unknown")


#: The roles that a whole buying group has; those without a contact are missing.
EXPECTED_ROLES: Final = (
    BuyingRole.ECONOMIC_BUYER,
    BuyingRole.DECISION_MAKER,
    BuyingRole.CHAMPION,
    BuyingRole.USER,
)


class ClockKind(models.TextChoices):
    ROUTE = "route", _("Routing")
    FIRST_CONTACT = "first_contact", _("First contact")
    DISPOSITION = "disposition", _("Accept or reject")


class PromiseVerdict(models.TextChoices):
    """The verdict on a promise: met in time; met late or breached; still running; or cancelled before it could be either."""

    KEPT = "kept", _("Kept")
    LATE = "late", _("Late")
    RUNNING = "running", _("Running")
    CANCELLED = "cancelled", _("Cancelled")


class Channel(models.TextChoices):
    CALL = "call", _("Call")
    EMAIL = "email", _("E-mail")
    LINKEDIN = "linkedin", _("LinkedIn")
    SMS = "sms", _("Text message")
    MEETING = "meeting", _("Meeting")


class AttemptOutcome(models.TextChoices):
    NO_ANSWER = "no_answer", _("No answer")
    LEFT_MESSAGE = "left_message", _("Left a message")
    SENT = "sent", _("Sent")
    CONNECTED = "connected", _("Connected")
    BOUNCED = "bounced", _("Bounced / wrong number")


#: The outcomes of a contact by channel, labelled as people say them there: the only combinations that count as contact
#: (rules 6.20). Each is something that a rep did: an answer of the lead is an event, not a contact.
CONTACTS: Final = MappingProxyType(
    {
        Channel.CALL: {
            AttemptOutcome.NO_ANSWER: _("No answer"),
            AttemptOutcome.LEFT_MESSAGE: _("Left a voicemail"),
            AttemptOutcome.CONNECTED: _("Reached"),
            AttemptOutcome.BOUNCED: _("Wrong number"),
        },
        Channel.EMAIL: {
            AttemptOutcome.SENT: _("Sent"),
            AttemptOutcome.BOUNCED: _("Bounced"),
        },
        Channel.LINKEDIN: {AttemptOutcome.SENT: _("Sent")},
        Channel.SMS: {
            AttemptOutcome.SENT: _("Sent"),
            AttemptOutcome.BOUNCED: _("Wrong number"),
        },
        Channel.MEETING: {AttemptOutcome.CONNECTED: _("Held"), AttemptOutcome.NO_ANSWER: _("Did not come")},
    }
)


def outcome_label(channel: str, outcome: str) -> str:
    """Return the outcome as people say it for this channel; for an older combination its plain label."""
    labels = CONTACTS.get(Channel(channel), {})
    return str(labels.get(AttemptOutcome(outcome), AttemptOutcome(outcome).label))


class Family(models.TextChoices):
    """A family of rejection reasons: what they say about the definition (rules 7.5)."""

    FIT = "fit", _("Fit")
    ENGAGEMENT = "engagement", _("Engagement")
    TIMING = "timing", _("Timing")
    BANT = "bant", _("BANT")
    DATA = "data", _("Data quality")


class Route(models.TextChoices):
    """The destination of a rejected lead."""

    RECYCLE = "recycle", _("Nurture, back on a date")
    BACK_TO_MARKETING = "back_to_marketing", _("Back to marketing (MAL)")
    DISQUALIFY = "disqualify", _("Disqualified")


class DispositionKind(models.TextChoices):
    ACCEPT = "accept", _("Accepted")
    REJECT = "reject", _("Rejected")


class CommitmentState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")


#: The one table of allowed moves of a commitment.
COMMITMENT_MOVES: Final = MappingProxyType(
    {
        CommitmentState.DRAFT: {CommitmentState.ACTIVE},
        CommitmentState.ACTIVE: {CommitmentState.RETIRED},
        CommitmentState.RETIRED: set(),
    }
)


class NoticeKind(models.TextChoices):
    NEW_MQL = "mql.routed", _("New MQL")
    REASSIGNED = "mql.reassigned", _("Reassigned")
    UNROUTED = "mql.unrouted", _("Nobody to route to")
    DUE_SOON = "sla.warning", _("Due soon")
    BREACHED = "sla.breached", _("Breached")
    RECYCLED = "lead.recycled", _("Recycled")
    REENGAGED = "lead.reengaged", _("Re-engaged")
    REVIEW = "review.opened", _("Review")
    SIGNATURE = "signature.waiting", _("Waits for your signature")
    GIVEN_BACK = "decision.given_back", _("Decision not recorded")
    BLIND_RULE = "rule.blind", _("Rule that sees nothing")
    NEW_PLAY = "play.routed", _("New account play")
    REINSTATED = "lead.reinstated", _("Disqualified lead asked")
    SUPPRESSED = "suppression.set", _("Leads suppressed")
    LINE_CROSSED = "rate.line_crossed", _("Rate beyond its line")
    VALIDATION = "recency.waiting", _("Recency validation")
    PIPELINE_SHORT = "pipeline.short", _("Pipeline falls short")
    REJECTION_DIGEST = "rejections.digest", _("Rejections of a month")
    MEETING = "meeting.closed", _("Weekly meeting")
    REPORT = "report.weekly", _("Report you subscribed to")
    SATISFACTION = "satisfaction.asked", _("Satisfaction asked")

    @property
    def tone(self) -> str:
        """The tone of its dot in the list of notices."""
        return NOTICE_TONES[self]


NOTICE_TONES: Final = MappingProxyType(
    {
        NoticeKind.NEW_MQL: "info",
        NoticeKind.REASSIGNED: "info",
        NoticeKind.UNROUTED: "bad",
        NoticeKind.DUE_SOON: "warn",
        NoticeKind.BREACHED: "bad",
        NoticeKind.RECYCLED: "info",
        NoticeKind.REENGAGED: "marketing",
        NoticeKind.REVIEW: "info",
        NoticeKind.SIGNATURE: "warn",
        NoticeKind.GIVEN_BACK: "info",
        NoticeKind.BLIND_RULE: "warn",
        NoticeKind.NEW_PLAY: "info",
        NoticeKind.REINSTATED: "marketing",
        NoticeKind.SUPPRESSED: "warn",
        NoticeKind.LINE_CROSSED: "warn",
        NoticeKind.VALIDATION: "marketing",
        NoticeKind.PIPELINE_SHORT: "warn",
        NoticeKind.REJECTION_DIGEST: "info",
        NoticeKind.MEETING: "info",
        NoticeKind.REPORT: "info",
        NoticeKind.SATISFACTION: "info",
    }
)


#: How long a delivery that failed waits, by the number of failures so far; after the last it is given up.
BACKOFF: Final = (dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1), dt.timedelta(hours=6))


class DeliveryChannel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SLACK = "slack", _("Slack")


class MeetingDecisionState(models.TextChoices):
    """The states of a decision of the weekly meeting."""

    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    DROPPED = "dropped", _("Dropped")

    @property
    def tone(self) -> str:
        return {"open": "warn", "done": "good", "dropped": ""}[self.value]
