"""The upsert of a batch of statements about leads or companies: matching, applying and storing.

The statements are applied one after the other, as if each were a batch of its own: a batch ends like its statements one
by one, wherever it is cut.

Everything is locked until the transaction ends, in this order: spellings, the companies that are known, new companies with
their keys, the leads that are known, new leads with their keys. Known rows are locked in id order, new ones are added in the
order of their keys, and events that add leads keep to this order, too. So transactions about the same rows wait for each
other. A deadlock stays possible where both add rows or keys that neither knew when it looked, as an address and an id do not
sort alike in all tables. PostgreSQL ends one of the two, and the caller runs it again, up to ten times
(`retry_on_conflict`): by then the rows of the other one are known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from config.accounts import sources
from leads import bulk_rows
from leads.attribute_history import AttributeHistory
from leads.exceptions import Refused
from leads.identity import matching, merges, replaced_persons
from leads.identity.matching import (
    IdentityKey,
    NewCompany,
    NewLead,
    domain_key,
    email_domain,
    email_key,
    phone_key,
)
from leads.intake import opt_outs
from leads.intake.attribute_statements import AttributeStatement, UpsertResult, spell_texts
from leads.intake.subject_batch import SubjectBatchUpsert
from leads.models import AttributeChange, Company, CompanyKey, Lead, LeadKey, PersonChange
from leads.normalization import domain_names, phone_numbers, stated_values
from leads.normalization.row_notes import RowNote
from leads.rescoring import rescore_queue
from leads.vocabulary import KeyKind

# An array is one parameter; a list of a thousand parameters costs more than the search itself.
_LOCK: Final = "SELECT * FROM {table} WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
_HISTORY: Final = (
    "SELECT * FROM leads_attributechange WHERE {subject} = ANY(%s::bigint[]) AND {subject} IS NOT NULL"
    " ORDER BY valid_from, id"
)


@dataclass
class LeadBatchUpsert(SubjectBatchUpsert[Lead]):
    """The upsert of leads, by their keys.

    `employers` are the companies at and above the e-mail domains of the batch, by host, and `new_employers` those that a
    statement still to come names first. `without_company` are leads that have none, by the new hosts
    at which they have an address.
    """

    employers: dict[str, int] = field(default_factory=dict)
    new_employers: dict[str, int] = field(default_factory=dict)
    without_company: dict[str, list[AttributeHistory[Lead]]] = field(default_factory=dict)

    model = Lead
    noun = "lead"
    first_key_name = "email"
    first_kind = KeyKind.EMAIL

    def upsert(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Lead]]:
        """Create or change the leads of a batch of statements. Return one result each, in order. Needs a transaction.

        1. Upsert the companies that the statements name, which locks them.
        2. Find the leads of the statements by their keys, and those at new domains of the companies.
        3. Find the companies behind the e-mail domains.
        4. Lock these leads and those of the companies in id order, and load the attribute histories.
        5. Apply the statements one after the other: each sees the effect of those before it.
        6. Store new and changed leads with their attribute changes, and have the leads rescored.
        """
        items = spell_texts(items)
        # 1. Companies.
        named = CompanyBatchUpsert(self.source, self.now)
        companies = self._upsert_named_companies(items, named)
        of_changed = named.list_leads_of_changed()
        # 2. Leads.
        owners = matching.find_lead_keys({key for item in items for key in self.all_keys(item)})
        self.reserve_ids(items, owners)
        at_new_domains = self._find_leads_at(named.new_domains)
        # 3. Employers.
        self._find_employers({email_domain(item.first_key) for item in items} | set(at_new_domains.values()), named)
        # 4. Another transaction may have changed the rows since they were found: what counts is read under the lock.
        ids = {*owners.values(), *at_new_domains}
        self._lock_and_load(ids, also=of_changed)
        self._load_keys(matching.keys_of_leads(ids))
        self._note_leads_without_company(self.histories.values())
        # 5. and 6.
        results = [self._upsert_one(item, companies) for item in items]
        self._store()
        if of_changed:
            rescore_queue.request(lead_ids=of_changed, at=self.now)
        return results

    def first_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        if item.first_key:
            return (email_key(item.first_key),)
        return (phone_key(item.phone),) if item.phone else ()

    def person_id(self, subject: Lead) -> int:
        return subject.merged_into_id or subject.pk

    def follow_companies(self, companies: CompanyBatchUpsert) -> None:
        """Assign leads without a company to the new domains of these, and have the leads of changed ones rescored."""
        of_changed = companies.list_leads_of_changed()
        at_new_domains = self._find_leads_at(companies.new_domains)
        self._find_employers(set(at_new_domains.values()), companies)
        self._lock_and_load(at_new_domains.keys(), also=of_changed)
        self._note_leads_without_company(self.histories.values())
        for host in companies.new_domains:
            self._open_domain(host)
        self._store()
        if of_changed:
            rescore_queue.request(lead_ids=of_changed, at=self.now)

    def backdate_addresses(self, emails: Mapping[str, dt.datetime]) -> None:
        """Date each address from the instant of its lead's action on, if that is earlier than known so far."""
        owners = matching.find_lead_keys({email_key(address) for address in emails})
        self._lock_and_load(set(owners.values()))
        for key, pk in sorted(owners.items()):
            self._backdate_address(self.histories[pk], key.value, emails[key.value])
        self._store()

    def state_contact(self, lead_id: int, *, is_opt_out: bool) -> None:
        """State whether a lead may be contacted."""
        self._lock_and_load([lead_id])
        for history in self.histories.values():
            contact = opt_outs.ContactStatement(is_opt_out, None, self.by_person, self.now)
            if opt_outs.settle_wish(history, contact, source=self.source):
                self.changed.add(history.subject.pk)
        self._store()

    def _lock_and_load(self, ids: Collection[int], also: Collection[int] = ()) -> None:
        if not ids and not also:
            return
        # With the leads that stand for aliases, which are rescored at the end: all locks are taken in id order.
        locked = {*ids, *also}
        locked.update(merges.list_standing_ids(locked))
        leads = list(Lead.objects.raw(_LOCK.format(table="leads_lead"), [list(locked)]))
        changes = AttributeChange.objects.raw(_HISTORY.format(subject="lead_id"), [list(ids)])
        own = set(ids)
        self._load([lead for lead in leads if lead.pk in own], ((change.lead_id, change) for change in changes))

    def _keys_in_columns(self, subject: Lead) -> list[IdentityKey]:
        keys = super()._keys_in_columns(subject)
        return keys or ([phone_key(subject.phone_key)] if subject.phone_key else [])

    def _upsert_named_companies(
        self, items: Sequence[AttributeStatement], upsert: CompanyBatchUpsert
    ) -> Mapping[tuple[str, str, str], int | Refused]:
        """Find or create the companies that the leads name. Return the id or the refusal for each (domain, id, system)."""
        references = {
            name: AttributeStatement(name[0], name[1], {}, self.now, is_reference=True, system=name[2])
            # In the order of the rows: of two that contradict each other the first one counts (rules 13.55).
            for name in dict.fromkeys(_named_company(item) for item in items if any(_named_company(item)[:2]))
        }
        owners = matching.find_company_keys({key for item in references.values() for key in upsert.all_keys(item)})
        companies: dict[tuple[str, str, str], int | Refused] = {}
        for name, item in references.items():
            owner = _find_settled(upsert.first_keys(item), item.id_keys, owners)
            if owner is not None:
                companies[name] = owner
        others = {name: item for name, item in references.items() if name not in companies}
        for name, result in zip(others, upsert.store(list(others.values())) if others else (), strict=True):
            if result.refusal is not None:
                companies[name] = result.refusal
            elif result.subject is not None:
                companies[name] = result.subject.pk
        return companies

    def _find_leads_at(self, domains: Collection[str]) -> dict[int, str]:
        """Return the e-mail domains of leads without a company at these new domains and below them, by their ids."""
        if not domains:
            return {}
        return matching.leads_without_company(matching.companies_by_host(domains).keys() & domains)

    def _find_employers(self, domains: Set[str], named: CompanyBatchUpsert) -> None:
        companies = matching.companies_by_host(domains - {""}) if domains else {}
        self.new_employers = {host: companies.pop(host) for host in named.new_domains if host in companies}
        self.employers = companies

    def _note_leads_without_company(self, histories: Iterable[AttributeHistory[Lead]]) -> None:
        """Note leads without a company by the hosts at which a statement still to come may add one."""
        for history in histories if self.new_employers else ():
            lead = history.subject
            if lead.company_id is None and lead.email:
                for host in domain_names.domains_above(email_domain(lead.email.lower())):
                    if host in self.new_employers:
                        self.without_company.setdefault(host, []).append(history)

    def _open_domain(self, host: str) -> None:
        """Let the company at a new domain be found from now on, and assign it to leads that are there already."""
        if host in self.new_employers:
            self.employers[host] = self.new_employers.pop(host)
            for history in self.without_company.pop(host, ()):
                self._assign_employer(history)

    def _upsert_one(
        self, item: AttributeStatement, companies: Mapping[tuple[str, str, str], int | Refused]
    ) -> UpsertResult[Lead]:
        company = companies.get(_named_company(item))
        if isinstance(company, Refused):
            return UpsertResult(None, "rejected", Refused(f"company_{company.field}", company.rule))
        self._open_domain(item.company_domain)
        try:
            history = self.find_history(item) or self._add_lead(item)
        except Refused as refusal:
            return UpsertResult(None, "rejected", refusal)
        values = {**item.values, **self._company_values(history, item, company)}
        if self._is_by_earlier_address(history.subject, item) or self._is_address_of_another(history, item):
            del values["email"]
        is_changed = self.adopt_keys(history, item)
        is_stated, notes = self._apply_person(history, item, values)
        is_changed |= is_stated
        is_changed |= self._assign_employer(history)
        self._note_leads_without_company([history])
        if is_changed:
            lead = history.subject
            lead.phone_key = phone_numbers.to_phone_key(lead.phone, lead.country) if lead.phone else ""
        change = self.mark_changed(history, is_changed=is_changed)
        return UpsertResult(
            history.subject, change, notes=(*item.notes, *stated_values.list_notes(item.values), *notes)
        )

    def _add_lead(self, item: AttributeStatement) -> AttributeHistory[Lead]:
        new = NewLead(item.first_key, item.external_id, item.system, item.phone, self.now)
        employer = matching.find_employer(email_domain(item.first_key), self.employers)
        return self.add_subject(matching.build_lead(new, employer, now=self.now))

    def _apply_person(
        self, history: AttributeHistory[Lead], item: AttributeStatement, values: dict[str, Any]
    ) -> tuple[bool, tuple[RowNote, ...]]:
        """Apply the values, except that an opt-out stands against older ones (rules 13.37), and note another's name.

        Return whether the history changed, and the notes.
        """
        lead, name_before = history.subject, replaced_persons.name_of(history.subject)
        contact = opt_outs.read_statement(values, valid_from=item.valid_from, by_person=self.by_person, now=self.now)
        is_kept = opt_outs.keeps_wish(history, contact)
        if is_kept:
            del values[opt_outs.FIELD]
        is_changed = self.apply_statement(history, item, values)
        if not is_kept:
            is_changed |= opt_outs.settle_wish(history, contact, source=self.source)
        notes = opt_outs.note_kept_wish(lead, contact)
        if name_before.first and name_before.last and replaced_persons.name_of(lead) != name_before:
            notes += self._note_changed_name(lead, name_before, item)
        return is_changed, notes

    def _note_changed_name(
        self, lead: Lead, name_before: replaced_persons.PersonName, item: AttributeStatement
    ) -> tuple[RowNote, ...]:
        change = replaced_persons.build_person_change(
            lead, name_before, at=item.valid_from or self.now, source=self.source, now=self.now
        )
        if change is not None:
            self.person_changes.append(change)
        return replaced_persons.note_changed_name(name_before, replaced_persons.name_of(lead))

    def _is_by_earlier_address(self, lead: Lead, item: AttributeStatement) -> bool:
        """Tell whether a statement names a person by an earlier address alone: then it does not say the current one."""
        return bool(item.first_key and not item.external_id and lead.email and lead.email.lower() != item.first_key)

    def _is_address_of_another(self, history: AttributeHistory[Lead], item: AttributeStatement) -> bool:
        """Tell whether the address belongs to another lead of the same person, which keeps it."""
        return bool(item.first_key) and self.by_key.get(email_key(item.first_key), history) is not history

    def _company_values(
        self,
        history: AttributeHistory[Lead],
        item: AttributeStatement,
        company: int | None,
    ) -> Mapping[str, Any]:
        """Return the company that a statement names, or on a first statement the company of the e-mail domain."""
        if company:
            return {"company": company}
        employer = matching.find_employer(email_domain(item.first_key), self.employers)
        is_first = not history.changes and history.subject.company_id is None
        return {"company": employer} if employer and is_first else {}

    def _assign_employer(self, history: AttributeHistory[Lead]) -> bool:
        """Assign the company of the e-mail domain to a lead without one, from when its address is known.

        Return whether it did.
        """
        lead = history.subject
        if lead.company_id or not lead.email:
            return False
        employer = matching.find_employer(email_domain(lead.email.lower()), self.employers)
        if employer is None:
            return False
        self.changed.add(lead.pk)
        if not history.changes:
            lead.company_id = employer
            return True
        since = history.first_stated_at("email")
        return history.apply_statement(
            {"company": employer}, valid_from=since, since=since, source=sources.DERIVED, now=self.now
        )

    def _backdate_address(self, history: AttributeHistory[Lead], address: str, at: dt.datetime) -> None:
        lead = history.subject
        if at >= history.first_stated_at("email"):
            return
        self.changed.add(lead.pk)
        if not history.changes:
            history.set_known_at(at)
            return
        is_current = address == (lead.email or "").lower()
        values: dict[str, Any] = {"email": lead.email if is_current else address}
        if opt_outs.FIELD not in history.values_at(at):
            values[opt_outs.FIELD] = False
        works_there = any(row.source == sources.DERIVED and "company" in row.values for row in history.changes)
        values |= {"company": lead.company_id} if works_there else {}
        history.apply_statement(values, valid_from=at, since=at, source=self.source, now=self.now)

    def _store_restated(self) -> None:
        self._store()

    def _store(self) -> None:
        new, known = self._split_changed()
        rescore_queue.enter_new(new, at=self.now)
        bulk_rows.insert_rows(new)
        bulk_rows.update_rows(known, _WRITABLE_COLUMNS[Lead])
        bulk_rows.insert_rows(
            [
                LeadKey(lead_id=pk, kind=key.kind, system=key.system, value=key.value, recorded_at=self.now)
                for pk, key in self._keys_beside_columns()
            ]
        )
        self._store_changes()
        PersonChange.objects.bulk_create(self.person_changes)
        if known:
            rescore_queue.request(lead_ids=[lead.pk for lead in known], at=self.now)


class CompanyBatchUpsert(SubjectBatchUpsert[Company]):
    """The upsert of companies, by their keys."""

    __slots__ = ()
    model = Company
    noun = "company"
    first_key_name = "domain"
    first_kind = KeyKind.DOMAIN

    def upsert(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Company]]:
        """Create or change the companies of a batch of statements. Return one result each, in order.

        Needs a transaction. Afterwards the leads of changed companies are rescored, and leads at their new domains that
        have no company are assigned to them.
        """
        results = self.store(items)
        LeadBatchUpsert(self.source, self.now).follow_companies(self)
        return results

    def store(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Company]]:
        """Create or change companies as `upsert` does, and leave their leads to the caller.

        1. Find the companies of the statements by their keys.
        2. Lock them in id order, and load their attribute histories.
        3. Apply the statements one after the other: each sees the effect of those before it.
        4. Store new and changed companies with their attribute changes.
        """
        items = spell_texts(items)
        # 1. Companies.
        owners = matching.find_company_keys({key for item in items for key in self.all_keys(item)})
        self.reserve_ids(items, owners)
        # 2. Another transaction may have changed the rows since they were found: what counts is read under the lock.
        ids = set(owners.values())
        self._lock_and_load(ids)
        self._load_keys(matching.keys_of_companies(ids))
        # 3. and 4.
        results = [self._upsert_one(item) for item in items]
        self._store()
        return results

    @property
    def new_domains(self) -> list[str]:
        """The domains that the batch adds, in the order of its statements."""
        return [key.value for key in self.new_keys if key.kind == self.first_kind]

    def list_leads_of_changed(self) -> list[int]:
        """Return the ids of the leads of companies that were there before and changed."""
        known = self.changed - self.new_ids
        return list(Lead.objects.filter(company__in=known).values_list("pk", flat=True)) if known else []

    def first_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        return tuple(domain_key(host) for host in (item.first_key, *item.more_domains) if host)

    def _lock_and_load(self, ids: Collection[int]) -> None:
        if ids:
            companies = list(Company.objects.raw(_LOCK.format(table="leads_company"), [list(ids)]))
            changes = AttributeChange.objects.raw(_HISTORY.format(subject="company_id"), [list(ids)])
            self._load(companies, ((change.company_id, change) for change in changes))

    def _upsert_one(self, item: AttributeStatement) -> UpsertResult[Company]:
        try:
            history = self.find_history(item) or self._add_company(item)
        except Refused as refusal:
            return UpsertResult(None, "rejected", refusal)
        company = history.subject
        is_changed = self.adopt_keys(history, item)
        if item.first_key and company.domain is None:
            company.domain = item.first_key
        is_changed |= not item.is_reference and self.apply_statement(history, item, item.values)
        change = self.mark_changed(history, is_changed=is_changed)
        return UpsertResult(company, change, notes=(*item.notes, *stated_values.list_notes(item.values)))

    def _add_company(self, item: AttributeStatement) -> AttributeHistory[Company]:
        new = NewCompany(item.first_key, item.external_id, item.system)
        return self.add_subject(matching.build_company(new, now=self.now))

    def _store_restated(self) -> None:
        self._store()
        LeadBatchUpsert(self.source, self.now).follow_companies(self)

    def _store(self) -> None:
        new, known = self._split_changed()
        bulk_rows.insert_rows(new)
        bulk_rows.update_rows(known, _WRITABLE_COLUMNS[Company])
        bulk_rows.insert_rows(
            [
                CompanyKey(company_id=pk, kind=key.kind, system=key.system, value=key.value, recorded_at=self.now)
                for pk, key in self._keys_beside_columns()
            ]
        )
        self._store_changes()


def _find_settled(
    domains: Sequence[IdentityKey], ids: Sequence[IdentityKey], owners: Mapping[IdentityKey, int]
) -> int | None:
    """Return the company that has every key of a reference already; None if there is something to add or to refuse."""
    by_domain = {owners.get(key) for key in domains}
    by_id = {next((owners[key] for key in ids if key in owners), None)} if ids else set()
    companies = by_domain | by_id
    return companies.pop() if len(companies) == 1 else None


def _named_company(item: AttributeStatement) -> tuple[str, str, str]:
    return item.company_domain, item.company_external_id, item.system


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
