"""The sections of a version's editor, in the order in which people read an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from definitions.vocabulary import Part, PathKind

SIGNALS: Final = "signals"


@dataclass(frozen=True, slots=True)
class EditorSection:
    """A section of the editor.

    `rows` is the part or kind of the rows that it holds; without it the section shows fields of the version itself.
    `template` names the template that shows it.
    """

    anchor: str
    title: str
    meaning: str
    template: str
    rows: str = ""
    add_label: str = ""
    component: str = ""
    formset: Any = None


SECTIONS: Final = (
    EditorSection(
        "gate",
        "Fit gate",
        "Who the lead and its company must be. Every row must pass; nothing that a lead does can carry it past a failed one.",
        "criteria",
        Part.GATE,
        "Add a gate row",
        "Fit",
    ),
    EditorSection(
        "signals",
        "Signals",
        "What leads do, and the points that each time gives to engagement. A cap limits what one signal can give in all.",
        "signals",
        SIGNALS,
        "Add a signal",
        "Behaviour",
    ),
    EditorSection(
        "paths",
        "Paths",
        "The ways to the threshold. Any path will do; within a path, all of its clauses must hold.",
        "paths",
        PathKind.PATH,
        "Add a path",
        "Behaviour",
    ),
    EditorSection(
        "timing",
        "Timing",
        "How fresh it must be. Old interest is no interest: both windows empty means that timing is not asked.",
        "timing",
        component="Timing",
    ),
    EditorSection(
        "disqualifiers",
        "Disqualifiers",
        "Any one of these excludes a lead, whatever else it has.",
        "criteria",
        Part.DISQUALIFIER,
        "Add a disqualifier",
    ),
    EditorSection(
        "hot",
        "Hot triggers",
        "Any one of these makes a lead that qualifies tier 1, for immediate personal contact. The gate and the disqualifiers still apply.",
        "paths",
        PathKind.HOT,
        "Add a hot trigger",
    ),
    EditorSection(
        "fit",
        "Fit points",
        "Points for who they are; each row that passes gives its points. They exclude nobody.",
        "criteria",
        Part.FIT,
        "Add a fit row",
    ),
    EditorSection(
        "bant",
        "BANT points",
        "Points for budget, authority, need and timeline, as far as the lead has told.",
        "criteria",
        Part.BANT,
        "Add a BANT row",
    ),
    EditorSection(
        "decay",
        "Decay and ceilings",
        "How points fade with time, what silence costs, and where scores end.",
        "decay",
    ),
    EditorSection(
        "tiers",
        "Tiers",
        "Hot triggers make tier 1; the rest is tier 2. Leads below this floor are tier 3: automated nurture first.",
        "tiers",
    ),
    EditorSection(
        "head",
        "Owner, reason and words",
        "Who answers for this version, why it is made, and what it promises.",
        "head",
    ),
)


_ACCOUNT: Final = EditorSection(
    "account",
    "Engaged contacts",
    "How many different people of one company must be engaged, and what must be seen of the company itself.",
    "account",
    component="Behaviour and timing",
)


def attach_formsets(formsets: Sequence[Any], *, of_companies: bool = False) -> list[EditorSection]:
    """Return the sections of the editor with their rows; a definition of companies has few of them."""
    by_rows = {edited_rows(formset): formset for formset in formsets}
    by_anchor = {section.anchor: section for section in SECTIONS}
    account_sections = (by_anchor["gate"], _ACCOUNT, by_anchor["disqualifiers"], by_anchor["head"])
    sections = account_sections if of_companies else SECTIONS
    return [replace(section, formset=by_rows.get(section.rows)) for section in sections]


def edited_rows(formset: Any) -> str:
    """Return the part of the definition that a formset edits."""
    form = formset.form
    return str(getattr(form, "part", None) or getattr(form, "kind", None) or SIGNALS)
