"""The steps that a person can take on a version: the buttons of the admin and of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Version
from definitions.versions import SIGNERS
from definitions.vocabulary import DECIDING_SIDES, Side, VersionState

_OPS: Final = (Role.MARKETING_OPS,)


@dataclass(frozen=True, slots=True)
class OfferedStep:
    """A step: the label of its button, the roles and states that allow it, and its consequence in a sentence."""

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
            "Sign or comment",
            tuple(SIGNERS.values()),
            frozenset({VersionState.PROPOSED, VersionState.APPROVED}),
            "Your word, kept with your comment. Both leaders decide: a leader's refusal ends this version, and a copy goes"
            " on as a draft. Ops and SDRs are heard.",
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


def list_step_buttons(version: Version, user: User) -> list[StepButton]:
    """Return the buttons that this person can press in the version's present state."""
    return [
        StepButton(step.label, reverse("version_step", args=[version.pk, step.name]))
        for step in STEPS.values()
        if version.state in step.states and holds(user, *step.roles)
    ]


def list_unsigned_sides(version: Version, user: User) -> list[Side]:
    """Return the sides for which this person may still sign or speak; each person does so once."""
    sign_offs = list(version.sign_offs.all())
    if any(sign_off.by_id == user.pk for sign_off in sign_offs):
        return []
    signed_sides = {sign_off.side for sign_off in sign_offs if sign_off.counts}
    return [side for side, role in SIGNERS.items() if holds(user, role) and side not in signed_sides]


def list_missing_signatures(version: Version) -> list[Side]:
    """Return the sides whose leader has not signed yet."""
    signed_sides = set(version.sign_offs.values_list("side", flat=True))
    return [side for side in DECIDING_SIDES if side not in signed_sides]
