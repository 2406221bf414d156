"""Closed records say what they said on their day, whatever is renamed afterwards."""

from __future__ import annotations

import importlib
import pkgutil

import pgtrigger
import pytest
from django.db import connection

import sla.migrations
from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.handoffs import dispositions
from sla.models import Clock, Disposition, Handoff, ReasonCode, RoutingDecision, SubReason, Team
from sla.plays import play_work
from sla.reports import compliance, play_reports, reason_counts, volume_and_yield
from sla.vocabulary import DispositionKind, Family
from tests.account_plays import start_play
from tests.factories import DAY, HOUR, MINUTE, NOW, HandoffFactory, ReasonCodeFactory, UserFactory, read_handoff
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db

PERIOD = {"start": NOW - DAY, "end": NOW + DAY}


@pytest.fixture
def reason() -> ReasonCode:
    reason = ReasonCodeFactory(code="wrong_person", label="Wrong person", family=Family.FIT)
    SubReason.objects.create(reason=reason, code="elsewhere", label="Works elsewhere")
    return reason


def name_everybody(first_name: str) -> None:
    User.objects.update(first_name=first_name, last_name="Meier")


def rename_all() -> None:
    """Give everything that a record names another name."""
    name_everybody("Zoe")
    Team.objects.update(name="Renamed team")
    ReasonCode.objects.update(label="Renamed reason")
    SubReason.objects.update(label="Renamed detail")


def reject(reason: ReasonCode) -> Handoff:
    handoff = HandoffFactory()
    Team.objects.update(name="First team")
    name_everybody("Ada")
    handoff = read_handoff(handoff)
    detail = reason.sub_reasons.get()
    dispositions.reject(
        handoff=handoff, reason=reason, sub_reason=detail, by=handoff.rep.user, now=NOW + MINUTE
    )  # fmt: skip
    return read_handoff(handoff)


def test_a_closed_handoff_names_rep_and_team_as_they_were(reason: ReasonCode) -> None:
    handoff = reject(reason)

    rename_all()

    handoff = read_handoff(handoff)
    assert (handoff.rep_label, handoff.team_label) == ("Ada Meier", "First team")


def test_an_open_handoff_names_rep_and_team_as_they_are(reason: ReasonCode) -> None:
    handoff = reject(reason)
    dispositions.correct(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW + HOUR)

    rename_all()

    handoff = read_handoff(handoff)
    assert (handoff.rep_name, handoff.rep_label, handoff.team_label) == ("", "Zoe Meier", "Renamed team")


def test_a_disposition_names_its_reason_and_its_author_as_they_were(reason: ReasonCode) -> None:
    reject(reason)

    rename_all()

    disposition = Disposition.objects.get()
    assert (disposition.reason_text, disposition.by_name) == ("Wrong person (works elsewhere)", "Ada Meier")


def test_pages_and_api_of_a_closed_handoff_do_not_change(reason: ReasonCode, client: object) -> None:
    handoff = reject(reason)
    leader = UserFactory(roles=[Role.VIEWER])
    client.force_login(leader)

    def read() -> tuple[str, object]:
        page = client.get(f"/handoffs/{handoff.pk}/").content.decode()
        shown = [
            name for name in ("Wrong person", "works elsewhere", "Ada Meier", "First team", "Renamed") if name in page
        ]
        data = ApiClient(leader, "handoffs:read").get(f"handoffs/{handoff.pk}").json()
        return shown, (data["rep"]["name"], data["team_name"], [row["by"] for row in data["dispositions"]])

    before = read()
    rename_all()

    assert read() == before == (
        ["Wrong person", "works elsewhere", "Ada Meier", "First team"], ("Ada Meier", "First team", ["Ada Meier"]),
    )  # fmt: skip


def test_reports_on_the_past_do_not_change(reason: ReasonCode) -> None:
    handoff = reject(reason)

    def read() -> list[object]:
        return [
            reason_counts.count_reasons(motion=Motion.MQL, **PERIOD),
            [row for row in compliance.read_figures(motion=Motion.MQL, by="rep", **PERIOD) if row.key == str(handoff.rep_id)],
            volume_and_yield.read_yields(Handoff.objects.filter(pk=handoff.pk), motion=Motion.MQL, **PERIOD),
        ]  # fmt: skip

    before = read()
    rename_all()

    assert read() == before
    assert [(row.label, row.detail) for row in before[0]] == [("Wrong person", ""), ("Wrong person", "Works elsewhere")]


def test_records_from_before_get_the_names_of_the_day_of_the_migration(reason: ReasonCode) -> None:
    migrations = pkgutil.iter_modules(sla.migrations.__path__)
    name = next(module.name for module in migrations if module.name.endswith("_database_guards"))
    migration = importlib.import_module(f"sla.migrations.{name}")
    handoff = reject(reason)
    guards = (*migration.LEDGERS, "sla.Handoff:handoff_closing_stays", "sla.Clock:clock_promise_stays")

    with pgtrigger.ignore(*guards):
        Disposition.objects.update(reason_label="", sub_reason_label="", by_name="")
        Clock.objects.update(rep_name="")
        RoutingDecision.objects.update(rep_name="")
        Handoff.objects.update(rep_name="", team_name="")
        migration.carry_over_names(None, connection.schema_editor())

    handoff = read_handoff(handoff)
    disposition = Disposition.objects.get()
    assert (handoff.rep_name, handoff.team_name) == ("Ada Meier", "First team")
    assert (disposition.reason_text, disposition.by_name) == ("Wrong person (works elsewhere)", "Ada Meier")
    assert set(Clock.objects.values_list("rep_name", flat=True)) == {"", "Ada Meier"}
    assert RoutingDecision.objects.get().rep_name == "Ada Meier"


def test_a_closed_play_says_what_it_said(reason: ReasonCode) -> None:
    play = start_play()
    name_everybody("Ada")
    Team.objects.update(name="First team")
    play.refresh_from_db()
    play_work.reject(
        play=play, reason=reason, sub_reason=reason.sub_reasons.get(), by=play.rep.user, now=NOW + MINUTE
    )  # fmt: skip

    rename_all()

    play.refresh_from_db()
    decision = play.disposition
    assert (play.rep_label, play.team_label) == ("Ada Meier", "First team")
    assert (decision.reason_text, decision.by_name) == ("Wrong person (works elsewhere)", "Ada Meier")
    rows = [(row.label, row.detail) for row in play_reports.count_reasons(NOW + DAY)]
    assert rows == [("Wrong person", ""), ("Wrong person", "Works elsewhere")]
