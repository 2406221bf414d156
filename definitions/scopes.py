"""Scopes: several definitions of one motion in force beside each other, each for its market or product line (rules 3.13)."""

from __future__ import annotations

from definitions import version_documents
from definitions.lint import OtherDefinition
from definitions.models import Definition, Version


def list_coexisting(definition: Definition) -> list[Version]:
    """Return the versions in force of the other definitions of the same motion, the oldest definition first."""
    versions = Version.objects.active().filter(definition__motion=definition.motion).exclude(definition=definition.pk)
    return list(versions.select_related("definition").order_by("definition_id", "pk"))


def list_others_in_force(definition: Definition) -> tuple[OtherDefinition, ...]:
    """Return the other definitions in force of the same motion with their documents, for the linter."""
    return tuple(
        OtherDefinition(
            version.definition.name, version.definition.scope_label, version_documents.export_document(version)
        )
        for version in list_coexisting(definition)
    )
