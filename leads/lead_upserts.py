"""The upsert of leads and companies from their senders' descriptions; every change goes into the attribute history.

A person is one lead, by e-mail or external id; a company is one row, by domain or external id (rules 13.1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leads import attributes, stated_values, validation, value_readings
from leads.batch_upsert import (
    AttributeStatement,
    CompanyBatchUpsert,
    LeadBatchUpsert,
    Subject,
    UpsertChange,
    UpsertResult,
)
from leads.exceptions import Refused
from leads.locale_formats import UNSTATED, SenderFormats
from leads.models import AttributeChange, Company, Lead
from leads.retry_on_conflict import run_with_retries
from leads.stated_values import NO_READINGS, Readings

_LEAD_KEYS = {"email", "external_id", "company_domain", "company_external_id", "valid_from", "created_at"}
_COMPANY_KEYS = {"domain", "external_id", "valid_from", "created_at"}


def read_lead(
    item: object,
    *,
    now: dt.datetime,
    since: dt.datetime | None = None,
    formats: SenderFormats = UNSTATED,
    readings: Readings = NO_READINGS,
) -> AttributeStatement:
    """Read a lead in the shape of the API. Raises Refused.

    `since` dates a first statement that has no date of its own (default: now); texts of numbers and dates are read in
    the sender's `formats`; `readings` are the corrections in force.
    """
    body = validation.mapping("lead", item)
    email = _read_optional(validation.email, "email", body)
    values = stated_values.read_stated_values(
        attributes.LEAD,
        {name: value for name, value in body.items() if name not in _LEAD_KEYS},
        readings,
        formats=formats,
    )
    statement = AttributeStatement(
        first_key=email,
        external_id=_read_external_id("external_id", body),
        values=values | ({"email": email} if email else {}),
        company_domain=_read_optional(validation.domain, "company_domain", body),
        company_external_id=_read_external_id("company_external_id", body),
        **_read_dates(body, now, since, formats),
    )
    return _require_key(statement, "email")


def read_company(
    item: object,
    *,
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
    statement = AttributeStatement(
        first_key=_read_optional(validation.domain, "domain", body),
        external_id=_read_external_id("external_id", body),
        values=values,
        **_read_dates(body, now, since, formats),
    )
    return _require_key(statement, "domain")


def upsert_leads(
    *, items: Sequence[AttributeStatement], source: str, now: dt.datetime, by_person: bool = False
) -> list[UpsertResult[Lead]]:
    """Create or change leads. Return one result each, in order; a refused statement does not stop the others.

    `by_person` is for statements of a signed-in person, which lift an opt-out also without a date (rules 13.55).
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
            statements[position] = read(item, now=now, since=since, formats=formats, readings=readings)
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
            items=[read_lead(item, now=now, since=since, readings=value_readings.current_readings())],
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
            items=[read_company(item, now=now, since=since, readings=value_readings.current_readings())],
            source=source,
            now=now,
        )
    )


def backdate_addresses(*, emails: Mapping[str, dt.datetime], source: str, now: dt.datetime) -> None:
    """Date the addresses of leads back to these instants, at which somebody acted under them."""
    LeadBatchUpsert(source, now).backdate_addresses(emails)


def state_contact(*, lead_id: int, is_opt_out: bool, source: str, now: dt.datetime) -> None:
    """State by a person's word whether a lead may be contacted (rules 13.55)."""
    run_with_retries(lambda: LeadBatchUpsert(source, now, by_person=True).state_contact(lead_id, is_opt_out=is_opt_out))


def last_contact_statement_at(lead_id: int) -> dt.datetime | None:
    """Return the date of the last statement about whether the lead may be contacted."""
    rows = AttributeChange.objects.filter(lead=lead_id, values__has_key="do_not_contact").order_by("valid_from", "pk")
    last = rows.last()
    return last.valid_from if last else None


def _read_optional(read: Callable[[str, object], str], name: str, body: Mapping[str, object]) -> str:
    return read(name, body[name]) if body.get(name) not in (None, "") else ""


def _read_external_id(name: str, body: Mapping[str, object]) -> str:
    return validation.identity(name, body[name], limit=128) if body.get(name) not in (None, "") else ""


def _read_dates(
    body: Mapping[str, object], now: dt.datetime, since: dt.datetime | None, formats: SenderFormats
) -> dict[str, Any]:
    dates = {
        name: validation.instant(name, body[name], now=now, locale=formats.locale)
        for name in ("valid_from", "created_at")
        if body.get(name) is not None
    }
    return {"valid_from": dates.get("valid_from"), "since": dates.get("created_at") or since or now}


def _require_key(statement: AttributeStatement, first_key: str) -> AttributeStatement:
    if not (statement.first_key or statement.external_id):
        raise Refused(
            first_key, f"is required, or external_id: without {first_key} or external_id nobody can be found."
        )
    return statement


def _single_result(results: list[UpsertResult[Subject]]) -> tuple[Subject, UpsertChange]:
    (result,) = results
    if result.refusal or result.subject is None or result.change == "rejected":
        raise result.refusal or Refused("", "was refused.")
    return result.subject, result.change
