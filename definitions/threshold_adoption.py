"""Adoption of the thresholds of a what-if into the draft that it was computed for (rules 10.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions, version_documents
from definitions.document.parser import DocumentRefused
from definitions.document.values import Json
from definitions.models import Backtest, Clause, Version
from definitions.vocabulary import PathKind, VersionState

#: Places of thresholds: `paths[0].clauses[1]` is a clause's minimum, `timing.engaged_within_days` a number of days.
_CLAUSE: Final = re.compile(r"(paths|hot)\[(\d{1,3})\]\.clauses\[(\d{1,3})\]")
_TIMING: Final = re.compile(r"timing\.(engaged_within_days|or_request_within_days)")


class ThresholdRefused(Exception):
    """The thresholds cannot be changed like this; the sentence says why."""


@transaction.atomic
def adopt_thresholds(*, backtest: Backtest, values: Mapping[str, Decimal], by: User) -> Version:
    """Write a what-if's values into the draft that the backtest judged; its other rows stay untouched.

    Raises ThresholdRefused when the version is no draft any more, was edited since, or a value does not fit;
    permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, to="change a draft")
    version_documents.lock_definition(backtest.version.definition)
    version = Version.objects.select_for_update(of=("self",), no_key=True).get(pk=backtest.version_id)
    document = version_documents.export_document(version)
    if version.state != VersionState.DRAFT:
        raise ThresholdRefused(
            f"{version.number} is {version.get_state_display().lower()}; only a draft can be changed."
        )
    is_edited = version_documents.fingerprint(version) != backtest.digest
    # A place names a clause by its position, which the fingerprint leaves out.
    if is_edited or _list_clauses(document) != _list_clauses(backtest.document):
        raise ThresholdRefused("The draft was edited since this backtest; run it again, then try other values.")
    _check_values(document, values)
    for place, value in values.items():
        _write_value(version, place, value)
    return version


def _list_clauses(document: Mapping[str, Any]) -> list[Any]:
    return [[path["clauses"] for path in document[kind]] for kind in PathKind]


def _check_values(document: Json, values: Mapping[str, Decimal]) -> None:
    """Check that the document with these values can be parsed. Raises ThresholdRefused."""
    for place, value in values.items():
        container, key = _locate_value(document, place)
        container[key] = int(value) if value == value.to_integral_value() else float(value)
    try:
        version_documents.normalize_document(document)
    except DocumentRefused as refusal:
        raise ThresholdRefused(" ".join(refusal.complaints)) from None


def _write_value(version: Version, place: str, value: Decimal) -> None:
    clause = _CLAUSE.fullmatch(place)
    if clause:
        row = _clause_row(version, *clause.groups())
        row.at_least = value
        row.save(update_fields=["at_least"])
        return
    column = place.removeprefix("timing.")
    setattr(version, column, value)
    version.save(update_fields=[column])


def _clause_row(version: Version, part: str, path: str, clause: str) -> Clause:
    """Return the clause row at a place: documents list paths and clauses by position."""
    paths = version.paths.filter(kind=PathKind(part)).order_by("position", "pk")
    return paths[int(path)].clauses.order_by("position", "pk")[int(clause)]


def _locate_value(document: Json, place: str) -> tuple[dict[str, Any], str]:
    """Return the object that holds a place's value, and the value's key in it. Raises ThresholdRefused."""
    parts: dict[str, Any] = document
    clause, timing = _CLAUSE.fullmatch(place), _TIMING.fullmatch(place)
    try:
        if clause:
            return parts[clause[1]][int(clause[2])]["clauses"][int(clause[3])], "at_least"
        if timing and parts["timing"][timing[1]] is not None:
            return parts["timing"], timing[1]
    except (IndexError, KeyError, TypeError):
        pass
    raise ThresholdRefused(f"The definition has no threshold at {place}.")
