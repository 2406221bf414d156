from __future__ import annotations

from django.urls import URLPattern, path

from scoring.views import backtests, blind_rules, comparisons, draft_figures, imports, mals, recency_validations

urlpatterns: list[URLPattern] = [
    path("blind-rules/", blind_rules.blind_rules, name="blind_rules"),
    path("blind-rules/<int:pk>/leads/", blind_rules.blind_rule_leads, name="blind_rule_leads"),
    path("blind-rules/<int:pk>/close/", blind_rules.blind_rule_close, name="blind_rule_close"),
    path("imports/", imports.import_list, name="import_list"),
    path("imports/new/", imports.import_new, name="import_new"),
    path("imports/files/<int:file>/", imports.import_mapping, name="import_mapping"),
    path("imports/files/<int:file>/reading/", imports.import_reading, name="import_reading"),
    path("imports/files/<int:file>/preview/", imports.import_preview, name="import_preview"),
    path("imports/files/<int:file>/start/", imports.import_start, name="import_start"),
    path("imports/files/<int:file>/delete/", imports.import_discard, name="import_discard"),
    path("imports/<int:pk>/", imports.import_run, name="import_run"),
    path("imports/<int:pk>/cancel/", imports.import_cancel, name="import_cancel"),
    path("imports/<int:pk>/again/", imports.import_again, name="import_again"),
    path("imports/<int:pk>/rejected", imports.import_rejected, name="import_rejected"),
    path("mals/", mals.mal_list_page, name="mals"),
    path("mals/export.csv", mals.mal_export, name="mals_export"),
    path("mals/gate-unknown/", mals.gate_unknown, name="gate_unknown"),
    path("mals/gate-unknown/export.csv", mals.gate_unknown_export, name="gate_unknown_export"),
    path("mals/recency/", recency_validations.recency_list_page, name="recency_validations"),
    path("mals/recency/export.csv", recency_validations.recency_export, name="recency_validations_export"),
    path("mals/recency/<int:pk>/", recency_validations.recency_validation, name="recency_validation"),
    path("mals/recency/<int:pk>/assign/", recency_validations.recency_assign, name="recency_validation_assign"),
    path("mals/recency/<int:pk>/close/", recency_validations.recency_close, name="recency_validation_close"),
    path("mals/left/", mals.left_list, name="mals_left"),
    path("mals/left/export.csv", mals.left_export, name="mals_left_export"),
    path("mals/leave/", mals.mals_leave, name="mals_leave"),
    path("mals/return/", mals.mals_return, name="mals_return"),
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
