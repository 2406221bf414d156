"""The definition of the benchmarks is a version like any other: it comes into force, and gives way to the next one."""

from __future__ import annotations

import pytest

from benchmarks import agreement
from config.accounts.vocabulary import Role
from definitions.models import Version
from definitions.vocabulary import VersionState
from tests.factories import DAY, NOW, UserFactory

pytestmark = pytest.mark.django_db


def test_the_next_version_takes_over_from_the_one_in_force() -> None:
    agreement.put_in_force(NOW)
    first = Version.objects.get(state=VersionState.ACTIVE)

    following = agreement.activate_next(by=UserFactory(roles=[Role.MARKETING_OPS]), at=NOW + DAY)

    assert Version.objects.get(state=VersionState.ACTIVE) == following
    first.refresh_from_db()
    assert first.state == VersionState.RETIRED
