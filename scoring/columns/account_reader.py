"""The facts of companies for the engine: their attributes, their people's engagement, and their own events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from leads.vocabulary import Motion, Stage
from scoring.columns import event_columns, merged_people
from scoring.columns.attribute_rows import AttributePeriods, read_periods
from scoring.columns.bulk_reader import INSTANT, Reader, Scope, TransactionReader, to_microseconds
from scoring.columns.event_columns import EventColumns
from scoring.engine.accounts import AccountFacts, ContactFacts
from scoring.engine.facts import Facts
from scoring.engine.profile import Attributes
from scoring.engine.rules import Rules
from scoring.engine.timeline import Bools, Ints

_NO_EVENTS = np.empty(0, dtype=np.int32)


def read_accounts(
    company_ids: Collection[int],
    *,
    of_company: Rules,
    of_person: Rules,
    engaging: Collection[str],
    company_signals: Collection[str],
    reader: Reader | None = None,
) -> Iterator[AccountFacts]:
    """Yield the facts of these companies, in the order of their ids, read in the caller's transaction.

    1. Read the attributes of the companies, and ask the gate and the company's disqualifiers of each change.
    2. Read the people who belong to the companies now, one subject for each person (rules 13.50).
    3. Ask of each change of a person whether they count then: at the company, and not left out.
    4. Read the events of these people by which a contact is engaged, and the events of the companies.
    """
    reader = reader or TransactionReader()
    # 1.
    ids = sorted(set(company_ids))
    companies = read_periods(reader, "company", Scope(some=ids), _fields_of(of_company))
    profile = Attributes(_facts_of(companies), of_company.titles).profile(of_company)
    # 2.
    persons = _read_people(reader, ids)
    people = merged_people.read_merged_people(reader, Scope(some=persons))
    fields = _fields_of(of_person)
    rows = people.fold_periods(read_periods(reader, "lead", Scope(some=_with_aliases(persons, people)), fields))
    # 3.
    excluded = Attributes(_facts_of(rows), of_person.titles).profile(of_person).disqualified[:-1]
    # 4.
    signals = _signal_ids(reader)
    where = f"{Scope(some=_with_aliases(persons, people)).sql('lead_id')} AND {_any_signal(signals, engaging)}"
    own = event_columns.read_events(reader, where)
    events = people.fold_events(own, people.pick_moving_events(own)) if people else own
    company_events = _read_company_events(reader, ids, _any_signal(signals, company_signals))
    for company_id in companies.ids.tolist():
        mine = slice(*np.searchsorted(companies.subject, [company_id, company_id + 1]))
        yield AccountFacts(
            company_id=company_id,
            row_from=companies.start[mine],
            gate=profile.gate[:-1][mine],
            disqualified=profile.disqualified[:-1][mine],
            contacts=list(_contacts_of(company_id, rows, excluded, events)),
            values={
                name: [column.values[code] for code in column.codes[mine]] for name, column in companies.columns.items()
            },
            signal_at=company_events.at[slice(*np.searchsorted(company_events.lead, [company_id, company_id + 1]))],
        )


def _contacts_of(
    company_id: int, rows: AttributePeriods, excluded: Bools, events: EventColumns
) -> Iterator[ContactFacts]:
    """Yield the people who count for the company by their latest row.

    Who has left since, or may not be contacted any more, is no contact of it (rules 4.27).
    """
    at_company = rows.company == company_id
    counts = at_company & ~excluded
    for person in np.unique(rows.subject[at_company]).tolist():
        mine = slice(*np.searchsorted(rows.subject, [person, person + 1]))
        if not counts[mine][-1]:
            continue
        own_events = slice(*np.searchsorted(events.lead, [person, person + 1]))
        yield ContactFacts(person, events.at[own_events], rows.start[mine], counts[mine])


def _read_people(reader: Reader, company_ids: Sequence[int]) -> list[int]:
    """Return the leads that stand for the people of these companies, in the order of their ids.

    Without those whom sales has closed in every motion (rules 2.14), by whichever of their leads.
    """
    table = reader.table(
        "WITH person AS (SELECT DISTINCT coalesce(merged_into_id, id) AS id FROM leads_lead"
        f" WHERE {Scope(some=company_ids).sql('company_id')})"
        " SELECT person.id AS person FROM person WHERE NOT EXISTS ("
        "SELECT FROM leads_lead member JOIN leads_leadstage stage ON stage.lead_id = member.id"
        " WHERE (member.id = person.id OR member.merged_into_id = person.id)"
        f" AND stage.motion = '{Motion.AQL.value}' AND stage.stage = '{Stage.DISQUALIFIED.value}') ORDER BY 1",
        {"person": pa.int64()},
    )
    return [int(pk) for pk in table["person"].to_pylist()]


def _with_aliases(persons: Sequence[int], people: merged_people.MergedPeople) -> list[int]:
    return sorted({*persons, *people.in_scope.tolist()}) if people else list(persons)


def _read_company_events(reader: Reader, company_ids: Sequence[int], of_signals: str) -> EventColumns:
    """Read the events of companies in the shape of those of leads; `lead` holds the company."""
    table = reader.table(
        "SELECT company_id, occurred_at, signal_id FROM leads_companyevent"
        f" WHERE {Scope(some=company_ids).sql('company_id')} AND {of_signals} ORDER BY company_id, occurred_at",
        {"lead": pa.int64(), "at": INSTANT, "signal": pa.int16()},
    )
    return EventColumns(table["lead"].to_numpy(), to_microseconds(table["at"]), table["signal"].to_numpy(), _NO_EVENTS)


def _signal_ids(reader: Reader) -> dict[str, int]:
    table = reader.table("SELECT id, code FROM leads_signal ORDER BY id", {"id": pa.int16(), "code": pa.string()})
    return dict(zip(table["code"].to_pylist(), table["id"].to_pylist(), strict=True))


def _any_signal(signals: dict[str, int], codes: Iterable[str]) -> str:
    """Return an SQL condition: the event is one of these signals. Only integers are put into the text."""
    ids = sorted(signals[code] for code in codes if code in signals)
    return f"signal_id = ANY ('{{{','.join(map(str, map(int, ids)))}}}'::smallint[])"


def _fields_of(rules: Rules) -> set[str]:
    fields = {row.field for row in (*rules.gate, *rules.disqualifiers)}
    return fields | ({"lead.title"} if "lead.seniority" in fields else set())


def _facts_of(periods: AttributePeriods) -> Facts:
    """Return the periods as facts without events, to ask criteria of their rows."""
    index = np.searchsorted(periods.ids, periods.subject).astype(np.int32)
    nothing: Ints = np.empty(0, dtype=np.int64)
    return Facts(
        lead_ids=periods.ids,
        event_lead=_NO_EVENTS,
        event_at=nothing,
        event_signal=np.empty(0, dtype=np.int16),
        event_asset=_NO_EVENTS,
        signals=(),
        row_lead=index,
        row_from=periods.start,
        columns=periods.columns,
    )
