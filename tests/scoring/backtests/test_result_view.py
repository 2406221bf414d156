"""Pages show the result that the job stores, and a what-if answers with the figures of the job's threshold curves."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions import backtest_requests as requests
from definitions import version_documents
from leads import named_lists, shipped_signals
from leads.models import Lead, Outcome, Signal
from leads.vocabulary import OutcomeKind
from scoring.backtests import pending_backtests
from scoring.backtests.result_view import TABLES
from tests.definitions.documents import load_reference
from tests.factories import UserFactory
from tests.scoring import facts

pytestmark = pytest.mark.django_db(transaction=True)

START, END = dt.datetime(2025, 1, 1, tzinfo=dt.UTC), dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@time_machine.travel(END + DAY, tick=False)
def test_a_job_result_renders_downloads_and_answers_what_ifs() -> None:
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    facts.load_company_1k(END)
    Outcome.objects.bulk_create(
        Outcome(lead=lead, kind=OutcomeKind.WON, at=START + (number % 180) * DAY, recorded_at=END, source="crm")
        for number, lead in enumerate(Lead.objects.order_by("pk")[::7])
    )
    draft = version_documents.import_document(document=load_reference(), by=None, now=END)
    row = requests.request_backtest(version=draft, start=START, end=END, by=None, now=END + DAY)
    pending_backtests.run_pending(now=END + DAY)
    row.refresh_from_db()
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    page = client.get(reverse("backtest", args=[row.pk])).content.decode()
    tables = {name: client.get(reverse("backtest_csv", args=[row.pk, name])).getvalue().decode() for name in TABLES}

    figures = row.result["version"]
    assert f"{figures['coverage']['n']} of {figures['coverage']['of']} leads won in the period" in page
    assert page.count('<svg class="chart"') == len(row.result["thresholds"]) + 3
    assert all(table.count("\n") > 1 for name, table in tables.items() if name not in {"still-passing"})

    threshold = row.result["thresholds"][0]
    swept = threshold["choices"][0]
    what_if = client.get(reverse("what_if", args=[row.pk]), {"t0": swept["at_least"]}).context["what_if"]

    shares = [number.share for number in what_if.numbers] + [what_if.precision_sal]
    assert swept["at_least"] != threshold["value"]
    assert (what_if.flagged, *shares) == (
        swept["flagged"], swept["coverage"], swept["precision_ripe"], swept["precision_sal"],
    )  # fmt: skip
