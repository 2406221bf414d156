"""Scopes: several definitions of one motion in force beside each other, each for its market or product line (rules 3.13)."""

from __future__ import annotations

from definitions import version_documents
from definitions.lint import OtherDefinition, find_scope_field
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


def find_scope_fields(version: Version) -> frozenset[str]:
    """Return the fields on which the gate of a version tells its scope (rules 8.36); empty: it has none, or no field tells it.

    From each other scope in force of the motion it is the first field on which no lead passes both gates. Where no other one
    is in force, or none is told apart, it is the first field by which markets and products differ.
    """
    if not version.definition.scope:
        return frozenset()
    document = version_documents.export_document(version)
    others = [version_documents.export_document(other) for other in list_coexisting(version.definition)]
    apart = {find_scope_field(document, other) for other in others} - {None}
    return frozenset(field for field in apart or {find_scope_field(document)} if field is not None)
