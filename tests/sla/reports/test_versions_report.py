"""Versions compared beside SQL that knows nothing of the product (rules 12.53)."""

from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.vocabulary import Motion
from sla.handoffs import attempts
from sla.vocabulary import AttemptOutcome, Channel
from tests.factories import DAY, HOUR, NOW, HandoffFactory, UserFactory, VersionFactory
from tests.sla.reports.mql_sql import MQLS, add_outcome
from tests.sla.reports.report_reading import read_api, read_page, run_sql, tables_of

pytestmark = pytest.mark.django_db

LATER = NOW + 30 * DAY
#: Handed over, decided, rejected, and untouched after seven days, by a group.
HANDED = """
    SELECT {group}, count(*), count(*) FILTER (WHERE kind IS NOT NULL), count(*) FILTER (WHERE kind = 'reject'),
        count(*) FILTER (WHERE h.created_at + interval '7 days' <= %(now)s
            AND coalesce(h.first_contact_at > h.created_at + interval '7 days', true)
            AND coalesce(h.decided_at > h.created_at + interval '7 days', true))
    FROM sla_handoff h JOIN scoring_qualification q ON q.id = h.qualification_id
    LEFT JOIN sla_disposition d ON d.handoff_id = h.id AND NOT EXISTS (SELECT FROM sla_disposition n WHERE n.corrects_id = d.id)
    GROUP BY 1
"""
WEEK = "to_char(date_trunc('week', q.at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') || '-' || q.version_id"


@pytest.fixture
def leader():
    """The MQLs of two versions of one definition: accepted, rejected, contacted late, never touched."""
    first = HandoffFactory(accepted=True, now=NOW - 14 * DAY).version
    HandoffFactory(rejected=True, now=NOW - 14 * DAY)
    HandoffFactory(now=NOW - 7 * DAY)
    Version.objects.filter(pk=first.pk).update(state="retired", retired_at=NOW - DAY)
    second = VersionFactory(definition=first.definition, minor=7, active=True, moved_at=NOW - DAY)
    accepted = [HandoffFactory(accepted=True, version=second) for _ in range(3)]
    late = HandoffFactory(version=second)
    attempts.log_attempt(
        handoff=late,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=NOW + 8 * DAY,
        by=late.rep.user,
        now=NOW + 8 * DAY,
    )
    HandoffFactory(version=second)
    add_outcome(accepted[0].lead)
    return UserFactory(roles=[Role.MARKETING_LEADER])


def expect(group: str, now=LATER):
    steps = {str(key): tuple(row) for key, *row in run_sql(MQLS.format(group=group.replace("q.", "")))}
    handed = {str(key): tuple(row) for key, *row in run_sql(HANDED.format(group=group), now=now)}
    return {
        key: {
            "mql": mql,
            "sal": (sal, mql),
            "sal_to_sql": (sql, sal),
            "opportunity": (opened, mql),
            "rejected": (handed[key][2], handed[key][1]),
            "untouched": (handed[key][3], handed[key][0]),
        }
        for key, (mql, sal, sql, opened, _won) in steps.items()
    }


def read_figures(table):
    return {
        row["key"]: {
            key: cell["value"] if key == "mql" else (cell["count"], cell["of"])
            for key, cell in row["cells"].items()
            if key not in ("since", "until")
        }
        for row in table["rows"]
    }


def table_of(answer, prefix):
    return next(table for key, table in tables_of(answer).items() if key.startswith(prefix))


def test_versions_and_weeks_count_what_sql_counts(leader):
    answer = read_api(leader, "versions", at=LATER)
    versions, weeks = table_of(answer, "versions-"), table_of(answer, "weeks-")

    assert read_figures(versions) == expect("q.version_id")
    assert read_figures(weeks) == expect(WEEK)
    total = weeks["total"]["cells"]
    assert (total["mql"]["value"], total["untouched"]["count"]) == (
        8,
        sum(row[-1] for row in run_sql(HANDED.format(group="1"), now=LATER)),
    )
    assert [row["cells"]["until"]["value"] for row in versions["rows"]] == ["in force", "2026-03-09"]


def test_the_rows_behind_a_figure_are_as_many_as_it_says(leader):
    for prefix in ("versions-", "weeks-"):
        for row in table_of(read_api(leader, "versions", at=LATER), prefix)["rows"]:
            for cell in row["cells"].values():
                if cell["rows"]:
                    number = cell["value"] if cell["count"] is None else cell["count"]
                    page = read_page(leader, cell["rows"], at=LATER).content.decode()
                    assert f'<span class="faint">{number}</span>' in page, cell["rows"]


def test_the_week_of_a_change_and_the_chart_say_so(leader):
    answer = read_api(leader, "versions", at=LATER)
    version = Version.objects.get(state="active")

    page = read_page(leader, "/reports/versions/", at=LATER).content.decode()
    assert 'class="mark-text"' in page
    assert page.count("came into force in this week") == 1
    assert version.number in page
    assert "too few leads that had their time" in answer["headline"]


def test_an_older_version_has_had_no_more_time_in_the_sentence():
    first = VersionFactory(active=True, moved_at=NOW - 150 * DAY)
    older = [HandoffFactory(version=first, now=NOW - 140 * DAY) for _ in range(24)]
    # Deals as slow as these, the later version cannot have had.
    for handoff in older[:14]:
        add_outcome(handoff.lead, at=NOW - 50 * DAY)
    Version.objects.filter(pk=first.pk).update(state="retired", retired_at=NOW - 76 * DAY)
    second = VersionFactory(definition=first.definition, minor=7, active=True, moved_at=NOW - 76 * DAY)
    for _ in range(24):
        HandoffFactory(version=second, now=NOW - 75 * DAY)

    answer = read_api(UserFactory(roles=[Role.MARKETING_LEADER]), "versions", at=NOW, weeks=26)

    opened = [row["cells"]["opportunity"]["count"] for row in table_of(answer, "versions-")["rows"]]
    assert opened == [0, 14]
    assert answer["headline"].startswith("No rate differs clearly")


def test_weeks_that_have_not_had_their_time_are_marked(leader):
    young = table_of(read_api(leader, "versions", at=NOW + HOUR), "weeks-")["rows"][0]["cells"]
    old = table_of(read_api(leader, "versions", at=NOW + 80 * DAY), "weeks-")["rows"][0]["cells"]

    assert {key: young[key]["is_maturing"] for key in ("sal", "opportunity", "untouched")} == {
        "sal": True, "opportunity": True, "untouched": True,
    }  # fmt: skip
    assert [old[key]["is_maturing"] for key in ("sal", "opportunity", "untouched")] == [False] * 3


def test_another_motion_has_its_own_versions(leader):
    assert read_api(leader, "versions", at=LATER, motion=Motion.PQL)["sections"] == []
