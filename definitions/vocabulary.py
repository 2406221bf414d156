from __future__ import annotations

from types import MappingProxyType
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

DOCUMENT_FORMAT: Final = "accord.definition/1"

#: Rules 3.10: a statement longer than 30 seconds at 150 words a minute is warned about.
STATEMENT_WORDS: Final = 75
STATEMENT_SECONDS: Final = 30
#: Rules 3.19: the longest summary, in characters; it is one sentence.
LONGEST_SUMMARY: Final = 200


class VersionState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PROPOSED = "proposed", _("Proposed")
    APPROVED = "approved", _("Approved")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")
    REFUSED = "refused", _("Refused")


#: The tone of a state's badge (components/badge.html).
VERSION_TONES: Final = MappingProxyType(
    {
        VersionState.DRAFT: "",
        VersionState.PROPOSED: "info",
        VersionState.APPROVED: "info",
        VersionState.ACTIVE: "good",
        VersionState.RETIRED: "",
        VersionState.REFUSED: "bad",
    }
)

#: The allowed changes of state (rules 9.1). A leader's refusal ends the version; its copy continues as a new minor draft.
VERSION_MOVES: Final = MappingProxyType(
    {
        VersionState.DRAFT: {VersionState.PROPOSED},
        VersionState.PROPOSED: {VersionState.APPROVED, VersionState.REFUSED},
        VersionState.APPROVED: {VersionState.ACTIVE},
        VersionState.ACTIVE: {VersionState.RETIRED},
        VersionState.RETIRED: set(),
        VersionState.REFUSED: set(),
    }
)


class Part(models.TextChoices):
    GATE = "gate", _("Gate (all must pass)")
    FIT = "fit", _("Fit points")
    BANT = "bant", _("BANT points")
    DISQUALIFIER = "disqualifiers", _("Disqualifier (any excludes)")


class Operator(models.TextChoices):
    BETWEEN = "between", _("is between")
    AT_LEAST = "at_least", _("is at least")
    AT_MOST = "at_most", _("is at most")
    IN = "in", _("is one of")
    NOT_IN = "not_in", _("is none of")
    CONTAINS_ANY = "contains_any", _("contains any of")
    HAS_WORD_ANY = "has_word_any", _("has any of the words")
    HAS_ANY = "has_any", _("includes any of")
    IS = "is", _("is (yes/no)")
    KNOWN = "known", _("is known (yes/no)")
    IN_LIST = "in_list", _("is in the list")


class UnknownPolicy(models.TextChoices):
    """The answer of a criterion to a value that is not known; it never passes (rules 3.15)."""

    FAIL = "fail", _("counts as failed")
    HOLD = "hold", _("waits for enrichment")


class FieldKind(models.TextChoices):
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    LIST = "list"
    SENIORITY = "seniority"


#: Every field that a criterion can name, with its kind and its label (rules 15.2).
#: The customer's own attributes are `lead.custom.NAME` and `company.custom.NAME`.
FIELDS: Final = MappingProxyType(
    {
        "company.employees": (FieldKind.NUMBER, _("company size")),
        "company.industry": (FieldKind.TEXT, _("industry")),
        "company.country": (FieldKind.TEXT, _("company country")),
        "company.region": (FieldKind.TEXT, _("company region")),
        "company.annual_revenue": (FieldKind.NUMBER, _("annual revenue")),
        "company.business_model": (FieldKind.TEXT, _("business model")),
        "company.technologies": (FieldKind.LIST, _("technologies")),
        "company.is_customer": (FieldKind.FLAG, _("current customer")),
        "company.is_competitor": (FieldKind.FLAG, _("competitor")),
        "lead.title": (FieldKind.TEXT, _("job title")),
        "lead.seniority": (FieldKind.SENIORITY, _("seniority")),
        "lead.email_domain": (FieldKind.TEXT, _("e-mail domain")),
        "lead.country": (FieldKind.TEXT, _("country")),
        "lead.region": (FieldKind.TEXT, _("region")),
        "lead.source": (FieldKind.TEXT, _("lead source")),
        "lead.do_not_contact": (FieldKind.FLAG, _("do not contact")),
        "lead.budget": (FieldKind.TEXT, _("budget")),
        "lead.timeline": (FieldKind.TEXT, _("timeline")),
        "lead.use_case": (FieldKind.TEXT, _("use case")),
    }
)

#: Fields that are amounts when the code of a currency follows, as `lead.budget.EUR`: unknown in any other currency.
CURRENCY_FIELDS: Final = ("lead.budget", "company.annual_revenue")


def split_currency(field: str) -> tuple[str, str]:
    """Return a field and the currency it asks for: (`lead.budget`, `EUR`) for `lead.budget.EUR`, else the field and ""."""
    base, _, currency = field.rpartition(".")
    return (base, currency) if base in CURRENCY_FIELDS else (field, "")


#: The operators that fit each kind of field. The customer's own attributes may use any operator.
OPERATORS_OF: Final = MappingProxyType(
    {
        FieldKind.TEXT: {"in", "not_in", "contains_any", "has_word_any", "known", "in_list"},
        FieldKind.NUMBER: {"between", "at_least", "at_most", "in", "not_in", "known"},
        FieldKind.FLAG: {"is", "known"},
        FieldKind.LIST: {"has_any", "known"},
        FieldKind.SENIORITY: {"at_least", "at_most", "between", "in", "not_in", "known"},
    }
)


class Axis(models.TextChoices):
    FIT = "fit", _("fit")
    ENGAGEMENT = "engagement", _("engagement")
    BANT = "bant", _("BANT")
    FIT_AND_ENGAGEMENT = "fit+engagement", _("fit + engagement")


class DecayMode(models.TextChoices):
    COMPOUND = "compound", _("compound")
    LINEAR = "linear", _("linear")
    NONE = "none", _("none")


class DefinitionKind(models.TextChoices):
    """The way in which a version decides (rules 3.18)."""

    THREE_COMPONENTS = "three_components", _("Three components: fit, behaviour, timing")
    POINTS = "points", _("Points against a bar")
    CHECKLIST = "checklist", _("Checklist without points")
    HAND_RAISE = "hand_raise", _("Hand raise only")


class PathKind(models.TextChoices):
    PATH = "paths", _("Path")
    HOT = "hot", _("Hot trigger (tier 1)")


class Side(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    SALES = "sales", _("Sales")
    OPS = "ops", _("Marketing ops")
    SDR = "sdr", _("SDR")


#: The sides whose words count: both leaders approve a version, and either refuses it. Other sides are heard (rules 9.9).
DECIDING_SIDES: Final = (Side.MARKETING, Side.SALES)


class Decision(models.TextChoices):
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class ChangeDriver(models.TextChoices):
    """The cause of a new version (rules 9.6). Volume is offered so that it can be refused with the reason why."""

    FIRST = "first", _("It is the first version")
    BACKTEST = "backtest", _("A backtest")
    SAL_RATE = "sal_rate", _("The SAL rate")
    REJECTION_PATTERN = "rejection_pattern", _("A pattern in the rejections")
    ICP_CHANGE = "icp_change", _("The ideal customer changed")
    NEW_MARKET = "new_market", _("A new market or product line")
    LEADERSHIP = "leadership", _("New leadership, reconciled")
    CORRECTION = "correction", _("A correction that loosens nothing")
    NO_RULE = "no_rule", _("It changes no rule: words only")
    VOLUME = "volume", _("A volume target")


class PrecisionBasis(models.TextChoices):
    """The outcome that precision counts: wins, or acceptances by sales, SQLs and wins (rules 9.26)."""

    WON = "won", _("won")
    SAL = "sal", _("at least SAL")


class ReviewTrigger(models.TextChoices):
    """The trigger of a review (rules 8.2, 8.9). Accord has one open review per trigger and cause of a definition."""

    QUARTER = "quarter", _("A quarter since the last review")
    DRIFT = "drift", _("More than 5 points off the target")
    REJECTION_SPIKE = "rejection_spike", _("Rejection rate above 35 %")
    REJECTION_SUSTAINED = "rejection_sustained_2m", _("Rejection rate above 35 % two months running")
    RUBBER_STAMP = "rejection_low", _("Rejection rate below 10 %")
    SAL_BELOW_TARGET = "sal_below_target_2m", _("SAL rate below target two months running")
    SAL_GUARD = "sal_guard_90d", _("SAL rate below target in the 90 days after an activation")
    VOLUME_SPIKE = "volume_spike", _("MQL volume above its trend")
    CONVERSION_DROP = "conversion_drop", _("Conversion lower than in the quarter before")
    LOW_BAND = "band_below_5", _("A score band converts below 5 %")
    ICP_CHANGE = "icp_change", _("The ideal customer changed")
    JOINT = "joint_6m", _("Six months since the last joint review")
    ANNUAL = "annual", _("A year since the last recalibration")
    STALE = "stale", _("Not reviewed for too long")
    NEW_MARKET = "new_market", _("A new market or product line")
    NEW_LEADER = "new_leader", _("A new CMO or CRO")
    MANUAL = "manual", _("Opened by hand")


class ReviewKind(models.TextChoices):
    LIGHT = "light", _("Light check")
    FULL = "full", _("Full review")
    SPOT = "spot", _("Spot review")
    JOINT = "joint", _("Joint session")
    RECONCILIATION = "reconciliation", _("Reconciliation")

    @property
    def days(self) -> int:
        """The days after its opening within which a review of this kind is decided (rules 8.32)."""
        return 7 if self in (ReviewKind.LIGHT, ReviewKind.SPOT) else 14

    @property
    def needs_all_roles(self) -> bool:
        """Return whether it is decided only with all four roles of the agreement at the table (rules 8.29)."""
        return self in (ReviewKind.JOINT, ReviewKind.RECONCILIATION)


#: The triggers that a person may open, with the kind of review that each opens (rules 8.27); None: the person chooses.
OPENED_BY_HAND: Final = MappingProxyType(
    {
        ReviewTrigger.NEW_MARKET: ReviewKind.JOINT,
        ReviewTrigger.NEW_LEADER: ReviewKind.RECONCILIATION,
        ReviewTrigger.ICP_CHANGE: ReviewKind.FULL,
        ReviewTrigger.JOINT: ReviewKind.JOINT,
        ReviewTrigger.ANNUAL: ReviewKind.FULL,
        ReviewTrigger.QUARTER: ReviewKind.LIGHT,
        ReviewTrigger.MANUAL: None,
    }
)


class ReviewState(models.TextChoices):
    """The state of a review; it follows from its columns and is not stored (rules 8.30)."""

    OPEN = "open", _("Open")
    ESCALATED = "escalated", _("Escalated")
    BLOCKED = "blocked", _("Blocked on data")
    DECIDED = "decided", _("Decided")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return {"open": "warn", "escalated": "bad", "blocked": "info", "decided": "good"}[self.value]


class ReviewSeat(models.TextChoices):
    """The seat of a participant: one of the four roles of a joint review, or a guest's (rules 8.29)."""

    MARKETING = "marketing", _("Marketing leader")
    SALES = "sales", _("Sales leader")
    OPS = "ops", _("Marketing ops")
    QUEUE = "queue", _("SDR or AE who works the queue daily")
    GUEST = "guest", _("Guest")


#: The seats that a joint review or a reconciliation needs, in the order in which missing ones are named.
NEEDED_SEATS: Final = (ReviewSeat.MARKETING, ReviewSeat.SALES, ReviewSeat.OPS, ReviewSeat.QUEUE)


class ReviewStepKind(models.TextChoices):
    """The steps of a review between its opening and its decision (rules 8.30)."""

    ESCALATED = "escalated", _("Escalated")
    BLOCKED = "blocked", _("Blocked on data")
    UNBLOCKED = "unblocked", _("Unblocked")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    MEETING = "meeting", _("Meeting set")


class SuppressionSubject(models.TextChoices):
    """The subject of a suppression (rules 9.21)."""

    DOMAIN = "domain", _("Domain")
    COMPANY = "company", _("Company")
    LEAD = "lead", _("Lead")
    SOURCE = "source", _("Source")


class SuppressionState(models.TextChoices):
    """The state of a suppression at an instant; it follows from its dates and is not stored."""

    COMING = "coming", _("Coming")
    IN_FORCE = "in_force", _("In force")
    ENDED = "ended", _("Ended")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return {"coming": "info", "in_force": "warn", "ended": ""}[self.value]
