"""The upsert of a batch of statements about leads or companies: matching, applying and storing.

Rows are locked in id order, companies before leads, until the transaction ends: two batches cannot deadlock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from leads import matching, rescore_queue, validation
from leads.attribute_history import AttributeHistory
from leads.exceptions import Refused
from leads.matching import NewLead, email_domain
from leads.models import AttributeChange, Company, Lead
from leads.notes import Note

Subject = TypeVar("Subject", Lead, Company)
UpsertChange = Literal["created", "updated", "unchanged", "rejected"]

#: Source of statements that Accord derives itself: that somebody with an address @acme.example works at Acme.
DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class UpsertResult(Generic[Subject]):
    """The result of one statement: its subject and what changed, or the refusal; and notes on what was not taken."""

    subject: Subject | None
    change: UpsertChange
    refusal: Refused | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeStatement:
    """A sender's description of one lead or company.

    `first_key` is the e-mail of a lead or the domain of a company; empty where not given. A statement holds from
    `valid_from` if that is given. Otherwise the first one about a subject holds from `since`, a later one from the time
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


@dataclass(slots=True)
class _BatchUpsert(Generic[Subject]):
    """The state of one batch: the histories of its subjects, found by either key, and the ids of those that changed.

    `known_ids` are the subjects that existed before the batch.
    """

    source: str
    now: dt.datetime
    histories: dict[int, AttributeHistory[Subject]] = field(default_factory=dict)
    by_first_key: dict[str, AttributeHistory[Subject]] = field(default_factory=dict)
    by_external_id: dict[str, AttributeHistory[Subject]] = field(default_factory=dict)
    known_ids: frozenset[int] = frozenset()
    changed: set[int] = field(default_factory=set)

    noun: ClassVar[str]
    first_key_name: ClassVar[str]

    def find_history(self, item: AttributeStatement) -> AttributeHistory[Subject]:
        """Return the history of the subject that a statement names.

        Raises Refused when its two keys contradict each other.
        """
        first, other = self.by_first_key.get(item.first_key), self.by_external_id.get(item.external_id)
        if first and other and first is not other:
            raise Refused(self.first_key_name, f"belongs to one {self.noun} and external_id to another.")
        history = first or other
        if history is None:
            raise Refused(self.first_key_name, f"found no {self.noun}, nor did external_id.")
        known_external_id = history.subject.external_id
        if item.external_id and known_external_id and known_external_id != item.external_id:
            known, sent = validation.shorten_name(known_external_id), validation.shorten_name(item.external_id)
            raise Refused(self.first_key_name, f"belongs to the {self.noun} with external_id {known}, not {sent}.")
        return history

    def adopt_keys(self, history: AttributeHistory[Subject], item: AttributeStatement) -> bool:
        """Give the subject the external id that it lacks, and index it by its keys.

        Return whether the external id is new.
        """
        subject = history.subject
        is_new = bool(item.external_id) and subject.external_id is None
        if is_new:
            subject.external_id = item.external_id
        self._index(history)
        return is_new

    def apply_statement(
        self, history: AttributeHistory[Subject], item: AttributeStatement, values: Mapping[str, Any]
    ) -> bool:
        return history.apply_statement(
            values, valid_from=item.valid_from, since=item.since, source=self.source, now=self.now
        )

    def mark_changed(self, history: AttributeHistory[Subject], *, is_changed: bool) -> UpsertChange:
        """Note the subject as changed if it must be stored. Return `created`, `updated` or `unchanged`."""
        pk = history.subject.pk
        is_new = pk not in self.known_ids and pk not in self.changed and history.subject.recorded_at == self.now
        if is_changed or is_new:
            self.changed.add(pk)
        return "created" if is_new else "updated" if is_changed else "unchanged"

    def _index(self, history: AttributeHistory[Subject]) -> None:
        if key := getattr(history.subject, self.first_key_name):
            self.by_first_key[key.lower()] = history
        if history.subject.external_id:
            self.by_external_id[history.subject.external_id] = history

    def _load(self, subjects: Iterable[Subject], changes: Iterable[tuple[int | None, AttributeChange]]) -> None:
        self.histories |= {subject.pk: AttributeHistory(subject) for subject in subjects}
        for pk, change in changes:
            self.histories[pk or 0].changes.append(change)
        for history in self.histories.values():
            self._index(history)

    def _changed_subjects(self) -> list[Subject]:
        return [self.histories[pk].subject for pk in sorted(self.changed)]

    def _store_changes(self) -> None:
        AttributeChange.objects.bulk_create(
            [change for pk in sorted(self.changed) for change in self.histories[pk].new_changes]
        )


class LeadBatchUpsert(_BatchUpsert[Lead]):
    """The upsert of leads, by e-mail and external id."""

    __slots__ = ()
    noun = "lead"
    first_key_name = "email"

    def upsert(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Lead]]:
        """Create or change the leads of a batch of statements. Return one result each, in order. Needs a transaction.

        1. Upsert the companies that the statements name, which locks them.
        2. Find the companies behind the e-mail domains.
        3. Find the leads of the statements by their keys, and add those that are missing.
        4. Lock all of them in id order, and load their attribute histories.
        5. Apply the statements one after the other: each sees the effect of those before it.
        6. Store the changed leads and their attribute changes, and have the leads rescored.
        """
        # 1. and 2. Companies.
        companies = self._upsert_named_companies(items)
        employers = matching.employers_by_email_domain(item.first_key for item in items)
        # 3. Leads.
        emails, external_ids = {item.first_key for item in items} - {""}, {item.external_id for item in items} - {""}
        keys_by_id = dict(matching.lead_keys(emails, external_ids))
        self.known_ids = frozenset(keys_by_id)
        known_keys = {key for keys in keys_by_id.values() for key in keys}
        new_leads = {
            NewLead(item.first_key, item.external_id, self.now) for item in items if known_keys.isdisjoint(_keys(item))
        }
        if new_leads:
            matching.add_leads(new_leads, now=self.now)
            keys_by_id = dict(matching.lead_keys(emails, external_ids))
        # 4. Another transaction may have changed the rows since they were found: what counts is read under the lock.
        self._lock_and_load(keys_by_id)
        # 5. and 6.
        results = [self._upsert_one(item, companies, employers) for item in items]
        self._store()
        return results

    def assign_employers(self, employers: Mapping[str, int]) -> None:
        """Assign the company of their e-mail domain to leads that have none.

        `employers` maps domains to company ids.
        """
        self._lock_and_load(matching.leads_without_company(employers))
        for history in self.histories.values():
            self._assign_employer(history, employers)
        self._store()

    def backdate_addresses(self, emails: Mapping[str, dt.datetime]) -> None:
        """Date each address from the instant of its lead's action on, if that is earlier than known so far."""
        self._lock_and_load(list(matching.leads_by_email(emails).values_list("pk", flat=True)))
        for history in self.histories.values():
            self._backdate_address(history, emails[(history.subject.email or "").lower()])
        self._store()

    def _lock_and_load(self, ids: Collection[int]) -> None:
        leads = Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
        changes = AttributeChange.objects.filter(lead_id__in=ids).order_by("valid_from", "pk")
        self._load(list(leads), ((change.lead_id, change) for change in changes))

    def _upsert_named_companies(
        self, items: Sequence[AttributeStatement]
    ) -> Mapping[tuple[str, str], UpsertResult[Company]]:
        """Create or find the companies that the leads name. Return the result for each (domain, external id)."""
        company_keys = sorted({_named_company(item) for item in items} - {("", "")})
        if not company_keys:
            return {}
        references = [
            AttributeStatement(domain, external_id, {}, self.now, is_reference=True)
            for domain, external_id in company_keys
        ]
        results = CompanyBatchUpsert(self.source, self.now).upsert(references)
        return dict(zip(company_keys, results, strict=True))

    def _upsert_one(
        self,
        item: AttributeStatement,
        companies: Mapping[tuple[str, str], UpsertResult[Company]],
        employers: Mapping[str, int],
    ) -> UpsertResult[Lead]:
        company = companies.get(_named_company(item))
        if company and company.refusal:
            return UpsertResult(None, "rejected", Refused(f"company_{company.refusal.field}", company.refusal.rule))
        try:
            history = self.find_history(item)
        except Refused as refusal:
            return UpsertResult(None, "rejected", refusal)
        is_changed = self.adopt_keys(history, item)
        is_changed |= self.apply_statement(
            history, item, {**item.values, **self._company_values(history, item, company, employers)}
        )
        is_changed |= self._assign_employer(history, employers)
        self._index(history)
        return UpsertResult(history.subject, self.mark_changed(history, is_changed=is_changed))

    def _company_values(
        self,
        history: AttributeHistory[Lead],
        item: AttributeStatement,
        company: UpsertResult[Company] | None,
        employers: Mapping[str, int],
    ) -> Mapping[str, Any]:
        """Return the company that a statement names, or on a first statement the company of the e-mail domain."""
        if company and company.subject:
            return {"company": company.subject.pk}
        employer = employers.get(email_domain(item.first_key))
        is_first = not history.changes and history.subject.company_id is None
        return {"company": employer} if employer and is_first else {}

    def _assign_employer(self, history: AttributeHistory[Lead], employers: Mapping[str, int]) -> bool:
        """Assign the company of the e-mail domain to a lead without one, from when its address is known.

        Return whether it did.
        """
        lead = history.subject
        employer = employers.get(email_domain((lead.email or "").lower()))
        if lead.company_id or not employer:
            return False
        self.changed.add(lead.pk)
        if not history.changes:
            lead.company_id = employer
            return True
        since = history.first_stated_at("email")
        return history.apply_statement(
            {"company": employer}, valid_from=since, since=since, source=DERIVED, now=self.now
        )

    def _backdate_address(self, history: AttributeHistory[Lead], at: dt.datetime) -> None:
        lead = history.subject
        if at >= history.first_stated_at("email"):
            return
        self.changed.add(lead.pk)
        if not history.changes:
            history.set_known_at(at)
            return
        values: dict[str, Any] = {"email": lead.email, "do_not_contact": False}
        works_there = any(row.source == DERIVED and "company" in row.values for row in history.changes)
        values |= {"company": lead.company_id} if works_there else {}
        history.apply_statement(values, valid_from=at, since=at, source=self.source, now=self.now)

    def _store(self) -> None:
        leads = self._changed_subjects()
        if not leads:
            return
        # An upsert on the primary key is the fastest way to write many columns of many rows. All of the rows exist.
        Lead.objects.bulk_create(
            leads, update_conflicts=True, unique_fields=["id"], update_fields=_WRITABLE_COLUMNS[Lead]
        )
        self._store_changes()
        rescore_queue.request(lead_ids=[lead.pk for lead in leads], at=self.now)


class CompanyBatchUpsert(_BatchUpsert[Company]):
    """The upsert of companies, by domain and external id."""

    __slots__ = ()
    noun = "company"
    first_key_name = "domain"

    def upsert(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Company]]:
        """Create or change the companies of a batch of statements. Return one result each, in order.

        Needs a transaction.

        1. Find the companies of the statements by their keys, and add those that are missing.
        2. Lock all of them in id order, and load their attribute histories.
        3. Apply the statements one after the other: each sees the effect of those before it.
        4. Store the changed companies and their attribute changes, and have their leads rescored.
        5. Assign the companies with new domains to leads at these domains that have no company.
        """
        # 1. Companies.
        domains, external_ids = {item.first_key for item in items} - {""}, {item.external_id for item in items} - {""}
        keys_by_id = dict(matching.company_keys(domains, external_ids))
        self.known_ids = frozenset(keys_by_id)
        known_keys = {key for keys in keys_by_id.values() for key in keys}
        new_companies = {(item.first_key, item.external_id) for item in items if known_keys.isdisjoint(_keys(item))}
        if new_companies:
            matching.add_companies(new_companies, now=self.now)
            keys_by_id = dict(matching.company_keys(domains, external_ids))
        # 2. Another transaction may have changed the rows since they were found: what counts is read under the lock.
        self._lock_and_load(keys_by_id)
        # 3., 4. and 5.
        results = [self._upsert_one(item) for item in items]
        self._store(domains - known_keys)
        return results

    def _lock_and_load(self, ids: Collection[int]) -> None:
        companies = Company.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",), no_key=True)
        changes = AttributeChange.objects.filter(company_id__in=ids).order_by("valid_from", "pk")
        self._load(list(companies), ((change.company_id, change) for change in changes))

    def _upsert_one(self, item: AttributeStatement) -> UpsertResult[Company]:
        try:
            history = self.find_history(item)
        except Refused as refusal:
            return UpsertResult(None, "rejected", refusal)
        company = history.subject
        is_changed = bool(item.first_key) and company.domain != item.first_key
        if is_changed:
            company.domain = item.first_key
        is_changed |= self.adopt_keys(history, item)
        is_changed |= not item.is_reference and self.apply_statement(history, item, item.values)
        return UpsertResult(company, self.mark_changed(history, is_changed=is_changed))

    def _store(self, new_domains: Collection[str]) -> None:
        companies = self._changed_subjects()
        if not companies:
            return
        Company.objects.bulk_create(
            companies, update_conflicts=True, unique_fields=["id"], update_fields=_WRITABLE_COLUMNS[Company]
        )
        self._store_changes()
        ids = [company.pk for company in companies]
        rescore_queue.request(
            lead_ids=list(Lead.objects.filter(company_id__in=ids).values_list("pk", flat=True)), at=self.now
        )
        if new_domains:
            LeadBatchUpsert(self.source, self.now).assign_employers(matching.employers_by_domain(new_domains))


def _keys(item: AttributeStatement) -> set[str]:
    return {item.first_key, item.external_id} - {""}


def _named_company(item: AttributeStatement) -> tuple[str, str]:
    return item.company_domain, item.company_external_id


def _writable_columns(model: type[Lead | Company], excluded: set[str]) -> list[str]:
    return [
        column.name
        for column in model._meta.concrete_fields  # noqa: SLF001  # Django documents _meta
        if column.name not in excluded | {"id", "recorded_at"}
    ]


_WRITABLE_COLUMNS = {
    Lead: _writable_columns(Lead, {"stage", "merged_into", "next_look_at", "look_failures", "look_error"}),
    Company: _writable_columns(Company, set()),
}
