from __future__ import annotations

from django.urls import URLPattern, path

from scoring.views import backtests, blind_rules, comparisons, draft_figures

urlpatterns: list[URLPattern] = [
    path("blind-rules/", blind_rules.blind_rules, name="blind_rules"),
    path("blind-rules/<int:pk>/leads/", blind_rules.blind_rule_leads, name="blind_rule_leads"),
    path("blind-rules/<int:pk>/close/", blind_rules.blind_rule_close, name="blind_rule_close"),
    path("quick-figures/", draft_figures.quick_figures, name="quick_figures"),
    path("comparisons/<int:pk>/<int:other>/", comparisons.comparison, name="comparison"),
    path("comparisons/<int:pk>/<int:other>.csv", comparisons.comparison_csv, name="comparison_csv"),
    path("replays/<int:pk>/", comparisons.replay, name="replay"),
    path("backtests/version/<int:pk>/", backtests.version_backtests, name="version_backtests"),
    path("backtests/<int:pk>/", backtests.backtest, name="backtest"),
    path("backtests/<int:pk>/cancel/", backtests.backtest_cancel, name="backtest_cancel"),
    path("backtests/<int:pk>/what-if/", backtests.what_if, name="what_if"),
    path("backtests/<int:pk>/<slug:table>.csv", backtests.backtest_csv, name="backtest_csv"),
]
