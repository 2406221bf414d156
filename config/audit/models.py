"""The entries of the audit: those that wait to be sealed, and the chain of those that are.

Only functions of the database write here (migration 0001); the application's role reads.
"""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from config.accounts.models import User
from config.audit.triggers import AuditTrigger, OwnerWrites
from config.audit.vocabulary import HASH_LENGTH, Operation


class AuditEntry(models.Model):
    """The columns of an entry: what was done to a governed row.

    `content` is a JSON object. Of a new, found or deleted row it holds all governed columns, of an update those that
    changed. A personal column stands there as the SHA-256 of salt, name and value, so that the salt alone has to go
    when the value is erased (rules 17.19).
    """

    table_name = models.CharField(max_length=63)
    row_id = models.BigIntegerField()
    operation = models.CharField(max_length=6, choices=Operation.choices)
    at = models.DateTimeField()
    role = models.CharField(max_length=63, help_text="The role that signed in at the database.")
    salt = models.UUIDField(null=True, help_text="Empty: no personal column, or erased.")
    content = models.TextField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.operation} {self.table_name} {self.row_id}"


class UnsealedEntry(AuditEntry):
    """An entry as its trigger wrote it, in the transaction of the change; sealing moves it into the chain."""

    id = models.BigAutoField(primary_key=True)

    class Meta:
        triggers: ClassVar = [
            OwnerWrites(name="owner_writes_unsealed", operation=pgtrigger.Update),
            pgtrigger.ReadOnly(name="unsealed_entries_stay", exclude=["salt"]),
            pgtrigger.Protect(
                name="unsealed_salts_only_go",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(new__salt__isnull=False),
            ),
        ]


class SealedEntry(AuditEntry):
    """A link of the chain: an entry with its place and the hash over it and the hash before (rules 17.17)."""

    position = models.BigIntegerField(primary_key=True)
    # Unique, so that the chain cannot fork.
    previous = models.CharField(max_length=HASH_LENGTH, unique=True)
    hash = models.CharField(max_length=HASH_LENGTH)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="chain_begins_at_1", condition=Q(position__gte=1))]
        indexes: ClassVar = [
            # Read by config.audit.row_check and by erasures: the history of one row.
            models.Index(fields=["table_name", "row_id", "position"], name="sealed_entries_of_row"),
        ]
        triggers: ClassVar = [
            OwnerWrites(name="owner_writes_sealed", operation=pgtrigger.Update),
            pgtrigger.Protect(name="sealed_entries_are_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="sealed_entries_stay", exclude=["salt"]),
            pgtrigger.Protect(
                name="sealed_salts_only_go", operation=pgtrigger.Update, condition=pgtrigger.Q(new__salt__isnull=False)
            ),
        ]


class RoleGrant(User.groups.through):  # type: ignore[name-defined]  # Django makes the table of this relation by itself
    """A role that a person holds. Only the audit knows it by this name: whoever grants or takes a role leaves an entry."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar = [AuditTrigger()]


class PersonRights(User):
    """The rights of an account beside its roles: to sign in, to enter the admin, to do everything. Names stay out of the audit."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar = [
            AuditTrigger(
                outside=["password", "last_login", "first_name", "last_name", "email", "date_joined", "time_zone"]
            )
        ]
