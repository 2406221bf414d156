from __future__ import annotations

from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils.decorators import method_decorator


# The admin's own sign-in has neither rate limits nor a second factor, so the admin uses the sign-in of the product.
@method_decorator(secure_admin_login, name="login")
class AccordAdminSite(AdminSite):
    site_header = "Accord administration"
    site_title = "Accord"
    index_title = "Definitions, facts and promises"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def without_nul(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            """Refuse a NUL in the query: the admin's filters would pass it on to PostgreSQL, which accepts none."""
            if "%00" in request.META["QUERY_STRING"]:
                raise BadRequest
            return guarded(request, *args, **kwargs)

        return without_nul
