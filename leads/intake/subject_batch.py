"""The batch upsert that leads and companies share: finding the subject of a statement, its keys, and what to store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic

from leads import bulk_rows
from leads.attribute_history import AttributeHistory
from leads.exceptions import Refused
from leads.identity.matching import IdentityKey, id_key
from leads.intake.attribute_statements import AttributeStatement, DatedValues, Subject, UpsertChange, UpsertResult
from leads.models import AttributeChange, Company, Lead, PersonChange
from leads.normalization import validation
from leads.vocabulary import KeyKind

#: Returns the statement to add to a history, given its statements in order; None for none.
Revise = Callable[[Sequence[AttributeChange]], DatedValues | None]


@dataclass(slots=True)
class SubjectBatchUpsert(Generic[Subject]):
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
