from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.forms import modelform_factory

from sla.handoffs import rejection_reasons
from sla.models import ReasonCode

pytestmark = pytest.mark.django_db

TIMING = {"code": "later", "label": "Later", "family": "timing", "position": 50}


@pytest.mark.parametrize("route", ["disqualify", "back_to_marketing"])
def test_a_reason_of_timing_never_discards_a_lead(route):
    form = modelform_factory(ReasonCode, exclude=[])(TIMING | {"route": route})

    assert "send" in str(form.errors)
    assert "to nurture" in str(form.errors)
    with pytest.raises(IntegrityError, match="timing_recycles"), transaction.atomic():
        ReasonCode.objects.create(**TIMING, route=route)


def test_a_reason_of_timing_recycles():
    assert modelform_factory(ReasonCode, exclude=[])(TIMING | {"route": "recycle"}).is_valid()


def test_who_asked_not_to_be_contacted_can_be_rejected_for_it():
    offered = rejection_reasons.offered_reasons().get(code="do_not_contact")

    assert (offered.family, offered.route, offered.needs_note) == ("data", "disqualify", False)
    assert offered in rejection_reasons.bulk_reasons()
