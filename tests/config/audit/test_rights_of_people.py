"""Whoever grants or takes a role leaves an entry in the audit (rules 17.16)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.audit import sealing
from config.audit.models import PersonRights, RoleGrant, SealedEntry
from config.audit.vocabulary import Operation
from tests.config.audit.tampering import find_faults
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def read_changes(model: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return operation and content of all entries of a table, in their order."""
    sealing.seal_all()
    entries = SealedEntry.objects.filter(table_name=model._meta.db_table).order_by("position")
    return [(entry.operation, json.loads(entry.content)) for entry in entries]


def save_in_admin(person: User, **changes: Any) -> None:
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = reverse("admin:accounts_user_change", args=[person.pk])
    columns = {"email": person.email, "time_zone": "UTC", "is_active": "on"} | {
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"
    }  # fmt: skip

    assert client.post(page, columns | changes).status_code == 302


def test_a_role_that_is_granted_and_taken_in_the_admin_is_recorded_both_times() -> None:
    person, ops = UserFactory(), Group.objects.get(name=Role.MARKETING_OPS)
    before = len(read_changes(RoleGrant))

    save_in_admin(person, groups=[ops.pk])
    save_in_admin(person)

    changes = [
        (operation, content["user_id"], content["group_id"]) for operation, content in read_changes(RoleGrant)[before:]
    ]
    assert changes == [(Operation.INSERT, person.pk, ops.pk), (Operation.DELETE, person.pk, ops.pk)]
    assert find_faults() == []


def test_the_right_to_do_everything_is_recorded_and_names_are_not() -> None:
    person = UserFactory()
    before = len(read_changes(PersonRights))

    User.objects.filter(pk=person.pk).update(first_name="Ada", last_login=None)
    User.objects.filter(pk=person.pk).update(is_superuser=True)

    assert read_changes(PersonRights)[before:] == [(Operation.UPDATE, {"is_superuser": True})]
    assert "Ada" not in str(read_changes(PersonRights))


def test_a_role_granted_past_the_trigger_is_found() -> None:
    person, ops = UserFactory(), Group.objects.get(name=Role.MARKETING_OPS)
    table = RoleGrant._meta.db_table

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        grant = RoleGrant.objects.create(user_id=person.pk, group=ops)
        cursor.execute("SET LOCAL session_replication_role = origin")

    assert [fault for fault in find_faults() if f"{table} {grant.pk}" in fault]
