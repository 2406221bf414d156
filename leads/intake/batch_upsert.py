"""The upsert of a batch of statements about leads or companies: matching, applying and storing.

The statements are applied one after the other, as if each were a batch of its own: a batch ends like its statements one
by one, wherever it is cut.

Everything is locked until the transaction ends, in this order: spellings, the companies that are known, new companies with
their keys, the leads that are known, new leads with their keys. Known rows are locked in id order, new ones are added in the
order of their keys, and events that add leads keep to this order, too. So transactions about the same rows wait for each
other. A deadlock stays possible where both add rows or keys that neither knew when it looked, as an address and an id do not
sort alike in all tables. PostgreSQL ends one of the two, and the caller runs it again, up to five times
(`retry_on_conflict`): by then the rows of the other one are known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, TypeVar

from config.accounts import sources
from leads import bulk_rows
from leads.attribute_history import GROUPED_TEXTS, AttributeHistory
from leads.exceptions import Refused
from leads.identity import matching, merges, replaced_persons
from leads.identity.matching import (
    IdentityKey,
    NewCompany,
    NewLead,
    domain_key,
    email_domain,
    email_key,
    id_key,
    phone_key,
)
from leads.intake import opt_outs, spellings
from leads.models import AttributeChange, Company, CompanyKey, Lead, LeadKey, PersonChange
from leads.normalization import domain_names, phone_numbers, stated_values, validation
from leads.normalization.row_notes import RowNote
from leads.rescoring import rescore_queue
from leads.vocabulary import KeyKind

Subject = TypeVar("Subject", Lead, Company)
UpsertChange = Literal["created", "updated", "unchanged", "rejected"]

# An array is one parameter; a list of a thousand parameters costs more than the search itself.
_LOCK: Final = "SELECT * FROM {table} WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
_HISTORY: Final = (
    "SELECT * FROM leads_attributechange WHERE {subject} = ANY(%s::bigint[]) AND {subject} IS NOT NULL"
    " ORDER BY valid_from, id"
)


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


#: Returns the statement to add to a history, given its statements in order; None for none.
Revise = Callable[[Sequence[AttributeChange]], DatedValues | None]


@dataclass(slots=True)
class _BatchUpsert(Generic[Subject]):
    """The state of one batch: the histories of its subjects, found by any key, and the ids of those that changed.

    `new_ids` are the subjects that the batch adds, `new_keys` the keys that it gives to subjects, in their order, and
    `free_ids` ids for more subjects. `by_person` means that a signed-in person states it all.
    """

    source: str
    now: dt.datetime
    by_person: bool = False
    histories: dict[int, AttributeHistory[Subject]] = field(default_factory=dict)
    by_key: dict[IdentityKey, AttributeHistory[Subject]] = field(default_factory=dict)
    free_ids: list[int] = field(default_factory=list)
    ids_by_subject: dict[int, list[IdentityKey]] = field(default_factory=dict)
    new_keys: dict[IdentityKey, int] = field(default_factory=dict)
    new_ids: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    person_changes: list[PersonChange] = field(default_factory=list)

    model: ClassVar[type[Lead | Company]]
    noun: ClassVar[str]
    first_key_name: ClassVar[str]
    first_kind: ClassVar[KeyKind]

    def first_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        """Return the keys of a statement that are not ids."""
        raise NotImplementedError

    def all_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        return (*self.first_keys(item), *item.id_keys)

    def reserve_ids(self, items: Iterable[AttributeStatement], owners: Collection[IdentityKey]) -> None:
        """Take ids for the subjects that no key of a statement finds: as many as there may be."""
        unknown = {keys[0] for keys in map(self.all_keys, items) if not any(key in owners for key in keys)}
        if unknown:
            self.free_ids = bulk_rows.take_ids(self.model, len(unknown))[::-1]

    def add_subject(self, subject: Subject) -> AttributeHistory[Subject]:
        """Give an id to a new subject, which is inserted at the end, and return its history."""
        pk = self.free_ids.pop() if self.free_ids else bulk_rows.take_ids(self.model, 1)[0]
        subject.pk = pk
        self.new_ids.add(pk)
        self.histories[pk] = AttributeHistory(subject)
        return self.histories[pk]

    def find_history(self, item: AttributeStatement) -> AttributeHistory[Subject] | None:
        """Return the history of the subject that a statement names, or None if no key finds one.

        Raises Refused when its keys contradict each other.
        """
        owners = {key: self.by_key[key] for key in self.first_keys(item) if key in self.by_key}
        first = next(iter(owners.values()), None)
        if any(owner is not first for owner in owners.values()):
            names = " and ".join(sorted(validation.shorten_name(key.value) for key in owners))
            raise Refused(self.first_key_name, f"names more than one {self.noun}: {names} are of different ones.")
        other = next((self.by_key[key] for key in item.id_keys if key in self.by_key), None)
        history = first or other
        if first and other and first is not other:
            if self.person_id(first.subject) != self.person_id(other.subject):
                raise Refused(self.first_key_name, f"belongs to one {self.noun} and external_id to another.")
            # Of two leads that are one person the one that stands for it, else the older one (rules 13.49).
            return min(
                first, other, key=lambda owner: (self.person_id(owner.subject) != owner.subject.pk, owner.subject.pk)
            )
        if history is not None and item.external_id and other is None:
            self._check_id(history, item)
        return history

    def person_id(self, subject: Subject) -> int:
        """Return the id of the subject that stands for this one: its own unless it is a merged lead."""
        return int(subject.pk)

    def _check_id(self, history: AttributeHistory[Subject], item: AttributeStatement) -> None:
        """Refuse a second id of one system. An id that every system may name stands for each system's own."""
        # The id of its own system first: the refusal names the same id in any batch.
        of_subject = self.ids_by_subject.get(history.subject.pk, ())
        ids = [key.value for of_item in item.id_keys for key in of_subject if key.system == of_item.system]
        if ids:
            known, sent = validation.shorten_name(ids[0]), validation.shorten_name(item.external_id)
            raise Refused(self.first_key_name, f"belongs to the {self.noun} with external_id {known}, not {sent}.")

    def adopt_keys(self, history: AttributeHistory[Subject], item: AttributeStatement) -> bool:
        """Give the subject the keys of a statement that it lacks. Return whether one is new."""
        keys = list(self.first_keys(item))
        if item.external_id and not any(key in self.by_key for key in item.id_keys):
            keys.append(item.id_keys[0])
            if history.subject.external_id is None:
                history.subject.external_id, history.subject.external_system = item.external_id, item.system
        is_new = False
        for key in keys:
            if key not in self.by_key:
                is_new = True
                self.new_keys[key] = history.subject.pk
                self._index(history, key)
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
        is_new = pk in self.new_ids and pk not in self.changed
        if is_changed or is_new:
            self.changed.add(pk)
        return "created" if is_new else "updated" if is_changed else "unchanged"

    def restate(self, ids: Collection[int], revise: Revise, *, source: str) -> int:
        """Add a statement to the history of each subject for which `revise` returns one, dated as it says.

        Return how many changed. Needs a transaction.
        """
        self._lock_and_load(ids)
        for history in self.histories.values():
            statement = revise(history.changes)
            if statement is not None and history.apply_statement(
                statement.values, valid_from=statement.at, since=statement.at, source=source, now=self.now
            ):
                self.changed.add(history.subject.pk)
        self._store_restated()
        return len(self.changed)

    def upsert(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Subject]]:
        raise NotImplementedError

    def _lock_and_load(self, ids: Collection[int]) -> None:
        raise NotImplementedError

    def _store_restated(self) -> None:
        raise NotImplementedError

    def _index(self, history: AttributeHistory[Subject], key: IdentityKey) -> None:
        self.by_key[key] = history
        if key.kind == KeyKind.ID:
            self.ids_by_subject.setdefault(history.subject.pk, []).append(key)

    def _load(self, subjects: Iterable[Subject], changes: Iterable[tuple[int | None, AttributeChange]]) -> None:
        self.histories |= {subject.pk: AttributeHistory(subject) for subject in subjects}
        for pk, change in changes:
            self.histories[pk or 0].changes.append(change)

    def _load_keys(self, keys: Iterable[tuple[int, IdentityKey]]) -> None:
        for pk, key in keys:
            self._index(self.histories[pk], key)

    def _keys_beside_columns(self) -> list[tuple[int, IdentityKey]]:
        """Return the new keys, by subject, that its columns do not hold; the database adds those of the columns."""
        in_columns = {
            key for pk in set(self.new_keys.values()) for key in self._keys_in_columns(self.histories[pk].subject)
        }
        return [(pk, key) for key, pk in sorted(self.new_keys.items()) if key not in in_columns]

    def _keys_in_columns(self, subject: Subject) -> list[IdentityKey]:
        """Return the keys that the database adds when it stores the columns of a subject."""
        keys = []
        if first := getattr(subject, self.first_key_name):
            keys.append(IdentityKey(self.first_kind.value, "", first.lower()))
        if subject.external_id:
            keys.append(id_key(subject.external_system, subject.external_id))
        return keys

    def _split_changed(self) -> tuple[list[Subject], list[Subject]]:
        """Return the subjects to insert in the order of their keys, and those to update in the order of their ids."""
        new, known = (
            [self.histories[pk].subject for pk in sorted(ids)]
            for ids in (self.changed & self.new_ids, self.changed - self.new_ids)
        )
        return sorted(new, key=self._keys_in_columns), known

    def _store_changes(self) -> None:
        bulk_rows.insert_rows([change for pk in sorted(self.changed) for change in self.histories[pk].new_changes])


@dataclass
class LeadBatchUpsert(_BatchUpsert[Lead]):
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


class CompanyBatchUpsert(_BatchUpsert[Company]):
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
