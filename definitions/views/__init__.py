"""The pages of the agreement: what is in force, the steps of a version, definitions to begin with, reviews."""

from __future__ import annotations
