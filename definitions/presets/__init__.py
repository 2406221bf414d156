"""Presets: definitions to begin with, one JSON document each in this folder.

Some have faults on purpose, as a lesson.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from definitions.plain_english.generated_statement import Json

#: The titles, in the order in which the presets are offered.
_TITLES: Final = {
    "three_components": "Three components: fit, behaviour, timing",
    "one_score": "One score",
    "written_criteria": "Written criteria, with alternatives",
    "three_axes": "Three axes with decay and a fast track",
    "two_bars": "Two bars: fit and behaviour",
    "checklist": "Checklist without points",
    "hand_raise": "Hand raise only",
    "product_usage": "Product usage (PQL)",
    "account": "Account: several contacts of one company",
}
_DESCRIPTIONS: Final = {
    "three_components": (
        "A gate on the company, a score that includes one strong signal of the last weeks, and a limit on how old the interest may "
        "be: all three must hold. The template to write down what both teams agree on first."
    ),
    "one_score": (
        "Three classes of signals with 25, 10 and 5 points, and one bar at 50. The oldest and simplest model, and the one that "
        "most often lets interest alone through."
    ),
    "written_criteria": (
        "Size, industry and seniority as a gate, then any one of several ways to show interest. It reads like the sentence that "
        "both teams sign."
    ),
    "three_axes": (
        "Fit, engagement and BANT from 0 to 100 each, three combinations of them that qualify, and hot triggers that go to sales "
        "at once. Engagement fades by a tenth a month."
    ),
    "two_bars": (
        "Fit and behaviour are scored apart and both must clear their own bar, so neither makes up for the other. Mail opens are "
        "capped, and silence costs points."
    ),
    "checklist": (
        "The right title, the right industry, and one of two actions: no points at all. Enough for a small team, and clear to "
        "everybody who reads it."
    ),
    "hand_raise": (
        "Only a person who asks is handed to sales; everything else stays with marketing, however much of it there is. Volume is "
        "low, and nobody argues about a lead."
    ),
    "product_usage": (
        "For trials and free plans: two things done in the product within two weeks make a PQL, such as reaching a limit and looking "
        "at the paid plans. It has its own queue, commitments and reports beside the MQLs, and is never added to them."
    ),
    "account": (
        "A company that fits, of which at least three different contacts are engaged within a month, and that third parties see "
        "hiring or searching. It makes a play for the whole company, beside the leads."
    ),
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A definition to begin with.

    `document` is an `accord.definition/1` that imports as it is, with shipped names only.
    """

    code: str
    title: str
    description: str
    document: Json


def load_presets() -> tuple[Preset, ...]:
    return tuple(load_preset(code) for code in _TITLES)


def load_preset(code: str) -> Preset:
    """Return the preset with this code and its own copy of the document. Raises KeyError for an unknown code."""
    return Preset(code, _TITLES[code], _DESCRIPTIONS[code], json.loads(_read_file(code)))


@cache
def _read_file(code: str) -> str:
    return resources.files(__package__).joinpath(f"{code}.json").read_text(encoding="utf-8")
