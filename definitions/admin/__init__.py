"""The stock admin: it edits drafts; from the proposal on, a version can only be read there."""

from __future__ import annotations

from definitions.admin.definition import DefinitionAdmin
from definitions.admin.version import VersionAdmin

__all__ = ["DefinitionAdmin", "VersionAdmin"]
