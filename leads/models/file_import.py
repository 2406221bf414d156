"""Uploaded files, mappings and the runs that import them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from leads.vocabulary import DEFAULT_SOURCE, ImportState


class ImportFile(models.Model):
    """An uploaded file, kept in parts until some days after its import (rules 13.43), and the map chosen for it so far."""

    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16)
    source = models.CharField(max_length=64, default=DEFAULT_SOURCE)
    map = models.JSONField(default=dict)
    size = models.BigIntegerField(help_text="In bytes.")
    lines = models.PositiveIntegerField(help_text="Line feeds in the file; 0 for a workbook.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the content.")
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return self.name


class ImportFilePart(models.Model):
    """A part of an uploaded file, compressed by zlib."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "number"], name="import_part_once")]

    def __str__(self) -> str:
        return f"{self.file_id}, part {self.number}"


class ImportMap(models.Model):
    """A map of columns that people keep under a name, for files with the same headers."""

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=16)
    map = models.JSONField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("kind", Lower("name"), name="import_map_once")]

    def __str__(self) -> str:
        return self.name


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def pending(self) -> ImportRunQuerySet:
        """Return the imports of uploaded files that a worker has still to do. Those of commands have no stored file."""
        return self.filter(finished_at__isnull=True, file__isnull=False)


class ImportRun(models.Model):
    """The import of a file: its progress, so that it can be resumed (rules 13.7), and as a row the request to do it.

    A finished file that is imported again gets a further row, the next `repetition`, and the counts of the first stay.
    `attempts` is also the token of a claim: whoever claimed it with an older number can write nothing more. `stalls` is
    how often a worker lost it since its last batch.
    """

    kind = models.CharField(max_length=16)
    file_name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="Of the content, the map and the source.")
    content_digest = models.CharField(max_length=64, blank=True)
    repetition = models.PositiveIntegerField(default=0, help_text="How often the file had been imported before.")
    file = models.ForeignKey(ImportFile, on_delete=models.SET_NULL, null=True, related_name="runs")
    map = models.JSONField(default=dict)
    source = models.CharField(max_length=64, default=DEFAULT_SOURCE)
    header = models.JSONField(default=list)
    left_out = models.JSONField(default=list, help_text="The headers of columns that were not read.")
    columns = models.JSONField(
        default=list, help_text="Which target each column was read as: pairs of target and index."
    )
    reading_notes = models.JSONField(default=list, help_text="What was assumed when the file was read, as sentences.")
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    error = models.TextField(blank=True, help_text="Why the file as a whole could not be imported.")
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    stalls = models.PositiveSmallIntegerField(default=0)
    worked_at = models.DateTimeField(null=True)
    worked_seconds = models.FloatField(default=0)
    rescored_until = models.DateTimeField(null=True, help_text="The last rescoring that it has planned.")
    lines_total = models.PositiveIntegerField(default=0)
    lines_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=dict, help_text="The number of notes on accepted rows, by kind and field.")

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "digest", "repetition"], name="import_of_a_file_once")
        ]
        indexes: ClassVar = [
            # Read by pending_imports for the next import to do.
            models.Index(fields=["worked_at"], name="import_pending", condition=Q(finished_at__isnull=True)),
            # Read for earlier imports of a file that is uploaded again.
            models.Index(fields=["kind", "content_digest"], name="import_by_content"),
            # Read for the list of imports, the newest first.
            models.Index(fields=["-started_at", "-id"], name="import_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.file_name}"

    @property
    def state(self) -> ImportState:
        if self.cancelled_at is not None:
            return ImportState.CANCELLED
        if self.error:
            return ImportState.FAILED
        if self.finished_at is not None:
            return ImportState.DONE
        return ImportState.QUEUED if self.claimed_until is None and not self.lines_done else ImportState.RUNNING

    @property
    def is_pending(self) -> bool:
        return self.finished_at is None

    @property
    def is_complete(self) -> bool:
        """Tell whether the file was read to its end."""
        return not self.is_pending and not self.error and self.cancelled_at is None

    @property
    def rows_done(self) -> int:
        return self.created + self.updated + self.unchanged + self.rejected

    @property
    def rows_a_second(self) -> float:
        return self.rows_done / self.worked_seconds if self.worked_seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """The time that the rest will take at the present speed; None while nothing is known of it."""
        if not (self.lines_total and self.lines_done and self.worked_seconds):
            return None
        return max(self.lines_total - self.lines_done, 0) * self.worked_seconds / self.lines_done


class ImportRefusedRow(models.Model):
    """A row of a file that was refused. `cells` are a JSON list in ASCII: they may hold what PostgreSQL cannot store."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="refused_rows", db_index=False)
    line = models.PositiveIntegerField()
    field = models.CharField(max_length=200)
    reason = models.TextField()
    cells = models.TextField()
    address = models.CharField(
        max_length=254, db_default="", blank=True, help_text="Of a row refused for its e-mail address: the address."
    )
    taken_at = models.DateTimeField(null=True, help_text="Since when the row is stored under a mended address.")
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    taken_as = models.CharField(max_length=254, db_default="", blank=True, help_text="The mended address.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "line"], name="import_refusal_once")]
        indexes: ClassVar = [
            # Read by refused_addresses for the rows that wait under one address.
            models.Index(
                fields=["address", "id"],
                name="import_refused_address",
                condition=~Q(address="") & Q(taken_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.field} {self.reason}"
