"""The log of changes to teams, reps, absences and rules, which Django's admin keeps."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.admin.models import LogEntry

from leads.models import append_only


class RosterChange(LogEntry):
    """An entry of Django's log of changes; entries are added, and then stay (rules 17.14)."""

    class Meta:
        proxy = True
        # Who may read it is for the pages that show it.
        default_permissions = ()
        triggers: ClassVar = [append_only("log_entries_stay")]
