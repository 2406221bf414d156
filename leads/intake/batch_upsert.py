"""The upsert of a batch of statements about leads or companies: matching, applying and storing.

Rows are locked in id order, companies before leads, until the transaction ends: two batches cannot deadlock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
from leads.normalization import phone_numbers, stated_values, validation
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

    `new_ids` are the subjects that the batch adds, `new_keys` the keys that it gives to subjects beside their first ones.
    `by_person` means that a signed-in person states it all.
    """

    source: str
    now: dt.datetime
    by_person: bool = False
    histories: dict[int, AttributeHistory[Subject]] = field(default_factory=dict)
    by_key: dict[IdentityKey, AttributeHistory[Subject]] = field(default_factory=dict)
    ids_by_subject: dict[int, list[IdentityKey]] = field(default_factory=dict)
    new_keys: dict[IdentityKey, int] = field(default_factory=dict)
    new_ids: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    person_changes: list[PersonChange] = field(default_factory=list)

    noun: ClassVar[str]
    first_key_name: ClassVar[str]
    first_kind: ClassVar[KeyKind]

    def first_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        """Return the keys of a statement that are not ids."""
        raise NotImplementedError

    def all_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        return (*self.first_keys(item), *item.id_keys)

    def find_unknown(
        self, items: Iterable[AttributeStatement], owners: Collection[IdentityKey]
    ) -> list[AttributeStatement]:
        """Return the first of the statements about each subject that no key finds.

        Of two statements that share a key, the first one alone creates the subject.
        """
        claimed: set[IdentityKey] = set()
        unknown: list[AttributeStatement] = []
        for item in items:
            keys = self.all_keys(item)
            if claimed.isdisjoint(keys) and not any(key in owners for key in keys):
                unknown.append(item)
            claimed.update(self.first_keys(item))
            claimed.update(item.id_keys[:1])
        return unknown

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
        systems = {key.system for key in item.id_keys}
        ids = [key.value for key in self.ids_by_subject.get(history.subject.pk, ()) if key.system in systems]
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

    def _add(self, subjects: Sequence[Subject]) -> None:
        """Give ids to new subjects. Those that a statement describes are inserted at the end, in the order of their keys."""
        if not subjects:
            return
        for subject, pk in zip(subjects, bulk_rows.take_ids(type(subjects[0]), len(subjects)), strict=True):
            subject.pk = pk
            self.new_ids.add(pk)
            self.histories[pk] = AttributeHistory(subject)
            for key in self._keys_in_columns(subject):
                self._index(self.histories[pk], key)

    def _load_keys(self, keys: Iterable[tuple[int, IdentityKey]]) -> None:
        for pk, key in keys:
            self._index(self.histories[pk], key)

    def _keys_beside_columns(self) -> list[tuple[int, IdentityKey]]:
        """Return the new keys, by subject, that its columns do not hold; the database adds those of the columns."""
        return [
            (pk, key)
            for key, pk in sorted(self.new_keys.items())
            if key not in self._keys_in_columns(self.histories[pk].subject)
        ]

    def _keys_in_columns(self, subject: Subject) -> list[IdentityKey]:
        """Return the keys that the database adds when it stores the columns of a subject."""
        keys = []
        if first := getattr(subject, self.first_key_name):
            keys.append(IdentityKey(self.first_kind.value, "", first.lower()))
        if subject.external_id:
            keys.append(id_key(subject.external_system, subject.external_id))
        return keys

    def apply_in_order(
        self,
        items: Sequence[AttributeStatement],
        apply: Callable[[AttributeStatement], UpsertResult[Subject] | None],
    ) -> list[UpsertResult[Subject] | None]:
        """Apply statements one after the other. The result is None for those that wait for another round.

        A statement that shares a key with one that waits waits, too: of the two the first one counts.
        """
        results: list[UpsertResult[Subject] | None] = []
        waiting: set[IdentityKey] = set()
        for item in items:
            result = None if waiting and not waiting.isdisjoint(self.all_keys(item)) else apply(item)
            if result is None:
                waiting.update(self.all_keys(item))
            results.append(result)
        return results

    def _complete_results(
        self, items: Sequence[AttributeStatement], results: Sequence[UpsertResult[Subject] | None]
    ) -> list[UpsertResult[Subject]]:
        """Upsert the statements whose subject an earlier statement should have created, but that one was refused.

        If none of a batch found its subject, another round would find none either.
        """
        missing = [item for item, result in zip(items, results, strict=True) if result is None]
        if missing and len(missing) == len(items):
            refusal = Refused(self.first_key_name, "could not be stored: somebody else took these keys meanwhile.")
            return [UpsertResult(None, "rejected", refusal) for _ in missing]
        again = type(self)(self.source, self.now, by_person=self.by_person)
        later = iter(again.upsert(missing)) if missing else iter(())
        return [next(later) if result is None else result for result in results]

    def _split_changed(self) -> tuple[list[Subject], list[Subject]]:
        """Return the subjects to insert and those to update, in the order of their ids."""
        new, known = (sorted(ids) for ids in (self.changed & self.new_ids, self.changed - self.new_ids))
        return [self.histories[pk].subject for pk in new], [self.histories[pk].subject for pk in known]

    def _store_changes(self) -> None:
        bulk_rows.insert_rows([change for pk in sorted(self.changed) for change in self.histories[pk].new_changes])


class LeadBatchUpsert(_BatchUpsert[Lead]):
    """The upsert of leads, by their keys."""

    __slots__ = ()
    noun = "lead"
    first_key_name = "email"
    first_kind = KeyKind.EMAIL

    def upsert(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Lead]]:
        """Create or change the leads of a batch of statements. Return one result each, in order. Needs a transaction.

        1. Upsert the companies that the statements name, which locks them.
        2. Find the companies behind the e-mail domains.
        3. Find the leads of the statements by their keys, and prepare those that are missing.
        4. Lock those that exist in id order, and load their attribute histories.
        5. Apply the statements one after the other: each sees the effect of those before it.
        6. Store new and changed leads with their attribute changes, and have the leads rescored.
        """
        items = spell_texts(items)
        # 1. and 2. Companies.
        companies = self._upsert_named_companies(items)
        employers = matching.employers_by_email_domain(item.first_key for item in items)
        # 3. Leads.
        owners = matching.find_lead_keys({key for item in items for key in self.all_keys(item)})
        # A row that is refused for its company adds no lead.
        named = [item for item in items if not isinstance(companies.get(_named_company(item)), Refused)]
        new = (
            NewLead(item.first_key, item.external_id, item.system, item.phone, self.now)
            for item in self.find_unknown(named, owners)
        )
        self._add(matching.build_leads(new, employers, now=self.now))
        # 4. Another transaction may have changed the rows since they were found: what counts is read under the lock.
        ids = set(owners.values())
        self._lock_and_load(ids)
        self._load_keys(matching.keys_of_leads(ids))
        # 5. and 6.
        results = self.apply_in_order(items, lambda item: self._upsert_one(item, companies, employers))
        self._store()
        return self._complete_results(items, results)

    def first_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        if item.first_key:
            return (email_key(item.first_key),)
        return (phone_key(item.phone),) if item.phone else ()

    def person_id(self, subject: Lead) -> int:
        return subject.merged_into_id or subject.pk

    def assign_employers(self, domains: Collection[str]) -> None:
        """Assign their company to leads that have none and whose address is at one of these domains, or below it."""
        leads = matching.leads_without_company(matching.employers_by_domain(domains).keys() & domains)
        employers = matching.employers_by_domain(set(leads.values()))
        self._lock_and_load([pk for pk, domain in leads.items() if domain in employers])
        for history in self.histories.values():
            self._assign_employer(history, employers)
        self._store()

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

    def _lock_and_load(self, ids: Collection[int]) -> None:
        if not ids:
            return
        # With the leads that stand for aliases, which are rescored at the end: all locks are taken in id order.
        locked = {*ids, *merges.list_standing_ids(ids)}
        leads = list(Lead.objects.raw(_LOCK.format(table="leads_lead"), [list(locked)]))
        changes = AttributeChange.objects.raw(_HISTORY.format(subject="lead_id"), [list(ids)])
        own = set(ids)
        self._load([lead for lead in leads if lead.pk in own], ((change.lead_id, change) for change in changes))

    def _keys_in_columns(self, subject: Lead) -> list[IdentityKey]:
        keys = super()._keys_in_columns(subject)
        return keys or ([phone_key(subject.phone_key)] if subject.phone_key else [])

    def _upsert_named_companies(
        self, items: Sequence[AttributeStatement]
    ) -> Mapping[tuple[str, str, str], int | Refused]:
        """Find or create the companies that the leads name. Return the id or the refusal for each (domain, id, system)."""
        references = {
            name: AttributeStatement(name[0], name[1], {}, self.now, is_reference=True, system=name[2])
            # In the order of the rows: of two that contradict each other the first one counts (rules 13.55).
            for name in dict.fromkeys(_named_company(item) for item in items if any(_named_company(item)[:2]))
        }
        upsert = CompanyBatchUpsert(self.source, self.now)
        owners = matching.find_company_keys({key for item in references.values() for key in upsert.all_keys(item)})
        companies: dict[tuple[str, str, str], int | Refused] = {}
        for name, item in references.items():
            owner = _find_settled(upsert.first_keys(item), item.id_keys, owners)
            if owner is not None:
                companies[name] = owner
        others = {name: item for name, item in references.items() if name not in companies}
        for name, result in zip(others, upsert.upsert(list(others.values())) if others else (), strict=True):
            if result.refusal is not None:
                companies[name] = result.refusal
            elif result.subject is not None:
                companies[name] = result.subject.pk
        return companies

    def _upsert_one(
        self,
        item: AttributeStatement,
        companies: Mapping[tuple[str, str, str], int | Refused],
        employers: Mapping[str, int],
    ) -> UpsertResult[Lead] | None:
        company = companies.get(_named_company(item))
        if isinstance(company, Refused):
            return UpsertResult(None, "rejected", Refused(f"company_{company.field}", company.rule))
        try:
            history = self.find_history(item)
        except Refused as refusal:
            return UpsertResult(None, "rejected", refusal)
        if history is None:
            return None
        values = {**item.values, **self._company_values(history, item, company, employers)}
        if self._is_by_earlier_address(history.subject, item) or self._is_address_of_another(history, item):
            del values["email"]
        is_changed = self.adopt_keys(history, item)
        is_stated, notes = self._apply_person(history, item, values)
        is_changed |= is_stated
        is_changed |= self._assign_employer(history, employers)
        if is_changed:
            lead = history.subject
            lead.phone_key = phone_numbers.to_phone_key(lead.phone, lead.country) if lead.phone else ""
        change = self.mark_changed(history, is_changed=is_changed)
        return UpsertResult(
            history.subject, change, notes=(*item.notes, *stated_values.list_notes(item.values), *notes)
        )

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
        employers: Mapping[str, int],
    ) -> Mapping[str, Any]:
        """Return the company that a statement names, or on a first statement the company of the e-mail domain."""
        if company:
            return {"company": company}
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
    noun = "company"
    first_key_name = "domain"
    first_kind = KeyKind.DOMAIN

    def upsert(self, items: Sequence[AttributeStatement]) -> list[UpsertResult[Company]]:
        """Create or change the companies of a batch of statements. Return one result each, in order.

        Needs a transaction.

        1. Find the companies of the statements by their keys, and prepare those that are missing.
        2. Lock those that exist in id order, and load their attribute histories.
        3. Apply the statements one after the other: each sees the effect of those before it.
        4. Store new and changed companies with their attribute changes, and have their leads rescored.
        5. Assign the companies with new domains to leads at these domains that have no company.
        """
        items = spell_texts(items)
        # 1. Companies.
        keys = {key for item in items for key in self.all_keys(item)}
        owners = matching.find_company_keys(keys)
        new_domains = {key.value for key in keys if key.kind == self.first_kind and key not in owners}
        new = (NewCompany(item.first_key, item.external_id, item.system) for item in self.find_unknown(items, owners))
        self._add(matching.build_companies(new, now=self.now))
        # 2. Another transaction may have changed the rows since they were found: what counts is read under the lock.
        ids = set(owners.values())
        self._lock_and_load(ids)
        self._load_keys(matching.keys_of_companies(ids))
        # 3., 4. and 5.
        results = self.apply_in_order(items, self._upsert_one)
        self._store(new_domains)
        return self._complete_results(items, results)

    def first_keys(self, item: AttributeStatement) -> tuple[IdentityKey, ...]:
        return tuple(domain_key(host) for host in (item.first_key, *item.more_domains) if host)

    def _lock_and_load(self, ids: Collection[int]) -> None:
        if ids:
            companies = list(Company.objects.raw(_LOCK.format(table="leads_company"), [list(ids)]))
            changes = AttributeChange.objects.raw(_HISTORY.format(subject="company_id"), [list(ids)])
            self._load(companies, ((change.company_id, change) for change in changes))

    def _upsert_one(self, item: AttributeStatement) -> UpsertResult[Company] | None:
        try:
            history = self.find_history(item)
        except Refused as refusal:
            return UpsertResult(None, "rejected", refusal)
        if history is None:
            return None
        company = history.subject
        is_changed = self.adopt_keys(history, item)
        if item.first_key and company.domain is None:
            company.domain = item.first_key
        is_changed |= not item.is_reference and self.apply_statement(history, item, item.values)
        change = self.mark_changed(history, is_changed=is_changed)
        return UpsertResult(company, change, notes=(*item.notes, *stated_values.list_notes(item.values)))

    def _store_restated(self) -> None:
        self._store(())

    def _store(self, new_domains: Collection[str]) -> None:
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
        if known:
            of_known = Lead.objects.filter(company__in=[company.pk for company in known])
            rescore_queue.request(lead_ids=list(of_known.values_list("pk", flat=True)), at=self.now)
        if self.changed and new_domains:
            LeadBatchUpsert(self.source, self.now).assign_employers(new_domains)


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
