from __future__ import annotations

from django.apps import AppConfig


class UpgradesConfig(AppConfig):
    name = "config.upgrades"
    label = "upgrades"
