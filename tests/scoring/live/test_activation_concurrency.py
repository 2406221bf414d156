"""The activation of a version while all leads are being judged: nothing is half-done afterwards."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection

from config.accounts.vocabulary import Role
from definitions import versions
from definitions.models import Version
from leads.models import Event, Lead, Signal
from leads.vocabulary import BEGINNING
from scoring.live import daily_rescore, due_leads
from scoring.models import Qualification, Score
from tests.factories import UserFactory
from tests.scoring.lead_histories import DAY, HOUR, START, activate_version, approve_version, document, make_company

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shipped")]

LEADS = 300
CHANGE = START + DAY


def make_leads() -> None:
    """Store leads of which a third meets both versions, a third only the second, and a third neither."""
    employer = make_company()
    people = Lead.objects.bulk_create(
        Lead(email=f"{number}@fit.example", company=employer, known_at=BEGINNING, stage_at=START, recorded_at=START)
        for number in range(LEADS)
    )
    webinar = Signal.objects.get(code="webinar_attended")
    Event.objects.bulk_create(
        Event(lead=lead, signal=webinar, occurred_at=START + HOUR, recorded_at=START, source="test", digest=b"")
        for number, lead in enumerate(people)
        for _ in range((number + 1) % 3)
    )


def at_once(*works: Callable[[], object]) -> list[BaseException]:
    """Run the functions at the same time; return the exceptions that they raised."""
    gate, raised = threading.Barrier(len(works), timeout=60), []

    def run(work: Callable[[], object]) -> None:
        try:
            gate.wait()
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def rescore() -> None:
    while due_leads.rescore_due(now=CHANGE, limit=10) + due_leads.rescore_everybody(now=CHANGE, limit=10):
        pass


def sweep() -> None:
    for _ in range(4):
        daily_rescore.rescore_all(now=CHANGE)


def test_a_version_activated_during_a_full_rescore_judges_every_lead() -> None:
    make_leads()
    activate_version(approve_version(document(), START), START)
    second = approve_version(document(engagement=25), START)
    ops = UserFactory(roles=[Role.MARKETING_OPS])

    raised = at_once(
        rescore,
        rescore,
        sweep,
        lambda: versions.activate(version=second, hand_over_entrants=True, by=ops, now=CHANGE),
        sweep,
    )
    rescore()

    assert raised == []
    assert set(Score.objects.values_list("version", flat=True)) == {second.pk}
    assert Counter(Score.objects.values_list("meets", flat=True)) == {True: LEADS * 2 // 3, False: LEADS // 3}
    qualified = list(Qualification.objects.values_list("lead", flat=True))
    assert sorted(qualified) == sorted(Score.objects.filter(meets=True).values_list("lead", flat=True))
    assert not Lead.objects.filter(next_look_at__lte=CHANGE).exists()
    assert not Lead.objects.exclude(look_error="").exists()


def test_one_of_two_versions_activated_at_once_is_in_force_and_judges() -> None:
    make_leads()
    first = approve_version(document(), START)
    second = approve_version(document(engagement=25), START)
    ops = UserFactory(roles=[Role.MARKETING_OPS])

    raised = at_once(
        *(
            lambda version=version: versions.activate(version=version, hand_over_entrants=True, by=ops, now=CHANGE)
            for version in (first, second, second)
        ),
        rescore,
    )
    rescore()

    # Whoever came second to the same version is told so.
    assert [type(error) for error in raised] == [versions.VersionStepRefused]
    (in_force,) = Version.objects.active()
    assert set(Score.objects.values_list("version", flat=True)) == {in_force.pk}
    assert Score.objects.count() == LEADS
    assert Counter(Counter(Qualification.objects.values_list("lead", flat=True)).values()).keys() == {1}
