"""Corrections of readings (rules 13.35): people of marketing ops say how a text of an attribute is to be read.

A correction applies to what comes later at once. What is there is read again in batches: each lead or company gets a
statement by the source `reading`, dated where the text was stated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT

from config.accounts import sources
from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from config.jobs import sweeps
from leads.exceptions import Refused
from leads.intake.attribute_statements import DatedValues
from leads.intake.batch_upsert import CompanyBatchUpsert, LeadBatchUpsert
from leads.intake.subject_batch import Revise
from leads.models import AttributeChange, Company, Lead, ValueReading
from leads.normalization import attributes, stated_values
from leads.normalization.stated_values import NOT_UNDERSTOOD, READ_AS, TITLE, Readings
from leads.normalization.text_folding import fold_text

SOURCE: Final = sources.READING
BATCH: Final = 2_000
SWEEP: Final = "corrections of how texts are read"
_READ_AT_ONCE: Final = 20_000

#: The attributes whose texts can be corrected, with the model that has them; both have a country.
_SUBJECTS: Final[Mapping[str, tuple[type[Lead | Company], ...]]] = MappingProxyType(
    {
        name: tuple(
            model
            for model, known in ((Lead, attributes.LEAD), (Company, {**attributes.COMPANY, "employees": None}))
            if name in known
        )
        for name in (*sorted(attributes.READ_FROM_TEXT), TITLE)
    }
)
ATTRIBUTES: Final = tuple(_SUBJECTS)


def current_readings() -> Readings:
    """Return the meaning of each text by (attribute, folded text)."""
    rows = ValueReading.objects.filter(removed_at=None).values_list("attribute", "folded", "meaning")
    return {(attribute, folded): meaning for attribute, folded, meaning in rows}


@transaction.atomic
def add_reading(*, attribute: str, text: str, meaning: str, by: User, now: dt.datetime) -> ValueReading:
    """Say how a text is to be read; an empty meaning says that it says nothing. An earlier correction of it ends.

    Raises Refused, also where the meaning itself cannot be read.
    """
    _require_marketing_ops(by)
    if attribute not in _SUBJECTS:
        raise Refused("attribute", "is not one whose texts are read.")
    folded = fold_text(text)
    if not folded:
        raise Refused("text", "must not be empty.")
    if meaning:
        _check_meaning(attribute, meaning)
    earlier = ValueReading.objects.select_for_update(no_key=True).filter(
        attribute=attribute, folded=folded, removed_at=None
    )
    for reading in earlier:
        _end(reading, by, now)
    return ValueReading.objects.create(
        attribute=attribute, text=" ".join(text.split())[:400], folded=folded, meaning=meaning.strip(), by=by, at=now
    )


@transaction.atomic
def remove_reading(*, reading: ValueReading, by: User, now: dt.datetime) -> None:
    """End a correction: its texts are read as if it had never been."""
    _require_marketing_ops(by)
    current = ValueReading.objects.select_for_update(no_key=True).get(pk=reading.pk)
    if current.removed_at is None:
        _end(current, by, now)


def apply_pending(*, now: dt.datetime) -> int:
    """Read texts again whose corrections are new or have ended, one batch of leads or companies. Return their number.

    Workers share the corrections by locks, and the batch is stored together with how far the correction came.
    """
    pending = ValueReading.objects.filter(applied_at=None).order_by("pk")
    return sum(sweeps.claim_each(SWEEP, pending, lambda reading: _apply_batch(reading, now), now=now, limit=1))


def _apply_batch(reading: ValueReading, now: dt.datetime) -> int:
    models = _SUBJECTS[reading.attribute]
    ids, reached = _find_subjects(models[reading.step], reading) if reading.step < len(models) else ([], 0)
    if ids:
        upsert = (LeadBatchUpsert if models[reading.step] is Lead else CompanyBatchUpsert)(SOURCE, now)
        upsert.restate(ids, _revise(reading, current_readings()), source=SOURCE)
    if reached:
        reading.applied_to = reached
    else:
        reading.step, reading.applied_to = reading.step + 1, 0
    reading.applied_at = now if reading.step >= len(models) else None
    reading.save(update_fields=["step", "applied_to", "applied_at"])
    return max(len(ids), 1)


def _require_marketing_ops(by: User) -> None:
    if not holds(by, Role.MARKETING_OPS):
        raise Refused("by", "must be somebody of marketing ops: they say how texts are read.")


def _check_meaning(attribute: str, meaning: str) -> None:
    name = "seniority" if attribute == TITLE else attribute
    known = attributes.LEAD if name in attributes.LEAD else attributes.COMPANY
    try:
        attributes.read_attributes(known, {name: meaning.strip()})
    except Refused as refusal:
        raise Refused("meaning", refusal.rule) from None


def _end(reading: ValueReading, by: User, now: dt.datetime) -> None:
    reading.removed_by, reading.removed_at = by, now
    reading.step, reading.applied_to, reading.applied_at = 0, 0, None
    reading.save(update_fields=["removed_by", "removed_at", "step", "applied_to", "applied_at"])


def _find_subjects(model: type[Lead | Company], reading: ValueReading) -> tuple[list[int], int]:
    """Return the leads or companies with the text of a correction among the next ones, and how far these reach.

    They reach 0 at the end. Folding is Python's, so texts are read and not searched: each of them once for a correction.
    """
    name = reading.attribute
    columns: list[Combinable] = [KT(f"not_understood__{name}"), KT(f"read_as__{name}")]
    # The conditions of the partial indexes.
    may_match = ~Q(not_understood={}) | ~Q(read_as={})
    if name == TITLE:
        columns.append(F(TITLE))
        may_match |= ~Q(title="")
    next_ones = model._default_manager.filter(may_match, pk__gt=reading.applied_to).order_by("pk")  # noqa: SLF001  # Django documents _default_manager
    rows = list(next_ones.values_list("pk", *columns)[:_READ_AT_ONCE])
    ids = [pk for pk, *texts in rows if any(text and fold_text(text) == reading.folded for text in texts)]
    if len(ids) > BATCH:
        return ids[:BATCH], ids[BATCH - 1]
    return ids, rows[-1][0] if len(rows) == _READ_AT_ONCE else 0


def _revise(reading: ValueReading, readings: Readings) -> Revise:
    """Return the function that reads the text of a correction again where a history states it last."""
    name = reading.attribute
    columns = (*stated_values.columns_of(name), f"{NOT_UNDERSTOOD}{name}", f"{READ_AS}{name}")

    def revise(changes: Sequence[AttributeChange]) -> DatedValues | None:
        stating = [change for change in changes if any(column in change.values for column in columns)]
        if not stating:
            return None
        at = stating[-1].valid_from
        stored = stated_values.fold_statements(change.values for change in stating if change.valid_from == at)
        text = stored.get(f"{NOT_UNDERSTOOD}{name}") or stored.get(f"{READ_AS}{name}")
        text = text or (stored.get(TITLE) if name == TITLE else None)
        if not text or fold_text(text) != reading.folded:
            return None
        before = stated_values.fold_statements(change.values for change in changes if change.valid_from < at)
        return DatedValues(_read_again(name, text, readings, before), at)

    return revise


def _read_again(name: str, text: str, readings: Readings, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for a text that was stated, read anew. If it says nothing, the values before it stay in force."""
    columns = stated_values.columns_of(name)
    marks = {f"{NOT_UNDERSTOOD}{name}": None, f"{READ_AS}{name}": None}
    if readings.get((name, fold_text(text))) == "":
        return {**{column: before.get(column) for column in columns}, **marks, f"{READ_AS}{name}": text}
    known = attributes.LEAD if name in attributes.LEAD else attributes.COMPANY
    values = stated_values.read_stated_values(known, {name: text}, readings)
    return {**dict.fromkeys(columns if name != "do_not_contact" else ()), **marks, **values}
