"""Which steps a person is offered on a version: the buttons of the admin and of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Version
from definitions.versions import SIGNERS
from definitions.vocabulary import Side, VersionState

_OPS: Final = (Role.MARKETING_OPS,)


@dataclass(frozen=True, slots=True)
class OfferedStep:
    """What the button says, who may press it, in which states, and what it brings about."""

    name: str
    label: str
    roles: tuple[Role, ...]
    states: frozenset[VersionState]
    meaning: str


STEPS: Final = {
    step.name: step
    for step in (
        OfferedStep(
            "copy",
            "Copy to a new draft",
            _OPS,
            frozenset(VersionState),
            "A new draft with the same rows and the next number; this version stays as it is.",
        ),
        OfferedStep(
            "propose",
            "Propose",
            _OPS,
            frozenset({VersionState.DRAFT}),
            "From here on nobody can change anything in it. Both leaders are asked to sign.",
        ),
        OfferedStep(
            "sign",
            "Sign or refuse",
            tuple(SIGNERS.values()),
            frozenset({VersionState.PROPOSED, VersionState.APPROVED}),
            "Your word for your side, kept with your comment. A refusal ends this version; a copy goes on as a draft.",
        ),
        OfferedStep(
            "activate",
            "Activate",
            _OPS,
            frozenset({VersionState.APPROVED}),
            "It takes over from the version in force at once, and every lead is judged by it. Open handoffs keep theirs.",
        ),
        OfferedStep(
            "revert",
            "Revert to this",
            _OPS,
            frozenset({VersionState.RETIRED}),
            "A new draft equal to this version. It takes a backtest and both signatures, as any other.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class StepButton:
    label: str
    url: str


def offers(version: Version, user: User) -> list[StepButton]:
    return [
        StepButton(step.label, reverse("version_step", args=[version.pk, step.name]))
        for step in STEPS.values()
        if version.state in step.states and holds(user, *step.roles)
    ]


def sides_of(version: Version, user: User) -> list[Side]:
    """For whom this person may still sign."""
    spoken = set(version.sign_offs.values_list("side", flat=True))
    return [side for side, role in SIGNERS.items() if holds(user, role) and side not in spoken]
