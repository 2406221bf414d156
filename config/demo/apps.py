from __future__ import annotations

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Register the demo for its management command `seed_demo`; it has no models."""

    name = "config.demo"
