"""Upgrades of a busy site: `manage.py migrate` that waits for locks in small steps. Imports no app."""
