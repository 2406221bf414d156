"""The statements of senders about leads and companies, and the result of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from leads.attribute_history import GROUPED_TEXTS
from leads.exceptions import Refused
from leads.identity.matching import IdentityKey, id_key
from leads.intake import spellings
from leads.models import Company, Lead
from leads.normalization.row_notes import RowNote

Subject = TypeVar("Subject", Lead, Company)
UpsertChange = Literal["created", "updated", "unchanged", "rejected"]


@dataclass(frozen=True, slots=True)
class UpsertResult(Generic[Subject]):
    """The result of one statement: its subject and what changed, or the refusal; and notes on what was not taken."""

    subject: Subject | None
    change: UpsertChange
    refusal: Refused | None = None
    notes: tuple[RowNote, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeStatement:
    """A sender's description of one lead or company.

    `first_key` is the e-mail of a lead or the domain of a company; empty where not given. `system` gave the ids, and
    `phone` is the phone number, in one spelling, of a lead without other keys. A statement holds from `valid_from` if that is
    given. Otherwise the first one about a subject holds from `since`, a later one from the time
    of its arrival. A reference only names its subject and states nothing.
    """

    first_key: str
    external_id: str
    values: Mapping[str, Any]
    since: dt.datetime
    valid_from: dt.datetime | None = None
    company_domain: str = ""
    company_external_id: str = ""
    is_reference: bool = False
    system: str = ""
    phone: str = ""
    more_domains: tuple[str, ...] = ()
    notes: tuple[RowNote, ...] = ()

    @property
    def id_keys(self) -> tuple[IdentityKey, ...]:
        """The id in its system, and as one that every system may name."""
        if not self.external_id:
            return ()
        of_all = id_key("", self.external_id)
        return (id_key(self.system, self.external_id), of_all) if self.system else (of_all,)


class DatedValues(NamedTuple):
    """The values of a statement, and since when they hold."""

    values: Mapping[str, Any]
    at: dt.datetime


def spell_texts(items: Sequence[AttributeStatement]) -> Sequence[AttributeStatement]:
    """Return the statements with the texts that people group by in the spelling that was stored first."""
    # In the order of the statements: the first spelling stays.
    texts = {
        (name, text): None
        for item in items
        for name in GROUPED_TEXTS & item.values.keys()
        if isinstance(text := item.values[name], str)
    }
    shown = spellings.settle_spellings(texts) if texts else {}
    respelled = {key: text for key, text in shown.items() if key[1] != text}
    return [_spell(item, respelled) for item in items] if respelled else items


def _spell(item: AttributeStatement, respelled: Mapping[tuple[str, str], str]) -> AttributeStatement:
    values = {
        name: respelled[name, item.values[name]]
        for name in GROUPED_TEXTS & item.values.keys()
        if (name, item.values[name]) in respelled
    }
    return replace(item, values={**item.values, **values}) if values else item
