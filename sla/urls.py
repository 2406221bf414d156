from __future__ import annotations

from django.urls import URLPattern, path

from sla.views import handoffs, home, notices, nurture, queue, reports, unrouted

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("queue/", queue.queue, name="queue"),
    path("handoffs/<int:pk>/", handoffs.handoff, name="handoff"),
    path("handoffs/<int:pk>/accept/", handoffs.accept, name="handoff_accept"),
    path("handoffs/<int:pk>/reject/", handoffs.reject, name="handoff_reject"),
    path("handoffs/<int:pk>/attempts/", handoffs.log_attempt, name="handoff_attempt"),
    path("handoffs/<int:pk>/meeting/", handoffs.book_meeting, name="handoff_meeting"),
    path("handoffs/<int:pk>/qualify/", handoffs.qualify, name="handoff_qualify"),
    path("handoffs/<int:pk>/opportunity/", handoffs.open_opportunity, name="handoff_opportunity"),
    path("handoffs/<int:pk>/win/", handoffs.win, name="handoff_win"),
    path("handoffs/<int:pk>/lose/", handoffs.lose, name="handoff_lose"),
    path("handoffs/<int:pk>/assign/", handoffs.assign, name="handoff_assign"),
    path("unrouted/", unrouted.unrouted, name="unrouted"),
    path("nurture/", nurture.nurture_list, name="nurture"),
    path("overview/", home.overview, name="overview"),
    path("reports/sla/", reports.sla_report, name="sla_report"),
    path("reports/sla.csv", reports.sla_export, name="sla_export"),
    path("reports/sla/promises/", reports.sla_rows, name="sla_rows"),
    path("notices/", notices.notice_list, name="notices"),
    path("notices/read/", notices.mark_read, name="notices_read"),
]
