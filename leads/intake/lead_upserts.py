"""The upsert of leads and companies from their senders' descriptions; every change goes into the attribute history.

A person is one lead and a company is one row, by their keys (rules 13.1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads.exceptions import NobodysKey, Refused
from leads.intake import value_readings
from leads.intake.attribute_statements import AttributeStatement, Subject, UpsertChange, UpsertResult
from leads.intake.batch_upsert import CompanyBatchUpsert, LeadBatchUpsert
from leads.models import AttributeChange, Company, Lead
from leads.normalization import attributes, stated_values, validation
from leads.normalization.locale_formats import UNSTATED, SenderFormats
from leads.normalization.placeholders import is_placeholder
from leads.normalization.row_notes import RowNote
from leads.normalization.stated_values import NO_READINGS, Readings
from leads.retry_on_conflict import run_with_retries
from leads.vocabulary import NoteKind

_LEAD_KEYS = {"email", "external_id", "system", "company_domain", "company_external_id", "valid_from", "created_at"}
_COMPANY_KEYS = {"domain", "domains", "external_id", "system", "valid_from", "created_at"}
_MOST_DOMAINS = 100


@dataclass(slots=True)
class _KeyReader:
    """The reader of the keys of one item; `refusals` are those of keys that name nobody and so are left out."""

    body: Mapping[str, object]
    refusals: list[NobodysKey] = field(default_factory=list)

    def read(self, name: str, read_value: Callable[[str, object], str]) -> str:
        return self.read_value(name, self.body.get(name), read_value)

    def read_value(self, name: str, value: object, read_value: Callable[[str, object], str]) -> str:
        if value in (None, ""):
            return ""
        try:
            _refuse_placeholder(name, value)
            return read_value(name, value)
        except NobodysKey as refusal:
            self.refusals.append(refusal)
            return ""

    def build_notes(self) -> tuple[RowNote, ...]:
        """Build a note on each key that was left out."""
        return tuple(
            RowNote(NoteKind.KEY_LEFT_OUT, refusal.field, f"{refusal.field} {refusal.rule} It was left out.")
            for refusal in self.refusals
        )


def read_lead(  # all by name
    item: object,
    *,
    source: str = "",
    now: dt.datetime,
    since: dt.datetime | None = None,
    formats: SenderFormats = UNSTATED,
    readings: Readings = NO_READINGS,
) -> AttributeStatement:
    """Read a lead in the shape of the API. Raises Refused.

    Its ids belong to the system that it names, or else to `source`. `since` dates a first statement that has no date of
    its own (default: now); texts of numbers and dates are read in the sender's `formats`; `readings` are the
    corrections in force.
    """
    body = validation.mapping("lead", item)
    keys = _KeyReader(body)
    email = keys.read("email", validation.email)
    external_id = keys.read("external_id", _read_id)
    values = stated_values.read_stated_values(
        attributes.LEAD,
        {name: value for name, value in body.items() if name not in _LEAD_KEYS},
        readings,
        formats=formats,
    )
    phone = "" if email or external_id else _read_phone_key(values)
    statement = AttributeStatement(
        first_key=email,
        external_id=external_id,
        values=values | ({"email": email} if email else {}),
        company_domain=keys.read("company_domain", validation.own_domain),
        company_external_id=keys.read("company_external_id", _read_id),
        system=validation.system(body, source),
        phone=phone,
        notes=keys.build_notes(),
        **_read_dates(body, now, since, formats),
    )
    return _require_key(statement, keys, "email", "email, external_id or phone")


def read_company(
    item: object,
    *,
    source: str = "",
    now: dt.datetime,
    since: dt.datetime | None = None,
    formats: SenderFormats = UNSTATED,
    readings: Readings = NO_READINGS,
) -> AttributeStatement:
    """Read a company in the shape of the API, as `read_lead` does."""
    body = validation.mapping("company", item)
    values = stated_values.read_stated_values(
        attributes.COMPANY,
        {name: value for name, value in body.items() if name not in _COMPANY_KEYS},
        readings,
        formats=formats,
    )
    keys = _KeyReader(body)
    domains = _read_domains(keys)
    statement = AttributeStatement(
        first_key=domains[0] if domains else "",
        more_domains=tuple(domains[1:]),
        external_id=keys.read("external_id", _read_id),
        values=values,
        system=validation.system(body, source),
        notes=keys.build_notes(),
        **_read_dates(body, now, since, formats),
    )
    return _require_key(statement, keys, "domain", "domain or external_id")


def upsert_leads(
    *, items: Sequence[AttributeStatement], source: str, now: dt.datetime, by_person: bool = False
) -> list[UpsertResult[Lead]]:
    """Create or change leads. Return one result each, in order; a refused statement does not stop the others.

    `by_person` is for statements of a signed-in person, which lift an opt-out also without a date (rules 13.37).
    """
    return run_with_retries(lambda: LeadBatchUpsert(source, now, by_person=by_person).upsert(items))


def upsert_companies(
    *, items: Sequence[AttributeStatement], source: str, now: dt.datetime
) -> list[UpsertResult[Company]]:
    """Create or change companies. Return one result each, in order; a refused statement does not stop the others.

    Leads without a company whose e-mail has the domain of a company are assigned to it.
    """
    return run_with_retries(lambda: CompanyBatchUpsert(source, now).upsert(items))


def read_and_upsert(
    *,
    items: Iterable[object],
    read: Callable[..., AttributeStatement],
    upsert: Callable[..., list[UpsertResult[Subject]]],
    source: str,
    now: dt.datetime,
    since: dt.datetime | None = None,
    formats: SenderFormats = UNSTATED,
) -> list[UpsertResult[Subject]]:
    """Read items as they were sent, and upsert those that can be read. Return one result each, in order."""
    results: list[UpsertResult[Subject] | None] = []
    statements: dict[int, AttributeStatement] = {}
    readings = value_readings.current_readings()
    for position, item in enumerate(items):
        results.append(None)
        try:
            statements[position] = read(item, source=source, now=now, since=since, formats=formats, readings=readings)
        except Refused as refusal:
            results[position] = UpsertResult(None, "rejected", refusal)
    upserted = upsert(items=list(statements.values()), source=source, now=now)
    for position, result in zip(statements, upserted, strict=True):
        results[position] = result
    return [result for result in results if result is not None]


def upsert_lead(  # noqa: PLR0913  # all by name
    *,
    email: str = "",
    external_id: str = "",
    values: Mapping[str, object] | None = None,
    company_domain: str = "",
    company_external_id: str = "",
    valid_from: dt.datetime | None = None,
    since: dt.datetime | None = None,
    source: str,
    now: dt.datetime,
) -> tuple[Lead, UpsertChange]:
    """Create or change a lead, by e-mail or external id. Return it and what changed. Raises Refused.

    `values` are as in rules 15.2, without the prefix.
    """
    keys = {
        "email": email,
        "external_id": external_id,
        "company_domain": company_domain,
        "company_external_id": company_external_id,
    }
    item = {**(values or {}), **{name: key for name, key in keys.items() if key}, "valid_from": valid_from}
    return _single_result(
        upsert_leads(
            items=[read_lead(item, source=source, now=now, since=since, readings=value_readings.current_readings())],
            source=source,
            now=now,
        )
    )


def upsert_company(
    *,
    domain: str = "",
    external_id: str = "",
    values: Mapping[str, object] | None = None,
    valid_from: dt.datetime | None = None,
    since: dt.datetime | None = None,
    source: str,
    now: dt.datetime,
) -> tuple[Company, UpsertChange]:
    """Create or change a company, by domain or external id. Return it and what changed. Raises Refused."""
    keys = {name: key for name, key in (("domain", domain), ("external_id", external_id)) if key}
    item = {**(values or {}), **keys, "valid_from": valid_from}
    return _single_result(
        upsert_companies(
            items=[read_company(item, source=source, now=now, since=since, readings=value_readings.current_readings())],
            source=source,
            now=now,
        )
    )


def backdate_addresses(*, emails: Mapping[str, dt.datetime], source: str, now: dt.datetime) -> None:
    """Date the addresses of leads back to these instants, at which somebody acted under them."""
    LeadBatchUpsert(source, now).backdate_addresses(emails)


def state_contact(*, lead_id: int, is_opt_out: bool, source: str, now: dt.datetime) -> None:
    """State by a person's word whether a lead may be contacted (rules 13.37). Needs a transaction."""
    LeadBatchUpsert(source, now, by_person=True).state_contact(lead_id, is_opt_out=is_opt_out)


def last_contact_statement_at(lead_id: int) -> dt.datetime | None:
    """Return the date of the last statement about whether the lead may be contacted."""
    rows = AttributeChange.objects.filter(lead=lead_id, values__has_key="do_not_contact").order_by("valid_from", "pk")
    last = rows.last()
    return last.valid_from if last else None


def _refuse_placeholder(name: str, value: object) -> None:
    if isinstance(value, str) and is_placeholder(value):
        raise NobodysKey(name, f"is the placeholder {validation.shorten_name(value.strip())!r}, which names nobody.")


def _read_id(name: str, value: object) -> str:
    return validation.identity(name, value, limit=128)


def _read_domains(keys: _KeyReader) -> list[str]:
    """Return the domains of a company, each once: `domain` and `domains`, of which a text may hold several."""
    domains: dict[str, None] = {}
    for name in ("domain", "domains"):
        value = keys.body.get(name)
        entries = (
            value
            if isinstance(value, list) and name == "domains"
            else value.split(";")
            if isinstance(value, str)
            else [value]
        )
        if len(entries) > _MOST_DOMAINS:
            raise Refused(name, f"must have at most {_MOST_DOMAINS} domains.")
        for entry in entries:
            host = keys.read_value(name, entry.strip() if isinstance(entry, str) else entry, validation.own_domain)
            if host:
                domains[host] = None
    return list(domains)


def _read_phone_key(values: Mapping[str, Any]) -> str:
    phone, country = values.get("phone"), values.get("country")
    return validation.phone("phone", phone, country or "") if phone else ""


def _read_dates(
    body: Mapping[str, object], now: dt.datetime, since: dt.datetime | None, formats: SenderFormats
) -> dict[str, Any]:
    dates = {
        name: validation.instant(name, body[name], now=now, locale=formats.locale)
        for name in ("valid_from", "created_at")
        if body.get(name) is not None
    }
    return {"valid_from": dates.get("valid_from"), "since": dates.get("created_at") or since or now}


def _require_key(statement: AttributeStatement, keys: _KeyReader, first_key: str, names: str) -> AttributeStatement:
    if statement.first_key or statement.external_id or statement.phone:
        return statement
    if keys.refusals:
        raise keys.refusals[0]
    raise Refused(first_key, f"is required, or external_id: without {names} nobody can be found.")


def _single_result(results: list[UpsertResult[Subject]]) -> tuple[Subject, UpsertChange]:
    (result,) = results
    if result.refusal or result.subject is None or result.change == "rejected":
        raise result.refusal or Refused("", "was refused.")
    return result.subject, result.change
