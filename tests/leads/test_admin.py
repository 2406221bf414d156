from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.intake import events, lead_upserts, outcomes
from leads.models import Company, Lead, ListEntry, NamedList, Signal
from leads.vocabulary import EntryStatus
from tests.leads.facts import NOW, event

pytestmark = pytest.mark.django_db

KEPT = ("company", "lead", "event", "stagechange", "attributechange", "outcome", "importrun", "referencedata")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root@acme.example", "secret"))
    return client


@pytest.fixture
def ops(client: Client) -> Client:
    person = User.objects.create_user("ops@acme.example", "secret", is_staff=True)
    person.groups.add(Group.objects.get(name=Role.MARKETING_OPS))
    client.force_login(person)
    return client


@pytest.fixture
def facts() -> Lead:
    title = "<script>alert(1)</script>"
    lead, _ = lead_upserts.upsert_lead(
        email="ada@acme.example", company_domain="acme.example", values={"title": title}, source="crm", now=NOW
    )
    events.record(items=[event()], source="site", now=NOW)
    outcomes.record(items=[{"email": "ada@acme.example", "kind": "won", "at": NOW.isoformat()}], source="crm", now=NOW)
    return lead


@pytest.mark.parametrize("model", KEPT)
def test_facts_can_be_viewed_but_not_changed(root: Client, facts: Lead, model: str) -> None:
    model_of_name = {model_class._meta.model_name: model_class for model_class in admin.site._registry}[model]
    first = model_of_name._default_manager.first()

    assert root.get(reverse(f"admin:leads_{model}_changelist")).status_code == 200
    assert root.get(reverse(f"admin:leads_{model}_add")).status_code == 403
    if first is not None:
        page = root.get(reverse(f"admin:leads_{model}_change", args=[first.pk]))
        assert page.status_code == 200
        assert b"<script>alert" not in page.content
        assert root.post(reverse(f"admin:leads_{model}_change", args=[first.pk]), {"title": "x"}).status_code == 403
        assert root.post(reverse(f"admin:leads_{model}_delete", args=[first.pk]), {"post": "yes"}).status_code == 403


def test_marketing_ops_keeps_signals_and_lists_but_no_people_and_no_keys(ops: Client, facts: Lead) -> None:
    competitors = NamedList.objects.get(name="competitors")

    added = ops.post(reverse("admin:leads_listentry_add"), {"list": competitors.pk, "value": "rival.example"})
    signal = ops.get(reverse("admin:leads_signal_change", args=[Signal.objects.get(code="blog_read").pk]))

    assert (added.status_code, signal.status_code) == (302, 200)
    assert list(competitors.entries.values_list("value", flat=True)) == ["rival.example"]
    assert ops.get(reverse("admin:leads_lead_changelist")).status_code == 200
    for model in ("user", "apikey"):
        assert ops.get(reverse(f"admin:accounts_{model}_changelist")).status_code == 403
    assert ops.get(reverse("admin:auth_group_changelist")).status_code == 403


def test_a_list_of_leads_takes_as_many_queries_for_any_length(root: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        lead_upserts.upsert_lead(
            email=f"p{number}@c{number}.example", company_domain=f"c{number}.example", source="crm", now=NOW
        )

    with django_assert_max_num_queries(8):
        page = root.get(reverse("admin:leads_lead_changelist"))

    assert b"p29@c29.example" in page.content
    assert Company.objects.count() == 30


def test_a_shipped_entry_is_taken_out_and_put_back(ops: Client) -> None:
    entry = ListEntry.objects.get(list__name="free_email", value="gmail.com")

    ops.post(reverse("admin:leads_listentry_delete", args=[entry.pk]), {"post": "yes"})
    entry.refresh_from_db()
    assert entry.status == EntryStatus.REMOVED
    page = ops.get(reverse("admin:leads_listentry_changelist"), {"q": "gmail.com"}).content.decode()
    assert "Shipped, but taken out here" in page
    again = ops.post(reverse("admin:leads_listentry_add"), {"list": entry.list_id, "value": "Gmail.com"})
    assert "If it was taken out, put it back." in again.content.decode()

    ops.post(reverse("admin:leads_listentry_changelist"), {"action": "put_back", "_selected_action": [entry.pk]})
    entry.refresh_from_db()
    assert entry.status == EntryStatus.SHIPPED


def test_taking_out_several_entries_deletes_only_own_ones(ops: Client) -> None:
    competitors = NamedList.objects.get(name="competitors")
    own = ListEntry.objects.create(list=competitors, value="rival.example")
    shipped = ListEntry.objects.get(list__name="free_email", value="gmail.com")
    chosen = {"action": "delete_selected", "_selected_action": [own.pk, shipped.pk], "post": "yes"}

    ops.post(reverse("admin:leads_listentry_changelist"), chosen)

    assert list(ListEntry.objects.filter(pk__in=[own.pk, shipped.pk]).values_list("status", flat=True)) == ["removed"]


def test_a_shipped_entry_cannot_be_rewritten(ops: Client) -> None:
    entry = ListEntry.objects.get(list__name="free_email", value="gmail.com")

    ops.post(reverse("admin:leads_listentry_change", args=[entry.pk]), {"list": entry.list_id, "value": "x.example"})

    entry.refresh_from_db()
    assert entry.value == "gmail.com"
