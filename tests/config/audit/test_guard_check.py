"""Changes that were recorded although a guard forbids them: the owner switched the guard off and left the audit on."""

from __future__ import annotations

from collections.abc import Callable

import pgtrigger
import pytest
from django.db import connection

from definitions import version_documents
from definitions.models import Clause, Criterion, SignalRule, SignOff, Version
from sla.models import Commitment, Disposition, Handoff
from tests.config.audit.tampering import find_faults, tamper_with_chain
from tests.definitions import version_lifecycles
from tests.factories import DAY, NOW, CommitmentFactory, HandoffFactory
from tests.scoring import facts
from tests.scoring.reference_lead import put_in_force

pytestmark = pytest.mark.django_db


def pass_by(guard: str, change: Callable[[], object]) -> list[str]:
    assert find_faults() == []
    with pgtrigger.ignore(guard):
        change()
    return find_faults()


@pytest.mark.parametrize(
    ("guard", "change", "table", "name"),
    [
        (
            "sla.Disposition:dispositions_stay",
            lambda: Disposition.objects.update(note="Never said."),
            "sla_disposition",
            "dispositions_stay",
        ),
        (
            "sla.Commitment:commitment_is_immutable",
            lambda: Commitment.objects.update(contact_minutes=90),
            "sla_commitment",
            "commitment_is_immutable",
        ),
        (
            "sla.Handoff:handoff_origin_stays",
            lambda: Handoff.objects.update(tier=1),
            "sla_handoff",
            "handoff_origin_stays",
        ),
        (
            "definitions.Version:version_is_immutable",
            lambda: Version.objects.update(reason="Another."),
            "definitions_version",
            "version_is_immutable",
        ),
        (
            "definitions.Version:version_moves",
            lambda: Version.objects.update(state="draft"),
            "definitions_version",
            "version_moves",
        ),
    ],
)
def test_a_change_past_a_guard_alone(guard: str, change: Callable[[], object], table: str, name: str) -> None:
    HandoffFactory(accepted=True)

    (fault,) = pass_by(guard, change)

    assert fault.startswith(f"{table} ")
    assert f" was changed by {connection.settings_dict['USER']} (update of " in fault
    assert fault.endswith(f"), although the guard {name} forbids it.")


def test_an_entry_with_values_that_fit_no_column() -> None:
    HandoffFactory(accepted=True)
    find_faults()
    tamper_with_chain(
        "UPDATE audit_sealedentry SET content = '{\"decided_at\": \"never\"}' WHERE table_name = 'sla_handoff'"
        " AND operation = 'update' AND content LIKE '%decided_at%'"
    )

    faults = find_faults()

    assert any(fault.endswith(", with values that its columns cannot hold.") for fault in faults)


def test_a_signature_deleted_past_its_guard_alone() -> None:
    HandoffFactory()
    first = SignOff.objects.earliest("pk")

    (fault,) = pass_by("definitions.SignOff:sign_offs_stay", lambda: SignOff.objects.filter(pk=first.pk).delete())

    assert fault.startswith(f"definitions_signoff {first.pk} was changed by ")
    assert "(delete of " in fault


def test_rows_of_a_version_in_force_changed_past_their_guards() -> None:
    draft = version_documents.import_document(document=facts.document(), by=None, now=NOW - DAY)
    put_in_force(draft, NOW - DAY)
    assert find_faults() == []
    with pgtrigger.ignore(
        "definitions.Criterion:criterion_of_a_draft",
        "definitions.SignalRule:signal_rule_of_a_draft",
        "definitions.Clause:clause_of_a_draft",
    ):
        changed = Criterion.objects.update(rationale="Why not.") + Clause.objects.update(at_least=77)
        deleted, _ = SignalRule.objects.all().delete()

    faults = find_faults()

    assert len(faults) == changed + deleted > 20
    assert {fault.split("), ")[1] for fault in faults} == {"although what it belongs to had left its draft."}


def test_drafts_and_columns_that_a_migration_adds_may_change() -> None:
    version_lifecycles.create_draft()
    HandoffFactory(rejected=True)
    Criterion.objects.filter(version__state="draft").update(rationale="Better.")
    Commitment.objects.filter(pk=CommitmentFactory().pk).update(contact_minutes=90)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE sla_disposition ADD COLUMN mood text")
        with pgtrigger.ignore("sla.Disposition:dispositions_stay"):
            cursor.execute("UPDATE sla_disposition SET mood = 'good'")

    assert find_faults() == []
