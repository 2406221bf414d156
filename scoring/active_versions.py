"""The versions in force, with their compiled rules. A signed version cannot change, so a process reads its document once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from definitions import version_documents
from definitions.models import Version
from definitions.vocabulary import VersionState
from scoring.engine.rules import Rules
from scoring.rule_compiler import compile_with_current_catalogue


def list_active_versions() -> list[Version]:
    """Return the version in force of each definition, in the order of their ids."""
    return list(Version.objects.active().select_related("definition").order_by("pk"))


def rules_of(version: Version) -> Rules:
    """Return the version's rules, compiled with today's catalogue of signals and named lists (rules 4.19)."""
    if version.state == VersionState.DRAFT:
        return compile_with_current_catalogue(version_documents.export_document(version))
    return compile_with_current_catalogue(_read_signed_document(version.pk))


@lru_cache(maxsize=64)
def _read_signed_document(pk: int) -> Mapping[str, Any]:
    """Return the document of a version that can no longer be edited; kept in the process."""
    return version_documents.export_document(Version.objects.select_related("definition").get(pk=pk))
