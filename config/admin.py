from __future__ import annotations

from django.contrib.admin import AdminSite


class AccordAdminSite(AdminSite):
    site_header = "Accord administration"
    site_title = "Accord"
    index_title = "Definitions, facts and promises"
