from __future__ import annotations

from django.apps import AppConfig

from leads.stages import primary_motion


class DefinitionsConfig(AppConfig):
    name = "definitions"

    def ready(self) -> None:
        """Tell the app below how to read the primary motion."""
        from definitions import motions  # noqa: PLC0415  # it needs the models, which are loaded by now

        primary_motion.register_reader(motions.read_primary_motion)
