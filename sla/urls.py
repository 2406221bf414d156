from __future__ import annotations

from django.urls import URLPattern, path

from sla.views import alerts, decisions, handoffs, home, notices, nurture, queue, reports, steps, unrouted

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("queue/", queue.queue, name="queue"),
    path("queue/decide/", decisions.decide_several, name="queue_decide"),
    path("queue/filters/", queue.save_filter, name="filter_save"),
    path("queue/filters/<int:pk>/delete/", queue.forget_filter, name="filter_forget"),
    path("handoffs/<int:pk>/", handoffs.handoff, name="handoff"),
    path("handoffs/<int:pk>/accept/", decisions.accept, name="handoff_accept"),
    path("handoffs/<int:pk>/reject/", decisions.reject, name="handoff_reject"),
    path("handoffs/<int:pk>/undo/", decisions.undo, name="handoff_undo"),
    path("handoffs/<int:pk>/attempts/", steps.log_attempt, name="handoff_attempt"),
    path("handoffs/<int:pk>/notes/", steps.write_note, name="handoff_note"),
    path("handoffs/<int:pk>/correct/", steps.correct, name="handoff_correct"),
    path("handoffs/<int:pk>/meeting/", steps.book_meeting, name="handoff_meeting"),
    path("handoffs/<int:pk>/qualify/", steps.qualify, name="handoff_qualify"),
    path("handoffs/<int:pk>/opportunity/", steps.open_opportunity, name="handoff_opportunity"),
    path("handoffs/<int:pk>/win/", steps.win, name="handoff_win"),
    path("handoffs/<int:pk>/lose/", steps.lose, name="handoff_lose"),
    path("handoffs/<int:pk>/assign/", handoffs.assign, name="handoff_assign"),
    path("unrouted/", unrouted.unrouted, name="unrouted"),
    path("nurture/", nurture.nurture_list, name="nurture"),
    path("overview/", home.overview, name="overview"),
    path("reports/sla/", reports.sla_report, name="sla_report"),
    path("reports/sla.csv", reports.sla_export, name="sla_export"),
    path("reports/sla/promises/", reports.sla_rows, name="sla_rows"),
    path("notices/", notices.notice_list, name="notices"),
    path("notices/read/", notices.mark_read, name="notices_read"),
    path("notices/retry/", notices.try_again, name="notices_retry"),
    path("alerts/", alerts.settings, name="alerts"),
    path("alerts/test/", alerts.send_test, name="alerts_test"),
]
