from __future__ import annotations

from leads.management.importing import ImportCommand


class Command(ImportCommand):
    help = "Import past decisions of sales on leads from a CSV or XLSX file."
    kind = "dispositions"
