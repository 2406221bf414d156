"""Tampering with the chain itself: each kind is named with position, table and row."""

from __future__ import annotations

import datetime as dt

import pytest

from config.audit import anchors, sealing
from config.audit.models import SealedEntry
from sla.models import Clock, Commitment, Disposition
from tests.config.audit.tampering import find_faults, recompute_chain, tamper, tamper_with_chain
from tests.factories import NOW, CommitmentFactory, HandoffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def chain() -> None:
    """A handoff that was rejected, with its clocks, under a signed version and commitments."""
    HandoffFactory(rejected=True)
    assert find_faults() == []
    assert SealedEntry.objects.count() > 10


def last_position() -> int:
    return SealedEntry.objects.order_by("-position")[0].position


def place(position: int) -> str:
    entry = SealedEntry.objects.get(position=position)
    return f"position {position} ({entry.operation} of {entry.table_name} {entry.row_id})"


@pytest.mark.parametrize(
    "change",
    [
        "content = '{}'",
        "content = '[1]'",
        "content = 'no JSON'",
        "role = 'somebody'",
        "at = at + interval '1 microsecond'",
        "row_id = row_id + 1",
        "previous = repeat('a', 64)",
        "hash = repeat('a', 64)",
    ],
)
def test_an_edited_entry(change: str) -> None:
    tamper_with_chain(f"UPDATE audit_sealedentry SET {change} WHERE position = 3")  # noqa: S608 (constants)

    faults = find_faults()

    assert faults[0] == f"The entry at {place(3)} was edited: it does not give its hash."
    assert not any("position 4" in fault for fault in faults)


def test_a_deleted_entry() -> None:
    tamper_with_chain("DELETE FROM audit_sealedentry WHERE position = 4")

    assert find_faults()[0] == "Position 4 of the chain is missing: its entry was deleted."


def test_a_deleted_entry_that_an_anchor_knows() -> None:
    anchor = anchors.read_last(NOW)
    CommitmentFactory()
    find_faults()
    tamper_with_chain("DELETE FROM audit_sealedentry WHERE position = %s", [anchor.position])

    assert (
        f"The chain has no entry at position {anchor.position}, unlike by the anchor of 2026-03-10T10:00:00+00:00."
        in find_faults(anchor)
    )


def test_the_first_entries_deleted() -> None:
    tamper_with_chain("DELETE FROM audit_sealedentry WHERE position <= 3")

    assert find_faults()[0] == "The positions 1 to 3 of the chain are missing: their entries were deleted."


def test_a_deleted_entry_whose_gap_was_closed() -> None:
    tamper_with_chain("DELETE FROM audit_sealedentry WHERE position = 4")
    tamper_with_chain("UPDATE audit_sealedentry SET position = position + 90000 WHERE position > 4")
    tamper_with_chain("UPDATE audit_sealedentry SET position = position - 90001 WHERE position > 90000")

    faults = find_faults()

    assert faults[0] == f"An entry before {place(4)} was deleted: what it continues does not stand before it."
    assert "position 5" not in " ".join(faults)


_COPY = (
    "INSERT INTO audit_sealedentry (position, previous, hash, table_name, row_id, operation, at, role, salt, content)"
    " SELECT %s, {previous}, {hash}, table_name, row_id, operation, at, role, salt, content"
    " FROM audit_sealedentry WHERE position = 2"
)


@pytest.mark.parametrize("previous", ["repeat('b', 64)", "(SELECT hash FROM audit_sealedentry WHERE position = 4)"])
def test_an_entry_inserted_in_the_middle(previous: str) -> None:
    tamper_with_chain("ALTER TABLE audit_sealedentry DROP CONSTRAINT audit_sealedentry_previous_key")
    tamper_with_chain("UPDATE audit_sealedentry SET position = position + 90000 WHERE position > 4")
    tamper_with_chain(_COPY.format(previous=previous, hash="repeat('c', 64)"), [5])
    tamper_with_chain("UPDATE audit_sealedentry SET position = position - 89999 WHERE position > 90000")

    assert find_faults()[0] == f"The entry at {place(5)} was inserted: the next entry continues the one before it."


def test_an_entry_inserted_at_the_end() -> None:
    end = last_position() + 1
    tamper_with_chain(_COPY.format(previous="repeat('b', 64)", hash="repeat('c', 64)"), [end])

    assert find_faults()[0] == f"The entry at {place(end)} was inserted: it continues no entry of the chain."


@pytest.mark.parametrize(("one", "other"), [(3, 8), (5, 6)])
def test_two_entries_with_their_contents_swapped(one: int, other: int) -> None:
    tamper_with_chain(
        "UPDATE audit_sealedentry AS mine SET content = its.content, table_name = its.table_name, row_id = its.row_id,"
        " operation = its.operation, at = its.at, role = its.role FROM audit_sealedentry AS its"
        " WHERE mine.position IN (%s, %s) AND its.position IN (%s, %s) AND its.position <> mine.position",
        [one, other, one, other],
    )

    assert find_faults()[0] == f"The entries at {place(one)} and {place(other)} were swapped."


@pytest.mark.parametrize(("one", "other"), [(3, 8), (5, 7), (5, 6)])
def test_two_entries_with_their_positions_swapped(one: int, other: int) -> None:
    tamper_with_chain("UPDATE audit_sealedentry SET position = 99999 WHERE position = %s", [one])
    tamper_with_chain("UPDATE audit_sealedentry SET position = %s WHERE position = %s", [one, other])
    tamper_with_chain("UPDATE audit_sealedentry SET position = %s WHERE position = 99999", [other])

    faults = [fault for fault in find_faults() if "chain" in fault or "entries at" in fault or "entry at" in fault]

    assert faults == [f"The entries at {place(one)} and {place(other)} were swapped."]


def test_a_cut_tail_is_seen_by_the_rows_and_by_the_anchor() -> None:
    anchor = anchors.read_last(NOW)
    disposition = Disposition.objects.get()
    first = SealedEntry.objects.get(table_name="sla_disposition").position
    tamper_with_chain("DELETE FROM audit_sealedentry WHERE position >= %s", [first])

    faults = find_faults(anchor)

    assert (
        f"The chain ends at position {first - 1}, but stood at {anchor.position} by the anchor of"
        " 2026-03-10T10:00:00+00:00: its tail was cut."
    ) in faults
    assert (
        f"sla_disposition {disposition.pk} has no entry: the row was inserted past its audit trigger, or its entries were"
        " deleted or cut off."
    ) in faults


def test_a_chain_computed_anew_with_its_rows_is_seen_by_the_anchor_alone() -> None:
    old, anchor = anchors.read_last(NOW), anchors.read_last(NOW + dt.timedelta(days=1))
    clock = Clock.objects.earliest("pk")
    tamper("sla_clock", "UPDATE sla_clock SET target_seconds = 7 WHERE id = %s", [clock.pk])
    tamper_with_chain(
        "UPDATE audit_sealedentry SET content = jsonb_set(content::jsonb, '{target_seconds}', '7')::text"
        " WHERE table_name = 'sla_clock' AND row_id = %s AND operation = 'insert'",
        [clock.pk],
    )
    recompute_chain()

    assert find_faults() == []
    assert find_faults(old, anchor) == [
        f"The chain has another hash at position {anchor.position} than by the anchor of {at}: it was computed anew from"
        " this position or an earlier one on."
        for at in ("2026-03-10T10:00:00+00:00", "2026-03-11T10:00:00+00:00")
    ]


def test_an_older_anchor_holds_while_the_chain_grows() -> None:
    anchor = anchors.read_last(NOW)

    CommitmentFactory()

    assert find_faults(anchor) == []
    assert last_position() == anchor.position + 1


def test_hundreds_of_edited_entries_are_each_named() -> None:
    Commitment.objects.bulk_create(Commitment(number=number) for number in range(2000, 2500))
    sealing.seal_all()
    tamper_with_chain("UPDATE audit_sealedentry SET role = 'somebody' WHERE row_id IN (SELECT id FROM sla_commitment)")

    edited = [fault for fault in find_faults() if "was edited" in fault]

    assert len(edited) == SealedEntry.objects.filter(role="somebody").count() >= 500
