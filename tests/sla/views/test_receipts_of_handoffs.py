from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from scoring.receipts import receipt_keys, verification
from tests.factories import HandoffFactory

pytestmark = pytest.mark.django_db


def test_a_rep_downloads_the_receipt_from_the_page_of_the_handoff() -> None:
    handoff = HandoffFactory()
    rep = Client()
    rep.force_login(handoff.rep.user)
    path = reverse("receipt", args=[handoff.pk])

    answer = rep.get(path)

    assert path in rep.get(reverse("handoff", args=[handoff.pk])).content.decode()
    assert answer["Content-Disposition"] == f'attachment; filename="receipt-handoff-{handoff.pk}.json"'
    checks = verification.verify(answer.content, receipt_keys.list_public_keys())
    assert {check.subject: check.holds for check in checks}["Verdict"] is True


def test_a_key_that_cannot_be_opened_is_said_on_the_page(settings: object) -> None:
    handoff = HandoffFactory()
    rep = Client()
    rep.force_login(handoff.rep.user)
    rep.get(reverse("receipt", args=[handoff.pk]))
    settings.SECRET_KEY = "another" * 10
    rep.force_login(handoff.rep.user)

    answer = rep.get(reverse("receipt", args=[handoff.pk]), follow=True)

    assert "rotate_receipt_key" in answer.content.decode()
