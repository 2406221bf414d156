"""The rescoring of all leads after an activation: kept through crashes, behind new facts, visible while it goes on."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config import periodic
from config.accounts.vocabulary import Role
from definitions import versions
from definitions.models import Version
from leads.models import Event, Lead, MassRescore, Signal
from leads.rescoring import mass_rescores, rescore_queue
from leads.vocabulary import BEGINNING
from scoring.live import due_leads
from scoring.models import Score
from tests.factories import UserFactory, VersionFactory
from tests.scoring.lead_histories import DAY, HOUR, START, activate_version, approve_version, document, make_company
from tests.threads import at_once

ROOT = Path(__file__).parents[3]
#: More than two batches.
LEADS = 240
CHANGE = START + DAY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shipped")]


@pytest.fixture
def first() -> Version:
    """A version that has judged all leads, each of which attended a webinar."""
    employer = make_company()
    people = Lead.objects.bulk_create(
        Lead(email=f"{number}@fit.example", company=employer, known_at=BEGINNING, stage_at=START, recorded_at=START)
        for number in range(LEADS)
    )
    webinar = Signal.objects.get(code="webinar_attended")
    Event.objects.bulk_create(
        Event(lead=lead, signal=webinar, occurred_at=START + HOUR, recorded_at=START, source="test", digest=b"")
        for lead in people
    )
    version = activate_version(approve_version(document(), START), START)
    finish(START + HOUR)
    return version


def finish(now: dt.datetime) -> None:
    while due_leads.rescore_due(now=now) + due_leads.rescore_everybody(now=now):
        pass


def judged_by(version: Version) -> int:
    return Score.objects.filter(version=version).count()


def _wait_for_other_backends() -> None:
    """Wait until PostgreSQL has noticed that a killed process is gone: a commit that it had received may still end."""
    until = time.monotonic() + 60
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        " AND state != 'idle'"
    )
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(query)
            if cursor.fetchone() == (1,):
                return


def run_program(code: str) -> subprocess.Popen[bytes]:
    """Start Python on the test's database, with Django set up."""
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    program = f"import datetime as dt, os, signal, django; django.setup()\n{code}"
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, env=environment)


def test_leads_are_judged_although_the_process_was_killed_right_after_the_activation(first: Version) -> None:
    second = approve_version(document(engagement=25), START)
    ops = UserFactory(roles=[Role.MARKETING_OPS])

    process = run_program(
        f"""
from config.accounts.models import User
from definitions import versions
from definitions.models import Version
versions.activate(
    version=Version.objects.get(pk={second.pk}), hand_over_entrants=True, by=User.objects.get(pk={ops.pk}),
    now=dt.datetime.fromisoformat("{CHANGE.isoformat()}"),
)
os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    assert process.wait(60) == -signal.SIGKILL

    assert Version.objects.active().get() == second
    assert judged_by(second) == 0
    for _ in range(LEADS):
        if mass_rescores.list_unfinished():
            periodic.tick(now=CHANGE + HOUR)
    assert judged_by(second) == LEADS


def test_a_worker_killed_among_the_leads_leaves_the_rest_to_the_next_one(first: Version) -> None:
    second = activate_version(approve_version(document(engagement=25), START), CHANGE)

    process = run_program(
        f"""
from scoring.live import due_leads
while due_leads.rescore_everybody(now=dt.datetime.fromisoformat("{CHANGE.isoformat()}"), limit=5):
    pass
"""
    )
    until = time.monotonic() + 60
    while judged_by(second) == 0 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait(60)
    _wait_for_other_backends()
    # Its scores and how far it came are stored together.
    row = MassRescore.objects.latest("pk")
    assert judged_by(second) == row.judged > 0

    finish(CHANGE)
    row.refresh_from_db()
    assert (judged_by(second), row.judged, row.total, row.finished_at) == (LEADS, LEADS, LEADS, CHANGE)


def test_an_activation_that_is_not_committed_asks_for_nothing(first: Version) -> None:
    second = approve_version(document(engagement=25), START)

    with pytest.raises(versions.permissions.NotAllowed):
        versions.activate(version=second, hand_over_entrants=True, by=UserFactory(), now=CHANGE)

    assert not mass_rescores.list_unfinished()


def test_two_workers_judge_each_lead_once(first: Version) -> None:
    second = activate_version(approve_version(document(engagement=25), START), CHANGE)

    def work(_worker: int) -> int:
        count = 0
        while mass_rescores.list_unfinished():
            count += due_leads.rescore_everybody(now=CHANGE, limit=20)
        return count

    assert sum(at_once(2, work)) == LEADS
    assert judged_by(second) == LEADS


def test_a_new_event_is_judged_before_the_rest(first: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "SECONDS_FOR_MANY", 60)
    second = activate_version(approve_version(document(engagement=25), START), CHANGE)
    last = Lead.objects.latest("pk")
    # After the beginning of the tick, which is at the first leads by then.
    rescore_queue.request(lead_ids=[last.pk], at=CHANGE + dt.timedelta(microseconds=1))

    counts = periodic.tick(now=CHANGE)

    assert (counts["rescored"], counts["everybody"]) == (1, LEADS)
    judged_at = dict(Score.objects.filter(version=second).values_list("lead", "judged_at"))
    before_last = Lead.objects.exclude(pk=last.pk).latest("pk")
    assert judged_at[last.pk] < judged_at[before_last.pk]


def test_a_tick_ends_in_time_for_alerts_and_imports(first: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "SECONDS_FOR_MANY", 0)
    activate_version(approve_version(document(engagement=25), START), CHANGE)

    assert periodic.tick(now=CHANGE)["everybody"] == due_leads.SMALL_BATCH


def test_a_worker_is_not_ready_while_the_rescoring_stands_still(client: Client) -> None:
    now = timezone.now()
    mass_rescores.request(cause="version:1", why="MQL v1.2 came into force.", at=now - dt.timedelta(minutes=6))

    def check() -> dict[str, object]:
        return client.get("/readyz?role=worker").json()["checks"]["mass_rescore"]

    assert check()["ok"] is False
    assert re.search(r"It has not advanced for 3\d\d s", str(check()["detail"]))

    MassRescore.objects.update(advanced_at=now, judged=12_400, total=100_000)
    assert check()["ok"] is True
    assert "MQL v1.2 came into force. 12,400 of 100,000 leads judged." in str(check()["detail"])
    assert b"accord_leads_to_judge_anew 87600.0" in client.get("/metrics").content

    MassRescore.objects.update(finished_at=now)
    assert check() == {"ok": True, "detail": "none"}


def test_the_page_of_a_version_follows_the_leads_that_it_has_judged(client: Client) -> None:
    client.force_login(UserFactory(roles=[Role.VIEWER]))
    version = VersionFactory(active=True)
    url = reverse("definition_version", args=[version.definition.slug, version.number])
    assert "rescore-progress" not in client.get(url).content.decode()

    mass_rescores.request(cause=versions.rescore_cause(version), why="", at=timezone.now())
    assert f"Waiting for a worker to judge the leads by {version.number}" in client.get(url).content.decode()

    MassRescore.objects.update(judged=12_400, total=100_000)
    fragment = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert f"12,400 of 100,000 leads judged by {version.number}" in " ".join(fragment.split())
    assert "every 2s" in fragment
    assert "<html" not in fragment

    MassRescore.objects.update(judged=100_000, finished_at=timezone.now())
    fragment = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert f"All 100,000 leads judged by {version.number}, finished" in " ".join(fragment.split())
    assert "every 2s" not in fragment
