from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.utils.decorators import method_decorator


# The admin's own sign-in knows neither rate limits nor a second factor: there is one door for all.
@method_decorator(secure_admin_login, name="login")
class AccordAdminSite(AdminSite):
    site_header = "Accord administration"
    site_title = "Accord"
    index_title = "Definitions, facts and promises"
