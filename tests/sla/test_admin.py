from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from config.accounts.vocabulary import Role
from sla.admin import ReadOnlyAdmin
from sla.models import Clock, Disposition, Handoff, WorkCalendar
from sla.vocabulary import CommitmentState
from tests.factories import NOW, CommitmentFactory, HandoffFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def form(**changes):
    fields = {"name": "Berlin", "zone": "Europe/Berlin", "country": "DE", "subdivision": "BE"}
    for prefix in ("hours", "special_days"):
        fields |= {f"{prefix}-TOTAL_FORMS": 1, f"{prefix}-INITIAL_FORMS": 0}
    fields |= {"hours-0-weekday": 0, "hours-0-opens": "22:00", "hours-0-closes": "06:00"}
    return fields | changes


def test_a_calendar_is_edited_in_times_of_day(chief):
    days = {"special_days-0-date": "2026-12-24", "special_days-0-label": "Half day"}
    times = {"special_days-0-opens": "09:00", "special_days-0-closes": "24:00"}

    answer = chief.post(reverse("admin:sla_workcalendar_add"), form(**days, **times))

    assert answer.status_code == 302, answer.context["errors"]
    calendar = WorkCalendar.objects.get()
    assert str(calendar.hours.get()) == "0 22:00-06:00"
    assert (calendar.special_days.get().opens, calendar.special_days.get().closes) == (540, 1440)
    page = chief.get(reverse("admin:sla_workcalendar_change", args=[calendar.pk])).content.decode()
    assert 'value="22:00"' in page


def test_a_change_in_the_administration_says_who_made_it_like_any_other(chief):
    chief.post(reverse("admin:sla_workcalendar_add"), form())
    calendar = WorkCalendar.objects.get()
    kept = {"hours-0-id": calendar.hours.get().pk, "hours-0-calendar": calendar.pk, "hours-INITIAL_FORMS": 1}

    chief.post(reverse("admin:sla_workcalendar_change", args=[calendar.pk]), form(subdivision="BY", **kept))

    assert [change.said for change in calendar.changes.order_by("pk")] == [
        "New: Mon 22:00–6:00 Berlin; public holidays of DE-BE",
        "public holidays of DE-BY instead of DE-BE",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Atlantis/Capital"},
        {"zone": "HST"},
        {"country": "XX"},
        {"hours-0-opens": "9 o'clock"},
        {"hours-0-opens": "24:00"},
        {"hours-0-closes": "24:01"},
        {"hours-0-closes": "١٢:00"},
        {"special_days-0-date": "2026-12-24", "special_days-0-label": "x", "special_days-0-opens": "09:00"},
    ],
)
def test_a_calendar_that_could_not_be_read_is_refused(chief, wrong):
    answer = chief.post(reverse("admin:sla_workcalendar_add"), form(**wrong))

    assert answer.status_code == 200
    assert not WorkCalendar.objects.exists()


@pytest.mark.parametrize(
    "model", [model for model, shown in admin.site._registry.items() if isinstance(shown, ReadOnlyAdmin)]
)
def test_ledgers_are_listed_and_neither_added_changed_nor_deleted(chief, model):
    handoff = HandoffFactory(accepted=True)
    name = f"admin:sla_{model._meta.model_name}"

    assert chief.get(reverse(f"{name}_changelist")).status_code == 200
    assert chief.get(reverse(f"{name}_add")).status_code == 403
    row = model.objects.first()
    if row is not None:
        assert chief.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code == 403
        assert chief.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert (Handoff.objects.get(), Disposition.objects.count(), Clock.objects.count()) == (handoff, 1, 3)


@pytest.mark.parametrize("model", ["team", "rep", "routingrule", "reasoncode", "commitment", "workcalendar"])
def test_settings_of_sales_open(chief, model):
    HandoffFactory()

    assert chief.get(reverse(f"admin:sla_{model}_changelist")).status_code == 200
    assert chief.get(reverse(f"admin:sla_{model}_add")).status_code == 200


def test_signed_commitments_cannot_be_edited(chief):
    commitment = CommitmentFactory(active=True)
    draft = CommitmentFactory()

    assert (
        chief.post(reverse("admin:sla_commitment_change", args=[commitment.pk]), {"route_minutes": 9}).status_code
        == 403
    )
    assert chief.get(reverse("admin:sla_commitment_change", args=[draft.pk])).status_code == 200
    assert commitment.activated_at < NOW


def test_commitments_come_into_force_with_the_second_leaders_signature(client):
    draft = CommitmentFactory()
    sign = {"action": "sign", "_selected_action": [draft.pk]}
    marketing, sales = (UserFactory(roles=[role], is_staff=True) for role in (Role.MARKETING_LEADER, Role.SALES_LEADER))
    list_page = reverse("admin:sla_commitment_changelist")

    client.force_login(marketing)
    client.post(list_page, sign)
    twice = client.post(list_page, sign, follow=True).content.decode()
    draft.refresh_from_db()
    after_one = (draft.signed_by_marketing, draft.signed_by_sales, draft.state)
    client.force_login(sales)
    client.post(list_page, sign)
    draft.refresh_from_db()

    assert after_one == (marketing, None, CommitmentState.DRAFT)
    assert "each once and for their own side" in twice
    assert (draft.signed_by_sales, draft.state) == (sales, CommitmentState.ACTIVE)


def test_a_change_to_a_draft_takes_its_signatures_away(chief):
    signer = UserFactory(roles=[Role.MARKETING_LEADER])
    draft = CommitmentFactory(signed_by_marketing=signer)
    page = reverse("admin:sla_commitment_change", args=[draft.pk])
    fields = {
        name: value for name, value in chief.get(page).context["adminform"].form.initial.items() if value is not None
    }

    answer = chief.post(page, fields | {"contact_minutes": 45})

    draft.refresh_from_db()
    assert answer.status_code == 302
    assert (draft.contact_minutes, draft.signed_by_marketing) == (45, None)
