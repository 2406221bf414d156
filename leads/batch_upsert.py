"""A batch of statements about leads or companies on its way in: whom each one means, what it changes, what is stored.

Rows are locked in the order of their ids, companies before leads, from the first look to the end of the transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from leads import matching, rescore_queue, validation
from leads.attribute_history import Dossier
from leads.exceptions import Refused
from leads.matching import NewLead, domain_of
from leads.models import AttributeChange, Company, Lead

Subject = TypeVar("Subject", Lead, Company)
Change = Literal["created", "updated", "unchanged", "rejected"]

#: Source of what Accord concludes itself: that somebody @acme.example works at Acme.
DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Answer(Generic[Subject]):
    """What became of one statement: the subject and what changed, or why it was refused."""

    subject: Subject | None
    change: Change
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One sender's description. `first_key` is the e-mail of a lead, the domain of a company; empty where not given.

    A statement holds from `valid_from` if that is given. Otherwise the first one about a subject holds from `since`,
    and a later one from the moment it came. A reference only names its subject.
    """

    first_key: str
    external_id: str
    values: Mapping[str, Any]
    since: dt.datetime
    valid_from: dt.datetime | None = None
    company_domain: str = ""
    company_external_id: str = ""
    is_reference: bool = False


@dataclass(slots=True)
class _Intake(Generic[Subject]):
    source: str
    now: dt.datetime
    dossiers: dict[int, Dossier[Subject]] = field(default_factory=dict)
    by_first_key: dict[str, Dossier[Subject]] = field(default_factory=dict)
    by_external_id: dict[str, Dossier[Subject]] = field(default_factory=dict)
    old: frozenset[int] = frozenset()
    changed: set[int] = field(default_factory=set)

    noun: ClassVar[str]
    first_name: ClassVar[str]

    def match(self, item: Statement) -> Dossier[Subject]:
        """Whom the item is about. Raises Refused when its two keys are at odds."""
        first, other = self.by_first_key.get(item.first_key), self.by_external_id.get(item.external_id)
        if first and other and first is not other:
            raise Refused(self.first_name, f"belongs to one {self.noun} and external_id to another.")
        found = first or other
        if found is None:
            raise Refused(self.first_name, f"found no {self.noun}, nor did external_id.")
        held = found.subject.external_id
        if item.external_id and held and held != item.external_id:
            raise Refused(
                self.first_name,
                f"belongs to the {self.noun} with external_id {validation.shown(held)}, not {validation.shown(item.external_id)}.",
            )
        return found

    def adopt(self, dossier: Dossier[Subject], item: Statement) -> bool:
        """The keys that the subject did not have yet."""
        subject = dossier.subject
        is_new = bool(item.external_id) and subject.external_id is None
        if is_new:
            subject.external_id = item.external_id
        self._index(dossier)
        return is_new

    def state(self, dossier: Dossier[Subject], item: Statement, values: Mapping[str, Any]) -> bool:
        return dossier.state(values, valid_from=item.valid_from, since=item.since, source=self.source, now=self.now)

    def changed_to(self, dossier: Dossier[Subject], *, has_news: bool) -> Change:
        pk = dossier.subject.pk
        is_new = pk not in self.old and pk not in self.changed and dossier.subject.recorded_at == self.now
        if has_news or is_new:
            self.changed.add(pk)
        return "created" if is_new else "updated" if has_news else "unchanged"

    def _index(self, dossier: Dossier[Subject]) -> None:
        if key := getattr(dossier.subject, self.first_name):
            self.by_first_key[key.lower()] = dossier
        if dossier.subject.external_id:
            self.by_external_id[dossier.subject.external_id] = dossier

    def _load(self, subjects: Iterable[Subject], said: Iterable[tuple[int | None, AttributeChange]]) -> None:
        self.dossiers |= {subject.pk: Dossier(subject) for subject in subjects}
        for pk, row in said:
            self.dossiers[pk or 0].said.append(row)
        for dossier in self.dossiers.values():
            self._index(dossier)

    def _changed_subjects(self) -> list[Subject]:
        return [self.dossiers[pk].subject for pk in sorted(self.changed)]

    def _store_ledger(self) -> None:
        AttributeChange.objects.bulk_create([row for pk in sorted(self.changed) for row in self.dossiers[pk].added])


class LeadIntake(_Intake[Lead]):
    """Leads by e-mail and external id."""

    __slots__ = ()
    noun = "lead"
    first_name = "email"

    def take(self, items: Sequence[Statement]) -> list[Answer[Lead]]:
        companies = self._companies(items)
        employers = matching.companies_of_emails(item.first_key for item in items)
        emails, external_ids = {item.first_key for item in items} - {""}, {item.external_id for item in items} - {""}
        known = dict(matching.lead_keys(emails, external_ids))
        self.old = frozenset(known)
        held = {key for keys in known.values() for key in keys}
        new = {NewLead(item.first_key, item.external_id, self.now) for item in items if held.isdisjoint(_keys(item))}
        if new:
            matching.add_leads(new, now=self.now)
            known = dict(matching.lead_keys(emails, external_ids))
        self._lock(known)
        answers = [self._answer(item, companies, employers) for item in items]
        self._store()
        return answers

    def join(self, employers: Mapping[str, int]) -> None:
        """Leads without a company, at these e-mail domains, work there."""
        self._lock(matching.unemployed(employers))
        for dossier in self.dossiers.values():
            self._employ(dossier, employers)
        self._store()

    def see(self, emails: Mapping[str, dt.datetime]) -> None:
        """Each lead had its address at this instant already: it acted under it."""
        self._lock(list(matching.leads_by_email(emails).values_list("pk", flat=True)))
        for dossier in self.dossiers.values():
            self._see(dossier, emails[(dossier.subject.email or "").lower()])
        self._store()

    def _lock(self, ids: Collection[int]) -> None:
        leads = Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
        rows = AttributeChange.objects.filter(lead_id__in=ids).order_by("valid_from", "pk")
        self._load(list(leads), ((row.lead_id, row) for row in rows))

    def _companies(self, items: Sequence[Statement]) -> Mapping[tuple[str, str], Answer[Company]]:
        """The companies that the leads name, made where they are missing."""
        named = sorted({_company_of(item) for item in items} - {("", "")})
        if not named:
            return {}
        references = [Statement(domain, external_id, {}, self.now, is_reference=True) for domain, external_id in named]
        answers = CompanyIntake(self.source, self.now).take(references)
        return dict(zip(named, answers, strict=True))

    def _answer(
        self, item: Statement, companies: Mapping[tuple[str, str], Answer[Company]], employers: Mapping[str, int]
    ) -> Answer[Lead]:
        company = companies.get(_company_of(item))
        if company and company.refusal:
            return Answer(None, "rejected", Refused(f"company_{company.refusal.field}", company.refusal.rule))
        try:
            dossier = self.match(item)
        except Refused as refusal:
            return Answer(None, "rejected", refusal)
        has_news = self.adopt(dossier, item)
        has_news |= self.state(dossier, item, {**item.values, **self._company(dossier, item, company, employers)})
        has_news |= self._employ(dossier, employers)
        self._index(dossier)
        return Answer(dossier.subject, self.changed_to(dossier, has_news=has_news))

    def _company(
        self, dossier: Dossier[Lead], item: Statement, company: Answer[Company] | None, employers: Mapping[str, int]
    ) -> Mapping[str, Any]:
        if company and company.subject:
            return {"company": company.subject.pk}
        employer = employers.get(domain_of(item.first_key))
        is_first = not dossier.said and dossier.subject.company_id is None
        return {"company": employer} if employer and is_first else {}

    def _employ(self, dossier: Dossier[Lead], employers: Mapping[str, int]) -> bool:
        """The company whose domain the address has, from when on the address is known."""
        lead = dossier.subject
        employer = employers.get(domain_of((lead.email or "").lower()))
        if lead.company_id or not employer:
            return False
        self.changed.add(lead.pk)
        if not dossier.said:
            lead.company_id = employer
            return True
        since = dossier.known_since("email")
        return dossier.state({"company": employer}, valid_from=since, since=since, source=DERIVED, now=self.now)

    def _see(self, dossier: Dossier[Lead], at: dt.datetime) -> None:
        lead = dossier.subject
        if at >= dossier.known_since("email"):
            return
        self.changed.add(lead.pk)
        if not dossier.said:
            dossier.date(at)
            return
        values: dict[str, Any] = {"email": lead.email, "do_not_contact": False}
        works_there = any(row.source == DERIVED and "company" in row.values for row in dossier.said)
        values |= {"company": lead.company_id} if works_there else {}
        dossier.state(values, valid_from=at, since=at, source=self.source, now=self.now)

    def _store(self) -> None:
        leads = self._changed_subjects()
        if not leads:
            return
        # By primary key, an upsert is the fastest way to write many columns of many rows; none of them is new.
        Lead.objects.bulk_create(leads, update_conflicts=True, unique_fields=["id"], update_fields=_COLUMNS[Lead])
        self._store_ledger()
        rescore_queue.request(lead_ids=[lead.pk for lead in leads], at=self.now)


class CompanyIntake(_Intake[Company]):
    """Companies by domain and external id."""

    __slots__ = ()
    noun = "company"
    first_name = "domain"

    def take(self, items: Sequence[Statement]) -> list[Answer[Company]]:
        domains, external_ids = {item.first_key for item in items} - {""}, {item.external_id for item in items} - {""}
        known = dict(matching.company_keys(domains, external_ids))
        self.old = frozenset(known)
        held = {key for keys in known.values() for key in keys}
        new = {(item.first_key, item.external_id) for item in items if held.isdisjoint(_keys(item))}
        if new:
            matching.add_companies(new, now=self.now)
            known = dict(matching.company_keys(domains, external_ids))
        self._lock(known)
        answers = [self._answer(item) for item in items]
        self._store(domains - held)
        return answers

    def _lock(self, ids: Collection[int]) -> None:
        companies = Company.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
        rows = AttributeChange.objects.filter(company_id__in=ids).order_by("valid_from", "pk")
        self._load(list(companies), ((row.company_id, row) for row in rows))

    def _answer(self, item: Statement) -> Answer[Company]:
        try:
            dossier = self.match(item)
        except Refused as refusal:
            return Answer(None, "rejected", refusal)
        company = dossier.subject
        has_news = bool(item.first_key) and company.domain != item.first_key
        if has_news:
            company.domain = item.first_key
        has_news |= self.adopt(dossier, item)
        has_news |= not item.is_reference and self.state(dossier, item, item.values)
        return Answer(company, self.changed_to(dossier, has_news=has_news))

    def _store(self, new_domains: Collection[str]) -> None:
        companies = self._changed_subjects()
        if not companies:
            return
        Company.objects.bulk_create(
            companies, update_conflicts=True, unique_fields=["id"], update_fields=_COLUMNS[Company]
        )
        self._store_ledger()
        ids = [company.pk for company in companies]
        rescore_queue.request(
            lead_ids=list(Lead.objects.filter(company_id__in=ids).values_list("pk", flat=True)), at=self.now
        )
        if new_domains:
            LeadIntake(self.source, self.now).join(matching.employers(new_domains))


def _keys(item: Statement) -> set[str]:
    return {item.first_key, item.external_id} - {""}


def _company_of(item: Statement) -> tuple[str, str]:
    return item.company_domain, item.company_external_id


def _columns(model: type[Lead | Company], but: set[str]) -> list[str]:
    return [
        each.name
        for each in model._meta.concrete_fields  # noqa: SLF001 - Django documents _meta
        if each.name not in but | {"id", "recorded_at"}
    ]


_COLUMNS = {
    Lead: _columns(Lead, {"stage", "next_look_at", "look_failures", "look_error"}),
    Company: _columns(Company, set()),
}
