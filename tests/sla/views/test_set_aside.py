from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.accounts.vocabulary import Role
from config.jobs import sweeps
from config.jobs.models import SetAsideRow
from leads.models import Lead
from leads.rescoring import rescore_queue
from sla.handoffs import overdue_first_contact
from tests.factories import LeadFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops(client: Client) -> Client:
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
    return client


def test_ops_see_what_is_set_aside_and_why(ops: Client) -> None:
    now = timezone.now()
    sweeps.put_aside(overdue_first_contact.SWEEP, 7, reason="Nobody <else> is there.", is_failure=False, now=now)
    sweeps.put_aside("tier upgrades", 8, reason="It failed (ValueError).", is_failure=True, now=now)

    page = ops.get(reverse("set_aside")).content.decode()

    assert "1 overdue first contacts, 1 tier upgrades." in page
    assert "Nobody &lt;else&gt; is there." in page
    assert f'href="{reverse("handoff", args=[7])}"' in page
    assert "tier upgrades, 8" in page


def test_an_empty_page_says_so(ops: Client) -> None:
    assert "Nothing is set aside" in ops.get(reverse("set_aside")).content.decode()


def test_the_rows_are_on_pages_of_fifty(ops: Client) -> None:
    for row in range(60):
        sweeps.put_aside("tier upgrades", row, reason="It failed.", is_failure=True, now=timezone.now())

    first = ops.get(reverse("set_aside"))
    second = ops.get(reverse("set_aside"), {"after": first.context["more"]})

    assert (len(first.context["rows"]), len(second.context["rows"]), second.context["more"]) == (50, 10, None)


def test_ops_have_everything_tried_again_at_once(ops: Client) -> None:
    lead = LeadFactory()
    now = timezone.now()
    rescore_queue.fail(lead_id=lead.pk, error=ValueError(), now=now)
    sweeps.put_aside("tier upgrades", 8, reason="It failed.", is_failure=True, now=now)

    page = ops.post(reverse("set_aside_retry"), follow=True).content.decode()

    assert "Being tried again: 2." in page
    assert not SetAsideRow.objects.filter(until__gt=timezone.now()).exists()
    assert Lead.objects.get().next_look_at <= timezone.now()


def test_readyz_and_metrics_name_what_is_set_aside(client: Client) -> None:
    since = timezone.now() - dt.timedelta(hours=1)
    for row in range(2):
        sweeps.put_aside("tier upgrades", row, reason="It failed.", is_failure=True, now=since)

    check = client.get("/readyz?role=worker").json()["checks"]["set_aside"]
    metrics = client.get("/metrics").content.decode()

    assert check == {"ok": True, "detail": f"2 tier upgrades since {since:%Y-%m-%d %H:%M} UTC"}
    assert "accord_rows_set_aside 2.0" in metrics
    assert "accord_oldest_row_set_aside_seconds 36" in metrics
