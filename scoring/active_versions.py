"""The versions in force, compiled. What is signed cannot change, so its document is read once a process."""

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
    """Every definition's version in force."""
    return list(Version.objects.active().select_related("definition").order_by("pk"))


def rules_of(version: Version) -> Rules:
    """The version's rules, with today's catalogue of signals and named lists."""
    if version.state == VersionState.DRAFT:
        return compile_with_current_catalogue(version_documents.export(version))
    return compile_with_current_catalogue(_read_signed_document(version.pk))


@lru_cache(maxsize=64)
def _read_signed_document(pk: int) -> Mapping[str, Any]:
    return version_documents.export(Version.objects.select_related("definition").get(pk=pk))
