"""Sealing beside writers: one chain without gap or fork."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from config import periodic
from config.audit import sealing
from config.audit.models import SealedEntry, UnsealedEntry
from sla.handoffs import dispositions
from sla.models import Disposition, Handoff
from tests.config.audit.tampering import find_faults
from tests.factories import MINUTE, NOW, CommitmentFactory, HandoffFactory
from tests.threads import at_once

_WRITERS = 4
_EACH = 6


@pytest.mark.django_db(transaction=True)
def test_writers_and_two_sealers_at_once_make_one_unbroken_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    first = HandoffFactory()
    handoffs = [first, *(HandoffFactory(lead__email=f"{n}@at.once") for n in range(_WRITERS * _EACH - 1))]
    by = {handoff.pk: handoff.rep.user for handoff in Handoff.objects.select_related("rep__user")}

    def work(number: int) -> None:
        if number < _WRITERS:
            for handoff in handoffs[number::_WRITERS]:
                dispositions.accept(handoff=handoff, by=by[handoff.pk], now=NOW + MINUTE)
        else:
            while Disposition.objects.count() < len(handoffs):
                sealing.seal_batch()

    assert at_once(_WRITERS + 2, work) == [None] * (_WRITERS + 2)

    assert find_faults() == []
    assert not UnsealedEntry.objects.exists()
    positions = SealedEntry.objects.order_by("position").values_list("position", flat=True)
    assert list(positions) == list(range(1, len(positions) + 1))
    assert SealedEntry.objects.filter(table_name="sla_disposition").count() == len(handoffs)


@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_leaves_the_work_to_the_first() -> None:
    CommitmentFactory()
    with transaction.atomic():
        assert sealing.seal_batch() == 1

        assert at_once(1, lambda _: sealing.seal_batch()) == [0]

    assert SealedEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_command_verifies_in_one_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    HandoffFactory(accepted=True)

    call_command("verify_audit")

    last = SealedEntry.objects.order_by("-position")[0]
    assert capsys.readouterr().out == (
        f"The audit is whole: {last.position} entries; the last at position {last.position} with hash {last.hash}.\n"
    )


@pytest.mark.django_db
def test_nothing_of_a_transaction_that_fails_is_sealed() -> None:
    with transaction.atomic():
        CommitmentFactory()
        transaction.set_rollback(True)

    assert sealing.seal_batch() == 0


@pytest.mark.django_db
def test_instants_do_not_depend_on_the_time_zone_of_the_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'Asia/Kathmandu'")
        CommitmentFactory(activated_at=NOW)
        sealing.seal_all()
        cursor.execute("SET LOCAL timezone = 'UTC'")

    assert find_faults() == []


@pytest.mark.django_db
@pytest.mark.usefixtures("application_role")
def test_the_application_seals() -> None:
    CommitmentFactory()

    assert sealing.seal_batch() == 1


@pytest.mark.django_db
def test_beat_seals_and_logs_an_anchor_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    CommitmentFactory()
    caplog.set_level(logging.INFO, "config.audit.anchors")

    counts = [periodic.seal_audit(now=NOW + hours * dt.timedelta(hours=1)) for hours in (0, 1, 24)]

    assert counts == [{"sealed": 1, "anchored": 1}, {"sealed": 0, "anchored": 0}, {"sealed": 0, "anchored": 1}]
    last = SealedEntry.objects.get()
    assert caplog.messages == [
        f'Audit anchor: {{"position": 1, "hash": "{last.hash}", "at": "2026-03-{day}T10:00:00+00:00"}}'
        for day in (10, 11)
    ]
