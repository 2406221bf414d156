"""The attribute rows of the engine: what each lead and its company were, from each change to the next.

The columns of a lead or company hold its values of now, and while it `has_history` is false its only ones. The few
that have a history are folded from their ledger (`AttributeChange`), one statement after the other.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from psycopg.sql import quote

from leads.vocabulary import BEGINNING
from scoring.engine.facts import Band, Column
from scoring.engine.timeline import EVER, FOREVER, Ints, Positions
from scoring.reading import INSTANT, Reader, Schema, Scope, instants

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_LIST_SEPARATOR = "\x1f"
_NONE = np.empty(0, dtype=np.int32)
_BEGINNING = (BEGINNING - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Field:
    """How an attribute is read: `sql` gives a text, `decode` its value; `said` finds the value in a ledger's statements."""

    sql: str
    decode: Callable[[str], object]
    said: Callable[[Mapping[str, Any]], object]


def _text(column: str) -> Field:
    return Field(column, str, lambda said: said.get(column))


def _flag(column: str) -> Field:
    return Field(f"{column}::text", lambda text: text == "true", lambda said: said.get(column))


def _band(low: object, high: object) -> object:
    if low is None and high is None:
        return None
    return low if low == high else Band(low, high)  # type: ignore[arg-type]


def _decode_band(text: str) -> object:
    low, high = (int(end) if end else None for end in text.split(":"))
    return _band(low, high)


def _decode_json(text: str) -> object:
    value = json.loads(text)
    return tuple(str(item) for item in value) if isinstance(value, list) else value


def _number(value: Any) -> object:
    """As people write it: whole where it is whole."""
    if value is None:
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _custom(name: str) -> Field:
    key = f"custom.{name}"
    return Field(f"(custom -> {quote(name)})::text", _decode_json, lambda said: _frozen(said.get(key)))


def _frozen(value: object) -> object:
    return (tuple(str(item) for item in value) or None) if isinstance(value, list) else value


_FIELDS = {
    "lead.title": _text("title"),
    "lead.seniority": _text("seniority"),
    "lead.email_domain": Field(
        "split_part(email, '@', 2)", str, lambda said: str(said.get("email") or "").partition("@")[2]
    ),
    "lead.country": _text("country"),
    "lead.region": _text("region"),
    "lead.source": _text("source"),
    "lead.do_not_contact": _flag("do_not_contact"),
    "lead.budget": _text("budget"),
    "lead.timeline": _text("timeline"),
    "lead.use_case": _text("use_case"),
    "company.employees": Field(
        "coalesce(employees_low::text, '') || ':' || coalesce(employees_high::text, '')",
        _decode_band,
        lambda said: _band(_number(said.get("employees_low")), _number(said.get("employees_high"))),
    ),
    "company.industry": _text("industry"),
    "company.country": _text("country"),
    "company.annual_revenue": Field("annual_revenue::text", _number, lambda said: _number(said.get("annual_revenue"))),
    "company.business_model": _text("business_model"),
    "company.technologies": Field(
        f"array_to_string(technologies, {quote(_LIST_SEPARATOR)})",
        lambda text: tuple(text.split(_LIST_SEPARATOR)) if text else None,
        lambda said: _frozen(said.get("technologies")),
    ),
    "company.is_customer": _flag("is_customer"),
    "company.is_competitor": _flag("is_competitor"),
}


def field(name: str) -> Field:
    """Raises KeyError for a name that SPEC 15 does not know."""
    subject, _, rest = name.partition(".custom.")
    return _custom(rest) if rest and subject in {"lead", "company"} else _FIELDS[name]


class _Codes:
    """A column in the making: codes of the rows that came as a table, then of those folded one by one."""

    def __init__(self, column: pa.ChunkedArray, decode: Callable[[str], object]) -> None:
        encoded = column.combine_chunks().dictionary_encode()
        self.values: list[object] = [*map(decode, encoded.dictionary.to_pylist()), None]
        self.unknown = len(self.values) - 1
        self.codes = encoded.indices.fill_null(self.unknown).to_numpy().astype(np.int32)

    def of(self, values: Iterable[object]) -> NDArray[np.int32]:
        """Their codes; a value that is new gets one."""
        # True equals 1 in a dictionary; a value is itself only together with its type.
        known = {(type(value), value): code for code, value in enumerate(self.values)}
        codes = []
        for value in values:
            code = known.setdefault((type(value), value), len(self.values))
            if code == len(self.values):
                self.values.append(value)
            codes.append(code)
        return np.array(codes, dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class _Spells:
    """Rows of leads or companies, sorted by (owner, start): one for each time the attributes changed."""

    owner: Positions
    start: Ints
    columns: dict[str, Column]
    company: Ints

    def ends(self) -> Ints:
        """When the owner's next row begins."""
        ends = np.full(self.start.size, FOREVER, dtype=np.int64)
        same = np.flatnonzero(self.owner[1:] == self.owner[:-1])
        ends[same] = self.start[same + 1]
        return ends


def rows(
    reader: Reader, scope: Scope, fields: Iterable[str]
) -> tuple[Ints, NDArray[np.int32], Ints, dict[str, Column]]:
    """(lead ids, row_lead, row_from, columns) of the leads in scope, as `Facts` wants them."""
    names = sorted(set(fields))
    lead_ids, leads = _read(reader, "lead", scope.sql("id"), scope.sql("lead_id"), names)
    wanted = leads.company[leads.company > 0]
    among = Scope(some=np.unique(wanted).tolist())
    company_ids, companies = _read(reader, "company", among.sql("id"), among.sql("company_id"), names)
    lead_row, company_row, start = _joined(leads, company_ids, companies)
    columns = {name: Column(column.codes[lead_row], column.values) for name, column in leads.columns.items()}
    columns |= {name: Column(column.codes[company_row], column.values) for name, column in companies.columns.items()}
    return lead_ids, leads.owner[lead_row].astype(np.int32), start, columns


def _read(reader: Reader, subject: str, where: str, of_ledger: str, names: list[str]) -> tuple[Ints, _Spells]:
    """The subjects' ids, ascending, and their spells; a company's end with one of all unknown, for leads that have none."""
    fields = {name: field(name) for name in names if name.startswith(f"{subject}.")}
    schema: Schema = {"id": pa.int64(), "known_at": INSTANT, "has_history": pa.bool_(), "company_id": pa.int64()}
    company = "company_id" if subject == "lead" else "0"
    table = reader.table(
        f"SELECT {', '.join(['id', 'known_at', 'has_history', company, *(each.sql for each in fields.values())])}"
        f" FROM leads_{subject} WHERE {where} ORDER BY id",
        {**schema, **dict.fromkeys(fields, pa.string())},
    )
    ids = table["id"].to_numpy()
    codes = {name: _Codes(table[name], each.decode) for name, each in fields.items()}
    settled = ~table["has_history"].to_numpy()
    owners, starts = np.arange(ids.size)[settled], _ever(instants(table["known_at"]))[settled]
    companies = table["company_id"].fill_null(0).to_numpy()[settled]
    folded = list(_folded(reader, subject, of_ledger, ids)) if not settled.all() else []
    for each in codes.values():
        each.codes = each.codes[settled]
    return ids, _spells(owners, starts, companies, codes, fields, folded, open_ended=subject == "company")


def _spells(
    owners: Positions,
    starts: Ints,
    companies: Ints,
    codes: dict[str, _Codes],
    fields: Mapping[str, Field],
    folded: list[tuple[int, int, Mapping[str, Any]]],
    *,
    open_ended: bool,
) -> _Spells:
    owner = np.concatenate([owners, np.array([row[0] for row in folded], dtype=np.intp)])
    start = np.concatenate([starts, np.array([row[1] for row in folded], dtype=np.int64)])
    company = np.concatenate([companies, np.array([row[2].get("company") or 0 for row in folded], dtype=np.int64)])
    # Those without history come in the order of their owners, those with it in that of their statements; nobody is in both.
    order = np.argsort(owner, kind="stable")
    columns = {}
    for name, each in codes.items():
        more = each.of(fields[name].said(row[2]) for row in folded) if folded else _NONE
        last = np.full(int(open_ended), each.unknown, dtype=np.int32)
        columns[name] = Column(np.concatenate([np.concatenate([each.codes, more])[order], last]), tuple(each.values))
    return _Spells(owner[order], start[order], columns, company[order])


def _folded(reader: Reader, subject: str, of_ledger: str, ids: Ints) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """(owner, start, everything said so far) for each statement about a subject with a history."""
    table = reader.table(
        f"SELECT ledger.{subject}_id, ledger.valid_from, ledger.values::text FROM leads_attributechange ledger"
        f" JOIN leads_{subject} subject ON subject.id = ledger.{subject}_id AND subject.has_history"
        f" WHERE ledger.{of_ledger} ORDER BY ledger.{subject}_id, ledger.valid_from, ledger.id",
        {"subject": pa.int64(), "valid_from": INSTANT, "values": pa.string()},
    )
    subjects, starts = table["subject"].to_numpy(), _ever(instants(table["valid_from"]))
    said: dict[str, Any] = {}
    last = -1
    for owner, start, values in zip(
        np.searchsorted(ids, subjects).tolist(), starts.tolist(), table["values"].to_pylist(), strict=True
    ):
        said = {**(said if owner == last else {}), **json.loads(values)}
        last = owner
        yield owner, start, said


def _joined(leads: _Spells, company_ids: Ints, companies: _Spells) -> tuple[Positions, Positions, Ints]:
    """Each lead's spell cut where its company's begin: (lead row, company row, start), sorted by (lead, start).

    A company row of -1 is the last one, "unknown": no company, or one that was not known yet.
    """
    company = np.searchsorted(company_ids, leads.company)
    has = leads.company > 0
    first = np.where(has, np.searchsorted(companies.owner, company), 0)
    after = np.where(has, np.searchsorted(companies.owner, company, side="right"), 0)
    lead_row = np.repeat(np.arange(leads.owner.size), after - first)
    offset = np.cumsum(after - first) - (after - first)
    company_row = np.arange(lead_row.size) - np.repeat(offset - first, after - first)
    lead_end, company_end = leads.ends(), companies.ends()
    start = np.maximum(leads.start[lead_row], companies.start[company_row])
    lasts = start < np.minimum(lead_end[lead_row], company_end[company_row])
    opening = np.full(companies.start.size + 1, FOREVER, dtype=np.int64)
    opening[:-1] = companies.start
    alone = np.flatnonzero(leads.start < np.where(after > first, opening[first], FOREVER))
    lead_row, company_row, start = lead_row[lasts], company_row[lasts], start[lasts]
    first_of_lead = np.searchsorted(lead_row, alone)
    return (
        np.insert(lead_row, first_of_lead, alone),
        np.insert(company_row, first_of_lead, -1),
        np.insert(start, first_of_lead, leads.start[alone]),
    )


def _ever(at: Ints) -> Ints:
    return np.where(at <= _BEGINNING, EVER, at)
