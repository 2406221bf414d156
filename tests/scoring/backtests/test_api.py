"""Backtests and what-ifs through the API: permissions, requests and answers, refusals."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from definitions.models import Backtest
from scoring.backtests import pending_backtests
from tests.definitions.version_lifecycles import create_draft
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


class Machine(Client):
    """A client with an API key; it acts as the key's owner."""

    def __init__(self, *scopes: str, owner: User | None = None) -> None:
        owner = owner or UserFactory(roles=[Role.MARKETING_OPS])
        _, secret = ApiKey.objects.create_key(name="bi", owner=owner, source="bi", scopes=list(scopes))
        super().__init__(headers={"authorization": f"Api-Key {secret}"})

    def send(self, path: str, body: object = None) -> Any:
        return self.post(f"/api/v1/{path}", {} if body is None else body, content_type="application/json")

    def fetch(self, path: str) -> Any:
        return self.get(f"/api/v1/{path}")


@pytest.fixture
def machine() -> Machine:
    return Machine("definitions:read", "definitions:write")


def test_a_requested_backtest_can_be_listed_and_followed_to_its_result(machine: Machine) -> None:
    version = create_draft()

    answer = machine.send(f"definitions/{version.pk}/backtests")

    row = answer.json()
    assert answer.status_code == 202
    assert (row["state"], row["version"], row["against"], row["result"]) == ("waiting", version.pk, None, None)
    assert dt.datetime.fromisoformat(row["to"]) - dt.datetime.fromisoformat(row["from"]) > 180 * DAY
    assert machine.fetch(f"backtests/{row['id']}").json() == row
    listed = machine.fetch(f"definitions/{version.pk}/backtests").json()["results"]
    assert [backtest["id"] for backtest in listed] == [row["id"]]
    assert "result" not in listed[0]


def test_requesting_the_same_period_twice_gives_one_backtest(machine: Machine) -> None:
    version = create_draft()
    period = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}

    first, second = (machine.send(f"definitions/{version.pk}/backtests", period).json() for _ in range(2))

    assert first == second
    assert (first["from"], first["to"]) == (period["from"], period["to"])


def test_results_name_leads_only_with_the_scope_facts_read(machine: Machine) -> None:
    rows = {"total": 1, "rows": [{"lead": 1}]}
    cohort = {"flagged": 1, "lost_wins": rows, "still_passing": rows}
    now = timezone.now()
    row = Backtest.objects.create(
        version=create_draft(), document={}, digest="", start=now - DAY, end=now, requested_at=now, finished_at=now,
        result={"version": cohort, "against": None},
    )  # fmt: skip
    reader = Machine("definitions:read", "facts:read")

    nameless, named = (client.fetch(f"backtests/{row.pk}").json() for client in (machine, reader))

    assert (nameless["state"], named["result"]) == ("finished", row.result)
    assert nameless["result"]["version"]["lost_wins"] == {"total": 1, "rows": []}
    assert nameless["result"]["version"]["flagged"] == 1


def test_only_a_pending_backtest_can_be_cancelled(machine: Machine) -> None:
    row = machine.send(f"definitions/{create_draft().pk}/backtests").json()

    first, second = (machine.send(f"backtests/{row['id']}/cancel") for _ in range(2))

    assert (first.status_code, first.json()["state"]) == (200, "cancelled")
    assert (second.status_code, second.json()["errors"][0]["detail"]) == (
        409,
        "This backtest is finished; there is nothing to cancel.",
    )
    assert pending_backtests.run_pending(now=timezone.now()) == 0


@pytest.mark.parametrize(
    ("period", "field"),
    [
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
        ({"from": "2100-01-01T00:00:00Z", "to": "2100-02-01T00:00:00Z"}, "from"),
        ({"from": "soon"}, "from"),
        ({"to": 7}, "to"),
    ],
)
def test_an_impossible_period_is_refused_with_its_field(machine: Machine, period: object, field: str) -> None:
    answer = machine.send(f"definitions/{create_draft().pk}/backtests", period)

    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [field]
    assert not Backtest.objects.exists()


@pytest.mark.parametrize(
    "path", ["definitions/999999/backtests", "backtests/999999/cancel", "definitions/999999/what-if"]
)
def test_unknown_backtests_and_versions_answer_404(machine: Machine, path: str) -> None:
    assert machine.send(path, {"thresholds": []}).status_code == 404


@pytest.mark.parametrize("role", [Role.SALES_MANAGER, Role.VIEWER])
def test_readers_cannot_request_a_backtest(role: Role) -> None:
    version = create_draft()
    reader = Machine("definitions:read", "definitions:write", owner=UserFactory(roles=[role]))

    answer = reader.send(f"definitions/{version.pk}/backtests")

    assert answer.status_code == 403
    assert reader.fetch(f"definitions/{version.pk}/backtests").status_code == 200
    assert not Backtest.objects.exists()


def test_a_key_without_write_scope_cannot_request_a_backtest() -> None:
    version = create_draft()

    assert Machine("definitions:read").send(f"definitions/{version.pk}/backtests").status_code == 403


def test_a_what_if_returns_the_two_numbers_and_the_weeks(machine: Machine) -> None:
    body = {
        "thresholds": [{"place": "paths[0].clauses[0]", "at_least": 2}],
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-02-01T00:00:00Z",
    }

    answer = machine.send(f"definitions/{create_draft().pk}/what-if", body)

    figures = answer.json()
    assert answer.status_code == 200
    assert figures["coverage"] == figures["precision_won"] == {"n": 0, "of": 0, "rate": None, "interval_95": None}
    assert figures["weeks"] == ["2025-12-29", "2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"]
    assert (figures["flagged"], figures["by_week"]) == (0, [0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    "threshold",
    [
        {"place": "paths[9].clauses[0]", "at_least": 1},
        {"place": "gate[0]", "at_least": 1},
        {"place": "paths[0].clauses[0]", "at_least": 1.5},
        {"place": "paths[0].clauses[0]", "at_least": "NaN"},
        {"place": "paths[0].clauses[0]", "at_least": "1e400"},
        {"place": "paths[0].clauses[0]"},
        7,
    ],
)
def test_an_invalid_threshold_is_refused_with_its_field(machine: Machine, threshold: object) -> None:
    answer = machine.send(f"definitions/{create_draft().pk}/what-if", {"thresholds": [threshold]})

    assert answer.status_code == 400
    assert all(error["attr"].startswith("thresholds") for error in answer.json()["errors"])


def test_metrics_report_how_long_the_oldest_backtest_has_waited(machine: Machine) -> None:
    before = machine.get("/metrics").content.decode()
    with time_machine.travel(timezone.now() - DAY, tick=False):
        machine.send(f"definitions/{create_draft().pk}/backtests")

    after = machine.get("/metrics").content.decode()

    assert "accord_oldest_backtest_seconds 0.0" in before
    (line,) = (line for line in after.splitlines() if line.startswith("accord_oldest_backtest_seconds "))
    assert float(line.split()[1]) >= DAY.total_seconds()
