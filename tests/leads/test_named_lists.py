from __future__ import annotations

import pytest
from django.db import transaction

from leads import named_lists
from leads.models import ListEntry, NamedList

pytestmark = pytest.mark.django_db


@pytest.fixture
def competitors() -> NamedList:
    return NamedList.objects.get(name="competitors")


def test_contents_follow_every_change_of_the_entries(competitors: NamedList) -> None:
    contents = [named_lists.read_entries(["competitors"])["competitors"]]

    entry = ListEntry.objects.create(list=competitors, value="Rival.example")
    contents.append(named_lists.read_entries(["competitors"])["competitors"])
    ListEntry.objects.filter(pk=entry.pk).update(value="foe.example")
    contents.append(named_lists.read_entries(["competitors"])["competitors"])
    entry.delete()
    contents.append(named_lists.read_entries(["competitors"])["competitors"])

    assert contents == [frozenset(), frozenset({"rival.example"}), frozenset({"foe.example"}), frozenset()]


def test_entries_that_were_rolled_back_are_not_cached(competitors: NamedList) -> None:
    with transaction.atomic():
        ListEntry.objects.create(list=competitors, value="rival.example")
        assert named_lists.read_entries(["competitors"]) == {"competitors": {"rival.example"}}
        transaction.set_rollback(True)

    ListEntry.objects.create(list=competitors, value="foe.example")

    assert named_lists.read_entries(["competitors"]) == {"competitors": {"foe.example"}}


def test_an_unchanged_list_is_read_once(competitors: NamedList, django_assert_num_queries: object) -> None:
    named_lists.read_entries(["disposable_email"])

    with django_assert_num_queries(1):
        assert "mailinator.com" in named_lists.read_entries(["disposable_email"])["disposable_email"]
