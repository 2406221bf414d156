"""The versions in force, with their compiled rules. A signed version cannot change, so a process reads its document once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from definitions import version_documents
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.vocabulary import Motion
from scoring.engine.rules import Rules
from scoring.rule_compiler import compile_with_current_catalogue


def list_active_versions() -> list[Version]:
    """Return the version in force of each definition that judges leads, in the order of their ids.

    Definitions of the motion AQL judge companies (scoring.account_judgement).
    """
    of_leads = Version.objects.active().exclude(definition__motion=Motion.AQL)
    return list(of_leads.select_related("definition").order_by("pk"))


def list_account_versions() -> list[Version]:
    """Return the versions in force that judge companies, in the order of their ids."""
    rows = Version.objects.active().filter(definition__motion=Motion.AQL, account__isnull=False)
    return list(rows.select_related("definition").order_by("pk"))


def rules_of(version: Version) -> Rules:
    """Return the version's rules, compiled with today's catalogue of signals and named lists (rules 4.19)."""
    return compile_with_current_catalogue(document_of(version))


def document_of(version: Version) -> Mapping[str, Any]:
    """Return the version's complete document; of a version that can no longer be edited it is read once."""
    if version.state == VersionState.DRAFT:
        return version_documents.export_document(version)
    return _read_signed_document(version.pk)


@lru_cache(maxsize=64)
def _read_signed_document(pk: int) -> Mapping[str, Any]:
    """Return the document of a version that can no longer be edited; kept in the process."""
    return version_documents.export_document(Version.objects.select_related("definition").get(pk=pk))
