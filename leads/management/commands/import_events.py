from __future__ import annotations

from leads.management.importing import ImportCommand


class Command(ImportCommand):
    help = "Import events from a CSV or XLSX file."
    kind = "events"
