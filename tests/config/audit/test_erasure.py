"""The erasure of the personal columns of a governed row by the database's own function."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from config.audit import stored_entries
from config.audit.models import SealedEntry
from config.audit.triggers import governed_tables
from definitions.models import Clause, Proposal, SignOff
from sla.handoffs import dispositions
from sla.models import Disposition
from tests.config.audit.tampering import check_rows, find_faults
from tests.definitions import version_lifecycles
from tests.factories import MINUTE, NOW, HandoffFactory, ReasonCodeFactory

pytestmark = pytest.mark.django_db

NOTE = "Ask Greta Garbo."


def erase(row: Any, by: str = "user 7", why: str = "request 31") -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT accord_audit_erase(%s::regclass, %s, %s, %s)", [row._meta.db_table, row.pk, by, why])


def read_erasures() -> list[str]:
    checks = check_rows()
    assert [fault for check in checks for fault in check.find_faults()] == []
    return [erasure for check in checks for erasure in check.erasures]


@pytest.fixture
def disposition() -> Disposition:
    handoff = HandoffFactory()
    return dispositions.reject(
        handoff=handoff, reason=ReasonCodeFactory(), note=NOTE, by=handoff.rep.user, now=NOW + MINUTE
    )


def test_an_erased_row_leaves_the_audit_whole_and_is_named(disposition: Disposition) -> None:
    find_faults()

    erase(disposition)

    disposition.refresh_from_db()
    assert (disposition.note, disposition.missing) == ("(erased)", "")
    assert disposition.kind == "reject"
    assert find_faults() == []
    entry = SealedEntry.objects.get(operation="erase")
    (erasure,) = read_erasures()
    assert erasure == (
        f"sla_disposition {disposition.pk} was erased on {entry.at:%Y-%m-%d %H:%M} UTC by user 7: request 31"
        f" (position {entry.position})."
    )


def test_an_entry_that_waits_to_be_sealed_is_erased_as_well(disposition: Disposition) -> None:
    erase(disposition)

    assert find_faults() == []
    assert len(read_erasures()) == 1


def test_nobody_can_try_guesses_at_what_was_erased(disposition: Disposition) -> None:
    find_faults()
    first = SealedEntry.objects.get(table_name="sla_disposition")
    digest = hashlib.sha256(f"{first.salt}:note:{NOTE}".encode()).hexdigest()
    assert digest in first.content

    erase(disposition)

    first.refresh_from_db()
    assert first.salt is None
    assert digest in first.content


def test_texts_lists_and_signatures_are_erased() -> None:
    version = version_lifecycles.create_active()
    sign_off, proposal = SignOff.objects.earliest("pk"), Proposal.objects.get(version=version)

    for row in (sign_off, proposal, version):
        erase(row)

    sign_off.refresh_from_db()
    proposal.refresh_from_db()
    version.refresh_from_db()
    assert sign_off.comment == version.owner == version.reason == "(erased)"
    assert proposal.findings in ([], {})
    assert find_faults() == []
    assert len(read_erasures()) == 3


def test_the_guards_of_the_table_are_on_again(disposition: Disposition) -> None:
    erase(disposition)

    with pytest.raises(ProgrammingError, match="Cannot update or delete rows"), transaction.atomic():
        Disposition.objects.update(note="Never said.")
    assert all(stored_entries.has_trigger(table) for table in governed_tables())


def test_an_erasure_says_by_whom_and_why(disposition: Disposition) -> None:
    for by, why in (("", "request 31"), ("user 7", "")):
        with pytest.raises(IntegrityError, match="by whom and why"), transaction.atomic():
            erase(disposition, by, why)


def test_only_a_row_with_personal_columns_is_erased(disposition: Disposition) -> None:
    with pytest.raises(IntegrityError, match="no personal columns"), transaction.atomic():
        erase(Clause(pk=1))
    with pytest.raises(IntegrityError, match="no personal columns"), transaction.atomic():
        erase(disposition.handoff.lead)
    disposition.pk += 1
    with pytest.raises(ProgrammingError, match="has no row"), transaction.atomic():
        erase(disposition)


@pytest.mark.usefixtures("application_role")
def test_the_application_may_not_erase() -> None:
    for function in ("accord_audit_erase('sla_disposition', 1, 'me', 'so')", "accord_audit_open('sla_disposition')"):
        with (
            connection.cursor() as cursor,
            pytest.raises(ProgrammingError, match="permission denied for function"),
            transaction.atomic(),
        ):
            cursor.execute(f"SELECT {function}")
