"""What stood in the rows before a migration stands there after it, and again when it is taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from sla.notifications import encryption
from sla.vocabulary import NoticeKind
from tests.sla import situations
from tests.sla.situations import MINUTE, NOW

HOOK = "https://hooks.slack.com/services/T000/B000/s3cr3t"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("sla_concurrency")]


def at(name: str) -> Any:
    """The rows as they are at a migration of this app."""
    executor = MigrationExecutor(connection)
    executor.migrate([("sla", name)])
    return executor.loader.project_state([("sla", name)]).apps


@pytest.fixture
def back_to_the_newest() -> Iterator[None]:
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.usefixtures("back_to_the_newest")
def test_mails_that_wait_become_deliveries_and_notices_again() -> None:
    ana = situations.user()
    rows = at("0006_handoff_notes").get_model("sla", "Notice").objects
    told = {"kind": NoticeKind.NEW_MQL, "text": "Hello", "created_at": NOW}
    rows.create(once="sent", to_id=ana.pk, send_at=NOW, sent_at=NOW, **told)
    rows.create(once="for all", to_id=None, send_at=NOW, **told)
    rows.create(once="waits", to_id=ana.pk, send_at=NOW + MINUTE, failures=2, error="Refused", **told)

    after = at("0007_deliveries").get_model("sla", "Delivery").objects
    copied = list(after.values_list("notice__once", "channel", "send_at", "sent_at", "failures", "error"))
    before = at("0006_handoff_notes").get_model("sla", "Notice").objects

    assert copied == [("waits", "email", NOW + MINUTE, None, 2, "Refused")]
    assert list(before.order_by("once").values_list("once", "send_at", "sent_at", "failures", "error")) == [
        ("for all", NOW, NOW, 0, ""),
        ("sent", NOW, NOW, 0, ""),
        ("waits", NOW + MINUTE, None, 2, "Refused"),
    ]


@pytest.mark.usefixtures("back_to_the_newest")
def test_webhooks_are_sealed_and_opened_again_unless_their_key_is_lost() -> None:
    ana, ben, cem = (situations.user() for _ in range(3))
    rows = at("0009_a_decision_given_back").get_model("sla", "AlertSettings").objects
    for person, url in ((ana, HOOK), (ben, ""), (cem, HOOK)):
        rows.create(user_id=person.pk, slack_url=url)

    after = at("0010_sealed_webhooks").get_model("sla", "AlertSettings").objects
    sealed = dict(after.values_list("user", "slack_sealed"))
    after.filter(user=cem.pk).update(slack_sealed="sealed under another key")
    before = at("0009_a_decision_given_back").get_model("sla", "AlertSettings").objects

    assert "hooks" not in "".join(sealed.values())
    assert (encryption.unseal(sealed[ana.pk]), sealed[ben.pk]) == (HOOK, "")
    assert dict(before.values_list("user", "slack_url")) == {ana.pk: HOOK, ben.pk: "", cem.pk: ""}


@pytest.mark.usefixtures("back_to_the_newest")
def test_absences_that_no_calendar_can_show_are_cut_or_taken_away() -> None:
    rep = situations.rep(situations.team(reps=0))
    rows = at("0014_tier_3_and_heat").get_model("sla", "Absence").objects
    for label, first, last in (
        ("ages ago", 202, 203),
        ("too far", 2250, 2251),
        ("for good", 2026, 9999),
        ("ok", 2026, 2027),
    ):
        dates = [dt.datetime(year, 6, 1, tzinfo=dt.UTC) for year in (first, last)]
        rows.create(rep_id=rep.pk, label=label, starts_at=dates[0], ends_at=dates[1])

    after = at("0015_queue_and_absences").get_model("sla", "Absence").objects

    assert [(label, ends_at.year) for label, ends_at in after.order_by("pk").values_list("label", "ends_at")] == [
        ("for good", 2199),
        ("ok", 2027),
    ]


@pytest.mark.usefixtures("back_to_the_newest")
def test_what_was_signed_before_there_was_a_term_says_nothing_of_it() -> None:
    at("0013_timing_always_recycles").get_model("sla", "Commitment").objects.create(number=5)

    after = at("0014_tier_3_and_heat").get_model("sla", "Commitment").objects
    after.create(number=6)

    assert dict(after.values_list("number", "tier_3_nurture_days")) == {5: 0, 6: 14}
