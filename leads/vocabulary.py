from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from config.accounts.vocabulary import Role

#: The date of a fact that has always been so, or whose sender gave none.
BEGINNING: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: How far ahead of our clock a sender's clock may run (rules 14.3).
CLOCK_SKEW: Final = dt.timedelta(minutes=5)


#: The space of the ids in a file, unless its sender is named.
DEFAULT_SOURCE: Final = "import"

#: Roles that may list all leads; an SDR sees those handed to the team, on the handoff's page (rules 1.7).
READERS_OF_LEADS: Final = (
    Role.MARKETING_OPS,
    Role.MARKETING_LEADER,
    Role.SALES_LEADER,
    Role.SALES_MANAGER,
    Role.VIEWER,
)


class Stage(models.TextChoices):
    """The stages of rules 2.1."""

    LEAD = "lead", _("Lead")
    MAL = "mal", _("MAL")
    MQL = "mql", _("MQL")
    SAL = "sal", _("SAL")
    SQL = "sql", _("SQL")
    OPPORTUNITY = "opportunity", _("Opportunity")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")
    NURTURE = "nurture", _("Nurture")
    PAUSED = "paused", _("Paused")
    DISQUALIFIED = "disqualified", _("Disqualified")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return STAGE_TONES[self]

    @property
    def owner(self) -> OwningTeam:
        """The team that owns the leads of this stage (rules 2.12)."""
        return STAGE_OWNERS[self]


class OwningTeam(models.TextChoices):
    """The teams that own the leads of a stage (rules 2.12)."""

    MARKETING = "marketing", _("Marketing")
    SALES_DEVELOPMENT = "sales_development", _("Sales development")
    SALES = "sales", _("Sales")
    CUSTOMER_SUCCESS = "customer_success", _("Customer success")


#: An MQL is marketing's until sales accepts it. What sales is done with without a win is marketing's again.
STAGE_OWNERS: Final = MappingProxyType(
    {
        Stage.LEAD: OwningTeam.MARKETING,
        Stage.MAL: OwningTeam.MARKETING,
        Stage.MQL: OwningTeam.MARKETING,
        Stage.SAL: OwningTeam.SALES_DEVELOPMENT,
        Stage.SQL: OwningTeam.SALES,
        Stage.OPPORTUNITY: OwningTeam.SALES,
        Stage.WON: OwningTeam.CUSTOMER_SUCCESS,
        Stage.LOST: OwningTeam.MARKETING,
        Stage.NURTURE: OwningTeam.MARKETING,
        Stage.PAUSED: OwningTeam.MARKETING,
        Stage.DISQUALIFIED: OwningTeam.MARKETING,
    }
)

STAGE_TONES: Final = MappingProxyType(
    {
        Stage.LEAD: "",
        Stage.MAL: "marketing",
        Stage.MQL: "marketing",
        Stage.SAL: "sales",
        Stage.SQL: "sales",
        Stage.OPPORTUNITY: "sales",
        Stage.WON: "good",
        Stage.LOST: "bad",
        Stage.NURTURE: "info",
        Stage.PAUSED: "warn",
        Stage.DISQUALIFIED: "bad",
    }
)

#: The steps from a lead to a customer; the other stages lie beside it (rules 2.1).
LADDER: Final = (Stage.LEAD, Stage.MAL, Stage.MQL, Stage.SAL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON)


#: The one table of allowed moves. Won and lost may come from the CRM for a lead that Accord never saw as an MQL.
MOVES: Final = MappingProxyType(
    {
        Stage.LEAD: {Stage.MAL, Stage.MQL, Stage.NURTURE, Stage.DISQUALIFIED, Stage.OPPORTUNITY, Stage.WON, Stage.LOST},
        Stage.MAL: {
            Stage.LEAD, Stage.MQL, Stage.NURTURE, Stage.PAUSED, Stage.DISQUALIFIED, Stage.OPPORTUNITY, Stage.WON, Stage.LOST,
        },
        Stage.MQL: {Stage.SAL, Stage.MAL, Stage.NURTURE, Stage.DISQUALIFIED, Stage.OPPORTUNITY, Stage.WON, Stage.LOST},
        Stage.SAL: {Stage.SQL, Stage.MAL, Stage.NURTURE, Stage.DISQUALIFIED, Stage.OPPORTUNITY, Stage.WON, Stage.LOST},
        Stage.SQL: {Stage.OPPORTUNITY, Stage.MAL, Stage.NURTURE, Stage.DISQUALIFIED, Stage.WON, Stage.LOST},
        Stage.OPPORTUNITY: {Stage.WON, Stage.LOST, Stage.NURTURE},
        Stage.WON: {Stage.LOST},
        Stage.LOST: {Stage.MQL, Stage.MAL, Stage.NURTURE, Stage.DISQUALIFIED, Stage.OPPORTUNITY, Stage.WON},
        Stage.NURTURE: {
            Stage.MAL, Stage.MQL, Stage.PAUSED, Stage.DISQUALIFIED, Stage.OPPORTUNITY, Stage.WON, Stage.LOST,
        },
        Stage.PAUSED: {
            Stage.MAL, Stage.NURTURE, Stage.MQL, Stage.DISQUALIFIED, Stage.OPPORTUNITY, Stage.WON, Stage.LOST,
        },
        Stage.DISQUALIFIED: {Stage.LEAD, Stage.MAL, Stage.OPPORTUNITY, Stage.WON, Stage.LOST},
    }
)  # fmt: skip

#: The summary stage of a lead is the first of these in which it stands in any motion (rules 2.10): a customer before all,
#: then the furthest that sales works on, then what marketing has, then what is closed.
SUMMARY_ORDER: Final = (
    Stage.WON,
    Stage.OPPORTUNITY,
    Stage.SQL,
    Stage.SAL,
    Stage.MQL,
    Stage.NURTURE,
    Stage.MAL,
    Stage.PAUSED,
    Stage.LOST,
    Stage.DISQUALIFIED,
    Stage.LEAD,
)

#: Stages in which a lead may become an MQL.
OPEN_TO_QUALIFY: Final = frozenset({Stage.LEAD, Stage.MAL, Stage.NURTURE, Stage.PAUSED, Stage.LOST})

#: Stages in which a lead waits for its own activity, and is paused without any for long (rules 2.22).
PAUSABLE: Final = (Stage.MAL, Stage.NURTURE)


class MalExitKind(models.TextChoices):
    """The ways by which marketing ops take a lead out of the MALs (rules 2.21). The engine makes MQLs of others."""

    QUIET = "quiet", _("Quiet")
    WRONG_FIT = "wrong_fit", _("Wrong fit")
    BOUGHT_ELSEWHERE = "bought_elsewhere", _("Bought elsewhere")


class Intent(models.TextChoices):
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class KeyKind(models.TextChoices):
    """The kinds of keys by which a lead or a company is recognised."""

    EMAIL = "email", _("E-mail address")
    PHONE = "phone", _("Phone number")
    DOMAIN = "domain", _("Domain")
    ID = "id", _("Id in another system")


class NoteKind(models.TextChoices):
    """The kinds of notes on a row that was taken: something in it was not stored as it came."""

    NOT_UNDERSTOOD = "not_understood", _("Value not understood")
    KEPT_WISH = "kept_wish", _("Opt-out kept")
    KEY_LEFT_OUT = "key_left_out", _("Key that names nobody")
    REPLACED_PERSON = "replaced_person", _("Another person under the same address")


class ImportState(models.TextChoices):
    """The states of a file's import."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Under way")
    DONE = "done", _("Imported")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")

    @property
    def tone(self) -> str:
        """The tone of its badge."""
        return IMPORT_TONES[self]


IMPORT_TONES: Final = MappingProxyType(
    {
        ImportState.QUEUED: "",
        ImportState.RUNNING: "info",
        ImportState.DONE: "good",
        ImportState.FAILED: "bad",
        ImportState.CANCELLED: "warn",
    }
)


class DuplicateReason(models.TextChoices):
    """The reasons why two leads may be one person, the strongest first (rules 13.53)."""

    ADDRESS = "address", _("Same address in another spelling")
    NAME = "name", _("Same name at the same company")
    PHONE = "phone", _("Same phone number")

    @property
    def strength(self) -> str:
        """Return how likely the two are one person."""
        return _STRENGTHS[self]


_STRENGTHS: Final = MappingProxyType(
    {DuplicateReason.ADDRESS: "strong", DuplicateReason.NAME: "medium", DuplicateReason.PHONE: "weak"}
)


class OutcomeKind(models.TextChoices):
    OPPORTUNITY = "opportunity", _("Opportunity")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


class PastDecision(models.TextChoices):
    """A decision of sales on a lead from before Accord recorded them."""

    ACCEPT = "accept", _("Accepted")
    REJECT = "reject", _("Rejected")


class Motion(models.TextChoices):
    """The way in which a lead qualifies (rules 2.7). Motions are never summed."""

    MQL = "mql", _("MQL (marketing qualified)")
    PQL = "pql", _("PQL (product qualified)")
    AQL = "aql", _("AQL (account qualified)")

    @property
    def short(self) -> str:
        """The abbreviation: MQL, PQL, AQL."""
        return self.value.upper()


def stage_label(stage: str, motion: str) -> str:
    """Return the label of a stage in a motion: who qualified under PQL is a PQL (rules 2.11)."""
    return Motion(motion).short if stage == Stage.MQL else str(Stage(stage).label)


def summarize_stages(stages: Mapping[Motion, Stage] | Mapping[str, str]) -> tuple[Stage, Motion]:
    """Return the summary stage of a lead and the motion that it comes from, of its stages by motion (rules 2.10).

    Of two motions in one stage the first of MQL, PQL and AQL is named. Without any stage the lead is a lead.
    """
    ranked = [(SUMMARY_ORDER.index(Stage(stages[motion])), motion) for motion in Motion if motion in stages]
    if not ranked:
        return Stage.LEAD, Motion.MQL
    place, motion = min(ranked, key=itemgetter(0))
    return SUMMARY_ORDER[place], motion


class EntryStatus(models.TextChoices):
    """The origin of an entry of a named list, and whether it counts (rules 22.5 to 22.7)."""

    SHIPPED = "shipped", _("Shipped by Accord")
    OWN = "own", _("Own entry")
    REMOVED = "removed", _("Shipped, but taken out here")


class Seniority(models.TextChoices):
    """Levels of seniority in rising order. `leads.normalization.job_titles` reads one from the title unless it is given."""

    INTERN = "intern", _("Intern")
    INDIVIDUAL_CONTRIBUTOR = "individual contributor", _("Individual contributor")
    MANAGER = "manager", _("Manager")
    SENIOR_MANAGER = "senior manager", _("Senior manager")
    DIRECTOR = "director", _("Director")
    VP = "vp", _("VP")
    C_LEVEL = "c-level", _("C-level")
