"""The outlook of an import: its first rows stored and judged in a transaction that is rolled back (rules 13.44)."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from config import lock_waits, outages
from leads.files.table_rows import FileRow
from leads.imports import file_imports, import_previews
from leads.imports.file_imports import FileImport
from leads.imports.import_previews import PreviewRow
from leads.models import Lead
from leads.vocabulary import Motion, Stage, stage_label
from scoring import active_versions
from scoring.live import due_leads
from scoring.models import Qualification, Score

log = logging.getLogger(__name__)

_GATE_VERDICTS: Final = {1: "pass", 0: "fail", -1: "unknown"}


class OutlookUnavailable(Exception):
    """The rows cannot be tried out now; the sentence says why."""


@dataclass(frozen=True, slots=True)
class GateOutlook:
    """The verdict of the gate of one version, by its name, on a lead: pass, fail or unknown."""

    version: str
    verdict: str


@dataclass(frozen=True, slots=True)
class LeadOutlook:
    """The summary stage that a lead would have after the import, and its motion; `tier` if it would be an MQL by it."""

    stage: Stage
    motion: Motion
    tier: int | None
    gates: Sequence[GateOutlook]

    @property
    def tone(self) -> str:
        return self.stage.tone

    @property
    def label(self) -> str:
        return stage_label(self.stage, self.motion)


@dataclass(frozen=True, slots=True)
class RowOutlook:
    row: PreviewRow
    lead: LeadOutlook | None


def preview_import(*, file: FileImport, rows: Sequence[FileRow], now: dt.datetime) -> list[RowOutlook]:
    """Return what each row would become, and leave nothing behind. Raises OutlookUnavailable.

    The rows are stored by the import's own code and judged by the live loop's, so the outlook is what will happen if
    nothing else changes. Only sequences move on.
    """
    try:
        with lock_waits.limit_lock_waits():
            # Behind a long batch of an import the page would otherwise wait and hold its own locks.
            verdicts = file_imports.judge_rows(rows, file, now)
            previews = import_previews.build_preview(file, rows, verdicts, now)
            outlooks = _judge_leads(file, previews, now)
            transaction.set_rollback(True)
    except lock_waits.RowContended:
        raise OutlookUnavailable("Some of these leads are being changed right now. Look again in a moment.") from None
    return [RowOutlook(row, outlooks.get(row.verdict.subject_id or 0)) for row in previews]


def _judge_leads(file: FileImport, previews: Sequence[PreviewRow], now: dt.datetime) -> Mapping[int, LeadOutlook]:
    """Judge the leads of the rows as the live loop would, and return their outlooks by lead id."""
    if file.plan.kind.name != "leads":
        return {}
    # A lead that is merged into another one is judged as that one (rules 13.50).
    stored_ids = {row.verdict.subject_id for row in previews if row.verdict.subject_id is not None}
    aliases = Lead.objects.filter(pk__in=stored_ids, merged_into__isnull=False)
    people = dict.fromkeys(stored_ids) | dict(aliases.values_list("pk", "merged_into_id"))
    lead_ids = sorted({standing_id or lead_id for lead_id, standing_id in people.items()})
    try:
        with transaction.atomic():
            due_leads.rescore_leads(lead_ids=lead_ids, now=now)
    except Exception as error:
        if outages.is_outage(error):
            raise
        # A lead that cannot be judged stops the live loop no more than this page.
        log.exception("The leads of a preview could not be judged.")
        return {}
    outlooks = _read_outlooks(lead_ids, now)
    return {lead_id: outlooks[standing_id or lead_id] for lead_id, standing_id in people.items()}


def _read_outlooks(lead_ids: Sequence[int], now: dt.datetime) -> Mapping[int, LeadOutlook]:
    versions = {version.pk: str(version) for version in active_versions.list_active_versions()}
    gates: dict[int, list[GateOutlook]] = {lead_id: [] for lead_id in lead_ids}
    for score in Score.objects.filter(lead_id__in=lead_ids, version_id__in=versions).order_by("definition_id"):
        gates[score.lead_id].append(GateOutlook(versions[score.version_id], _GATE_VERDICTS[score.gate]))
    new_mqls = Qualification.objects.filter(lead_id__in=lead_ids, recorded_at=now)
    tiers = dict(new_mqls.order_by("-tier").values_list("lead_id", "tier"))
    rows = Lead.objects.filter(pk__in=lead_ids).values_list("pk", "stage", "stage_motion")
    stages = {pk: (Stage(stage), Motion(motion)) for pk, stage, motion in rows}
    return {lead_id: LeadOutlook(*stages[lead_id], tiers.get(lead_id), gates[lead_id]) for lead_id in lead_ids}
