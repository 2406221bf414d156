from __future__ import annotations

from leads.models.company import Attributed, Company, CompanyKey
from leads.models.data_set import ListEntry, ListEntryQuerySet, NamedList, ReferenceData
from leads.models.event import CompanyEvent, Event, Signal
from leads.models.file_import import (
    ImportFile,
    ImportFilePart,
    ImportMap,
    ImportRefusedRow,
    ImportRun,
    ImportRunQuerySet,
)
from leads.models.guards import FrozenOnce, append_only, set_once
from leads.models.history import AttributeChange, ContactDecision, PersonChange
from leads.models.lead import EMAIL_DOMAIN, REVERSED_EMAIL_DOMAIN, Lead, LeadKey, LeadQuerySet
from leads.models.merge import DuplicateCandidate, LeadMerge, NotDuplicate
from leads.models.outcome import CountedWin, Outcome, OutcomeQuerySet, PastDisposition
from leads.models.reading import Spelling, ValueReading
from leads.models.rescore import AccountQueueEntry, CompanyRescore, MassRescore
from leads.models.stage import LeadStage, MalExit, StageChange

__all__ = [
    "EMAIL_DOMAIN",
    "REVERSED_EMAIL_DOMAIN",
    "AccountQueueEntry",
    "AttributeChange",
    "Attributed",
    "Company",
    "CompanyEvent",
    "CompanyKey",
    "CompanyRescore",
    "ContactDecision",
    "CountedWin",
    "DuplicateCandidate",
    "Event",
    "FrozenOnce",
    "ImportFile",
    "ImportFilePart",
    "ImportMap",
    "ImportRefusedRow",
    "ImportRun",
    "ImportRunQuerySet",
    "Lead",
    "LeadKey",
    "LeadMerge",
    "LeadQuerySet",
    "LeadStage",
    "ListEntry",
    "ListEntryQuerySet",
    "MalExit",
    "MassRescore",
    "NamedList",
    "NotDuplicate",
    "Outcome",
    "OutcomeQuerySet",
    "PastDisposition",
    "PersonChange",
    "ReferenceData",
    "Signal",
    "Spelling",
    "StageChange",
    "ValueReading",
    "append_only",
    "set_once",
]  # fmt: skip
