"""The limit on uploaded files, by who sends them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadhandler import SkipFile
from django.test import RequestFactory

from config.accounts.models import User
from config.uploads import UploadLimit, has_too_large_file

MEGABYTE = b"x" * (1 << 20)


def upload(user: User | AnonymousUser, megabytes: int) -> bool:
    """Receive a file of so many megabytes; return whether it was dropped as too large."""
    request = RequestFactory().post("/imports/new/")
    request.user = user
    handler = UploadLimit(request)
    handler.new_file("file", "leads.csv", "text/csv", None)
    try:
        for number in range(megabytes):
            handler.receive_data_chunk(MEGABYTE, number * len(MEGABYTE))
    except SkipFile:
        assert has_too_large_file(request)
        return True
    return False


@pytest.mark.parametrize(("megabytes", "is_dropped"), [(1, False), (2, True)])
def test_strangers_fill_no_disk(megabytes: int, is_dropped: bool) -> None:
    assert upload(AnonymousUser(), megabytes) is is_dropped


@pytest.mark.parametrize(("megabytes", "is_dropped"), [(3, False), (4, True)])
def test_people_bring_what_the_setting_allows(megabytes: int, is_dropped: bool, settings: Any) -> None:
    settings.IMPORT_MAX_MB = 3

    assert upload(User(email="ops@accord.example"), megabytes) is is_dropped
