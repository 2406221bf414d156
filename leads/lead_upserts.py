"""Leads and companies as their senders describe them: matched, created or changed, with every change in the ledger.

One person is one lead, by e-mail or by external id; one company by domain or by external id (SPEC 13).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leads import attributes, validation
from leads.batch_upsert import Answer, Change, CompanyIntake, LeadIntake, Statement, Subject
from leads.exceptions import Refused
from leads.models import Company, Lead
from leads.retry_on_conflict import repeated

_LEAD_KEYS = {"email", "external_id", "company_domain", "company_external_id", "valid_from", "created_at"}
_COMPANY_KEYS = {"domain", "external_id", "valid_from", "created_at"}


def read_lead(item: object, *, now: dt.datetime, since: dt.datetime | None = None) -> Statement:
    """A lead in the shape of the API. `since` is the date of a first statement that brings none (default: now). Raises Refused."""
    body = validation.mapping("lead", item)
    email = _optional(validation.email, "email", body)
    values = attributes.read(attributes.LEAD, {name: value for name, value in body.items() if name not in _LEAD_KEYS})
    statement = Statement(
        first_key=email,
        external_id=_external_id("external_id", body),
        values=values | ({"email": email} if email else {}),
        company_domain=_optional(validation.domain, "company_domain", body),
        company_external_id=_external_id("company_external_id", body),
        **_dates(body, now, since),
    )
    return _named(statement, "email")


def read_company(item: object, *, now: dt.datetime, since: dt.datetime | None = None) -> Statement:
    body = validation.mapping("company", item)
    values = attributes.read(
        attributes.COMPANY, {name: value for name, value in body.items() if name not in _COMPANY_KEYS}
    )
    statement = Statement(
        first_key=_optional(validation.domain, "domain", body),
        external_id=_external_id("external_id", body),
        values=values,
        **_dates(body, now, since),
    )
    return _named(statement, "domain")


def upsert_leads(*, items: Sequence[Statement], source: str, now: dt.datetime) -> list[Answer[Lead]]:
    """Create or change these leads, all that can be taken; one answer each, in order. Statements see those before them."""
    return repeated(lambda: LeadIntake(source, now).take(items))


def upsert_companies(*, items: Sequence[Statement], source: str, now: dt.datetime) -> list[Answer[Company]]:
    """Create or change these companies. Leads whose e-mail has the domain of a company, and no other company, join it."""
    return repeated(lambda: CompanyIntake(source, now).take(items))


def read_and_upsert(
    *,
    items: Iterable[object],
    read: Callable[..., Statement],
    upsert: Callable[..., list[Answer[Subject]]],
    source: str,
    now: dt.datetime,
    since: dt.datetime | None = None,
) -> list[Answer[Subject]]:
    """Items as strangers send them: those that can be read are upserted, the others answered with their refusal."""
    answers: list[Answer[Subject] | None] = []
    statements: dict[int, Statement] = {}
    for position, item in enumerate(items):
        answers.append(None)
        try:
            statements[position] = read(item, now=now, since=since)
        except Refused as refusal:
            answers[position] = Answer(None, "rejected", refusal)
    taken = upsert(items=list(statements.values()), source=source, now=now)
    for position, answer in zip(statements, taken, strict=True):
        answers[position] = answer
    return [answer for answer in answers if answer is not None]


def upsert_lead(  # noqa: PLR0913 - all by name
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
) -> tuple[Lead, Change]:
    """One lead, by e-mail or external id; `values` as in SPEC 15 without the prefix. Raises Refused."""
    keys = {
        "email": email,
        "external_id": external_id,
        "company_domain": company_domain,
        "company_external_id": company_external_id,
    }
    item = {**(values or {}), **{name: key for name, key in keys.items() if key}, "valid_from": valid_from}
    return _one(upsert_leads(items=[read_lead(item, now=now, since=since)], source=source, now=now))


def upsert_company(
    *,
    domain: str = "",
    external_id: str = "",
    values: Mapping[str, object] | None = None,
    valid_from: dt.datetime | None = None,
    since: dt.datetime | None = None,
    source: str,
    now: dt.datetime,
) -> tuple[Company, Change]:
    keys = {name: key for name, key in (("domain", domain), ("external_id", external_id)) if key}
    item = {**(values or {}), **keys, "valid_from": valid_from}
    return _one(upsert_companies(items=[read_company(item, now=now, since=since)], source=source, now=now))


def note_seen(*, emails: Mapping[str, dt.datetime], source: str, now: dt.datetime) -> None:
    """Somebody acted under these addresses at these instants: each lead had its address by then at the latest."""
    LeadIntake(source, now).see(emails)


def _optional(read: Callable[[str, object], str], name: str, body: Mapping[str, object]) -> str:
    return read(name, body[name]) if body.get(name) not in (None, "") else ""


def _external_id(name: str, body: Mapping[str, object]) -> str:
    return validation.identity(name, body[name], limit=128) if body.get(name) not in (None, "") else ""


def _dates(body: Mapping[str, object], now: dt.datetime, since: dt.datetime | None) -> dict[str, Any]:
    given = {
        name: validation.instant(name, body[name], now=now)
        for name in ("valid_from", "created_at")
        if body.get(name) is not None
    }
    return {"valid_from": given.get("valid_from"), "since": given.get("created_at") or since or now}


def _named(statement: Statement, first_key: str) -> Statement:
    if not (statement.first_key or statement.external_id):
        raise Refused(
            first_key, f"is required, or external_id: without {first_key} or external_id nobody can be found."
        )
    return statement


def _one(answers: list[Answer[Subject]]) -> tuple[Subject, Change]:
    (answer,) = answers
    if answer.refusal or answer.subject is None or answer.change == "rejected":
        raise answer.refusal or Refused("", "was refused.")
    return answer.subject, answer.change
