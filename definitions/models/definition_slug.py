from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models

from definitions.models.definition import Definition


class DefinitionSlug(models.Model):
    """A slug that a definition has, or had before it was renamed: links with it still lead there (rules 9.25).

    A trigger of the definition writes the row, so that no slug ever leads to two definitions.
    """

    slug = models.SlugField(max_length=120, unique=True)
    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="slugs")

    class Meta:
        triggers: ClassVar = [
            pgtrigger.Protect(name="definition_slugs_stay", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="slugs_of_versions_stay",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func="""
                    IF EXISTS (SELECT FROM definitions_version v WHERE v.definition_id = OLD.definition_id) THEN
                        RAISE EXCEPTION 'pgtrigger: the slugs of a definition with versions stay';
                    END IF;
                    RETURN OLD;
                """,
            ),
            pgtrigger.Trigger(
                name="slug_is_the_definitions",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (
                        SELECT FROM definitions_definition d WHERE d.id = NEW.definition_id AND d.slug = NEW.slug
                    ) THEN
                        RAISE EXCEPTION 'pgtrigger: a definition takes its own slug only';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.slug
