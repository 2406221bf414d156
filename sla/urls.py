from __future__ import annotations

from django.urls import URLPattern, path

from sla.views import home, notices

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("notices/", notices.notice_list, name="notices"),
    path("notices/read/", notices.mark_read, name="notices_read"),
]
