"""The versions in force, with their compiled rules. A signed version cannot change, so a process compiles it once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from definitions import version_basis, version_documents
from definitions.document.basis import Basis
from definitions.models import Backtest, Version
from definitions.vocabulary import VersionState
from leads.vocabulary import Motion
from scoring.engine.rules import Rules
from scoring.rule_compiler import compile_with_basis, compile_with_current_catalogue


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
    """Return the version's compiled rules: with the basis that it keeps or, of a draft, as of today (rules 4.19, 9.18)."""
    if version.state == VersionState.DRAFT:
        return compile_with_current_catalogue(document_of(version))
    return _compile_signed(version.pk)


def basis_of(version: Version) -> Basis:
    """Return what the version is judged with besides its document (rules 9.18)."""
    return version_documents.read_basis(version)


def rules_of_backtest(backtest: Backtest) -> Rules:
    """Return the rules that a backtest judges: its document with the basis of its request (rules 10.7)."""
    return compile_with_basis(backtest.document, basis_of_backtest(backtest))


def basis_of_backtest(backtest: Backtest) -> Basis:
    """Return the basis of a backtest; of one from before versions kept theirs it is that of today."""
    if backtest.basis is None:
        return version_basis.read_present_basis(backtest.document)
    return version_basis.read_kept_basis(backtest.basis)


def document_of(version: Version) -> Mapping[str, Any]:
    """Return the version's complete document; of a version that can no longer be edited it is read once."""
    if version.state == VersionState.DRAFT:
        return version_documents.export_document(version)
    return _read_signed_document(version.pk)


@lru_cache(maxsize=64)
def _compile_signed(pk: int) -> Rules:
    """Return the rules of a version that can no longer be edited, nor can its basis; kept in the process."""
    version = Version.objects.select_related("definition").get(pk=pk)
    return compile_with_basis(_read_signed_document(pk), basis_of(version))


@lru_cache(maxsize=64)
def _read_signed_document(pk: int) -> Mapping[str, Any]:
    """Return the document of a version that can no longer be edited; kept in the process."""
    return version_documents.export_document(Version.objects.select_related("definition").get(pk=pk))
