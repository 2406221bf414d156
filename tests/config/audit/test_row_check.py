"""Tampering with governed rows past their audit triggers, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from config import periodic
from config.audit.models import SealedEntry, UnsealedEntry
from config.audit.triggers import governed_tables
from config.audit.vocabulary import Operation
from definitions import version_documents
from definitions.models import Version
from leads.intake import events
from sla.handoffs import attempts, dispositions, undo_window
from sla.models import Clock, Commitment, Disposition, Handoff
from sla.vocabulary import AttemptOutcome, Channel, DispositionKind, HandoffState
from tests.config.audit.tampering import find_faults, tamper
from tests.definitions import version_lifecycles
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    HandoffFactory,
    ReasonCodeFactory,
    TeamFactory,
    read_handoff,
)
from tests.scoring import facts
from tests.scoring.reference_lead import put_in_force

pytestmark = pytest.mark.django_db


def entries_of(row: Any) -> list[SealedEntry]:
    return list(SealedEntry.objects.filter(table_name=row._meta.db_table, row_id=row.pk).order_by("position"))


def test_governed_tables_are_those_that_the_audit_is_about() -> None:
    assert {table.name for table in governed_tables()} == {
        apps.get_model(label)._meta.db_table
        for label in (
            "definitions.Version", "definitions.Criterion", "definitions.SignalRule", "definitions.Path", "definitions.Clause",
            "definitions.VersionChange", "definitions.SignOff", "definitions.Proposal", "definitions.CommitmentSnapshot",
            "definitions.Suppression",
            "sla.Commitment", "sla.MarketingCost", "sla.Handoff", "sla.Clock", "sla.Disposition", "sla.AccountPlay", "sla.PlayClock",
            "sla.PlayDisposition", "sla.WeeklyMeeting", "sla.MeetingNote", "sla.MeetingDecision", "sla.OverhaulPlan",
            "sla.OverhaulTick", "sla.OverhaulInterview", "audit.PersonRights", "audit.RoleGrant",
        )
    }  # fmt: skip


def test_a_walk_from_an_event_over_an_undone_decision_to_a_correction_is_whole() -> None:
    draft = version_documents.import_document(document=facts.document(), by=None, now=NOW - DAY)
    put_in_force(draft, NOW - DAY)
    CommitmentFactory(active=True)
    TeamFactory(working=True)
    CompanyFactory(fits=True)
    event = {"email": "clara@fit.example", "signal": "demo_request", "occurred_at": NOW.isoformat()}
    events.record(items=[event], source="test", now=NOW)
    periodic.tick(now=NOW)
    handoff = Handoff.objects.get()
    by = handoff.rep.user

    pending = undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=by, now=NOW)
    undo_window.undo(pending_decision=pending, by=by, now=NOW)
    attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.NO_ANSWER,
        at=NOW + MINUTE,
        by=by,
        now=NOW + MINUTE,
    )
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=by, now=NOW + 2 * MINUTE)
    undo_window.finish_due(now=NOW + 3 * MINUTE)
    dispositions.correct(
        handoff=read_handoff(handoff),
        kind=DispositionKind.REJECT,
        reason=ReasonCodeFactory(),
        by=by,
        now=NOW + 4 * MINUTE,
    )

    assert find_faults() == []
    assert entries_of(handoff)[0].operation == Operation.INSERT
    assert json.loads(entries_of(handoff)[-1].content)["state"] == HandoffState.REJECTED
    assert SealedEntry.objects.filter(table_name="sla_disposition").count() == 2


def test_a_version_from_draft_to_force_is_whole() -> None:
    version = version_lifecycles.create_active()

    assert find_faults() == []
    states = [json.loads(entry.content).get("state") for entry in entries_of(version)]
    assert [state for state in states if state] == ["draft", "proposed", "approved", "active"]


def test_a_deleted_draft_is_whole() -> None:
    CommitmentFactory().delete()

    assert find_faults() == []
    assert [entry.operation for entry in SealedEntry.objects.order_by("position")] == ["insert", "delete"]


def test_an_update_of_nothing_or_of_derived_columns_writes_no_entry() -> None:
    handoff = HandoffFactory()
    find_faults()
    before = len(entries_of(handoff))

    Handoff.objects.filter(pk=handoff.pk).update(due_at=NOW + HOUR)
    Handoff.objects.filter(pk=handoff.pk).update(state=handoff.state)

    assert find_faults() == []
    assert len(entries_of(handoff)) == before


def test_an_entry_of_an_update_holds_the_changed_columns_and_who_signed_in() -> None:
    handoff = HandoffFactory()
    clock = handoff.clocks.running().latest("pk")
    find_faults()

    Clock.objects.filter(pk=clock.pk).update(warned_at=NOW)
    find_faults()

    entry = entries_of(clock)[-1]
    assert json.loads(entry.content) == {"warned_at": "2026-03-10T10:00:00+00:00"}
    assert entry.role == connection.settings_dict["USER"]


def test_texts_of_people_enter_as_digests() -> None:
    handoff = HandoffFactory()
    note = "Ask Greta Garbo."
    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), note=note, by=handoff.rep.user, now=NOW + MINUTE)

    assert find_faults() == []
    contents = " ".join(SealedEntry.objects.values_list("content", flat=True))
    assert "Garbo" not in contents
    assert Version.objects.get().reason not in contents


@pytest.mark.parametrize(
    ("table", "change", "columns"),
    [
        ("sla_clock", "target_seconds = 1, warn_at = now()", "target_seconds, warn_at"),
        ("sla_disposition", "note = 'Never said.'", "note"),
        ("sla_disposition", "reason_id = NULL, kind = 'accept'", "kind, reason_id"),
        ("sla_commitment", "contact_minutes = 90", "contact_minutes"),
        ("sla_handoff", "decided_at = decided_at - interval '1 day'", "decided_at"),
        ("definitions_version", "own_statement = 'We agreed.'", "own_statement"),
        ("definitions_signoff", "comment = 'Gladly.'", "comment"),
    ],
)
def test_a_row_edited_past_its_trigger(table: str, change: str, columns: str) -> None:
    HandoffFactory(rejected=True)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(id) FROM {table}")  # noqa: S608 (constants)
        (row_id,) = cursor.fetchone()
    tamper(table, f"UPDATE {table} SET {change} WHERE id = %s", [row_id])  # noqa: S608 (constants)

    (fault,) = find_faults()

    assert fault.startswith(f"{table} {row_id} says otherwise than its entries (the last: ")
    assert f" in {columns}: it was changed past its audit trigger" in fault


def test_a_row_edited_past_its_trigger_stays_named_after_a_proper_change() -> None:
    handoff = HandoffFactory()
    clock = handoff.clocks.running().latest("pk")
    tamper("sla_clock", "UPDATE sla_clock SET due_at = due_at + interval '1 day' WHERE id = %s", [clock.pk])

    Clock.objects.filter(pk=clock.pk).update(warned_at=NOW)

    (fault,) = find_faults()
    assert f"sla_clock {clock.pk} says otherwise" in fault
    assert " in due_at: " in fault


def test_a_row_deleted_past_its_trigger() -> None:
    handoff = HandoffFactory()
    clock = handoff.clocks.running().latest("pk")
    tamper("sla_clock", "DELETE FROM sla_clock WHERE id = %s", [clock.pk])

    (fault,) = find_faults()

    assert fault.startswith(f"sla_clock {clock.pk} is gone, and no entry says that it was deleted (its last: ")


def test_a_row_edited_past_its_trigger_and_then_deleted_properly() -> None:
    draft = CommitmentFactory()
    row_id = draft.pk
    tamper("sla_commitment", "UPDATE sla_commitment SET recycle_days = 1 WHERE id = %s", [row_id])
    draft.delete()

    (fault,) = find_faults()

    assert fault.startswith(f"sla_commitment {row_id} was changed past its audit trigger before delete of ")
    assert fault.endswith(": recycle_days.")


def test_rows_inserted_past_their_trigger() -> None:
    first, later = CommitmentFactory(), CommitmentFactory(number=5000)
    copy = (
        "INSERT INTO sla_commitment SELECT (jsonb_populate_record(c, %s::jsonb)).* FROM sla_commitment c WHERE id = %s"
    )
    for number, row_id in ((6000, 0), (6001, later.pk + 1000)):
        tamper("sla_commitment", copy, [json.dumps({"id": row_id, "number": number}), first.pk])

    faults = find_faults()
    assert [fault.split(": ")[0] for fault in faults] == [
        f"sla_commitment {row_id} has no entry" for row_id in (0, later.pk + 1000)
    ]


def test_a_deleted_row_that_is_there_again() -> None:
    draft = CommitmentFactory()
    row_id = draft.pk
    copy = CommitmentFactory()
    draft.delete()
    tamper("sla_commitment", "UPDATE sla_commitment SET id = %s WHERE id = %s", [row_id, copy.pk])

    faults = find_faults()

    assert faults[0].startswith(
        f"sla_commitment {row_id} is there, although it was deleted by its last entry (delete of "
    )
    assert faults[1].startswith(f"sla_commitment {copy.pk} is gone, and no entry says that it was deleted ")


def test_an_entry_deleted_before_it_was_sealed() -> None:
    draft = CommitmentFactory()
    Commitment.objects.filter(pk=draft.pk).update(recycle_days=91)
    tamper("audit_unsealedentry", "DELETE FROM audit_unsealedentry WHERE operation = 'update'")

    (fault,) = find_faults()

    assert f"sla_commitment {draft.pk} says otherwise than its entries" in fault


def test_a_forged_entry_of_a_second_beginning() -> None:
    draft = CommitmentFactory()
    tamper(
        "audit_unsealedentry",
        "INSERT INTO audit_unsealedentry (table_name, row_id, operation, at, role, salt, content)"
        " SELECT table_name, row_id, operation, at, role, salt, content FROM audit_unsealedentry",
    )

    (fault,) = find_faults()

    assert fault.startswith(f"sla_commitment {draft.pk} is added once more by insert of ")


def test_a_salt_that_is_gone_without_an_erasure() -> None:
    HandoffFactory(rejected=True)
    disposition = Disposition.objects.get()
    find_faults()

    SealedEntry.objects.filter(table_name="sla_disposition").update(salt=None)

    (fault,) = find_faults()
    assert f"sla_disposition {disposition.pk} says otherwise" in fault
    assert "missing, note: it was changed" in fault


def test_an_audit_trigger_that_is_switched_off() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sla_clock DISABLE TRIGGER USER")

    assert find_faults() == ["The audit trigger of sla_clock is missing or switched off: changes are not recorded."]


def test_rows_from_before_the_audit_have_an_entry_of_what_was_found() -> None:
    HandoffFactory(rejected=True)
    tamper("audit_unsealedentry", "DELETE FROM audit_unsealedentry")
    assert find_faults()
    with connection.cursor() as cursor:
        for table in governed_tables():
            cursor.execute("SELECT accord_audit_open(%s::regclass)", [table.name])

    assert find_faults() == []
    assert set(SealedEntry.objects.values_list("operation", flat=True)) == {Operation.FOUND}


def test_a_column_that_a_later_migration_adds_is_no_fault() -> None:
    CommitmentFactory()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE sla_commitment ADD COLUMN colour text NOT NULL DEFAULT 'red'")

    assert find_faults() == []


def test_entries_cannot_be_changed_or_deleted_and_their_salts_only_go() -> None:
    HandoffFactory(rejected=True)
    find_faults()
    CommitmentFactory()
    for model in (SealedEntry, UnsealedEntry):
        for change in ({"content": "{}"}, {"role": "x"}, {"salt": "00000000-0000-0000-0000-000000000000"}):
            with pytest.raises(Exception, match="Cannot update rows"), transaction.atomic():
                model.objects.update(**change)
    with pytest.raises(Exception, match="Cannot delete rows"), transaction.atomic():
        SealedEntry.objects.all().delete()
