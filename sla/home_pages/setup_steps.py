"""Steps that are missing before the first MQL, ticked by facts (rules 12.76)."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.models import Event, Lead
from scoring.models import AccountQualification, Qualification
from sla.models import Commitment, Rep, RoutingRule
from sla.vocabulary import CommitmentState


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step before the first MQL: what to do, whose part it is, where, and whether the facts say that it is done."""

    label: str
    who: str
    href: str
    is_done: bool


def list_steps() -> list[SetupStep]:
    """List the steps in their order; none once a lead or a company has qualified."""
    if Qualification.objects.exists() or AccountQualification.objects.exists():
        return []
    return [
        SetupStep(
            "Give a leader of marketing and one of sales an account: both sign",
            "An administrator",
            reverse("admin:accounts_user_changelist"),
            all(_has_role(role) for role in (Role.MARKETING_LEADER, Role.SALES_LEADER)),
        ),
        SetupStep(
            "Write a definition, or begin with a preset",
            "Marketing ops",
            reverse("presets"),
            Version.objects.exists(),
        ),
        SetupStep(
            "Have the definition signed by both sides, and activate it",
            "Both leaders",
            reverse("definitions"),
            Version.objects.active().exists(),
        ),
        SetupStep(
            "Agree on the commitments of both sides",
            "Both leaders",
            reverse("commitments"),
            Commitment.objects.filter(state=CommitmentState.ACTIVE).exists(),
        ),
        SetupStep(
            "Make a team with reps who can be given leads",
            "A sales manager",
            reverse("reps"),
            Rep.objects.filter(is_active=True).exists(),
        ),
        SetupStep(
            "Say which leads go to which team",
            "A sales manager",
            reverse("routing"),
            RoutingRule.objects.filter(is_active=True).exists(),
        ),
        SetupStep(
            "Bring in leads: by file, form or API", "Marketing ops", reverse("import_list"), Lead.objects.exists()
        ),
        SetupStep("Bring in what they do: events", "Marketing ops", reverse("import_list"), Event.objects.exists()),
    ]


def _has_role(role: Role) -> bool:
    return User.objects.filter(is_active=True, groups__name=role).exists()
