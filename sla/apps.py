from __future__ import annotations

from django.apps import AppConfig


class SlaConfig(AppConfig):
    name = "sla"

    def ready(self) -> None:
        """Give the apps below what only this one knows: reasons of dispositions and drafts, decisions of sales, rates for reviews."""
        from definitions import reviews  # noqa: PLC0415  # models may be imported only when all apps are loaded
        from definitions.presenters import draft_reasons  # noqa: PLC0415  # as above: of models
        from leads.imports import file_imports  # noqa: PLC0415  # as above: of models
        from leads.stages import mal_exits  # noqa: PLC0415  # as above: of models
        from scoring.backtests import account_decisions  # noqa: PLC0415  # as above: of models
        from sla.handoffs import past_disposition_files, reinstatements  # noqa: PLC0415  # as above: of models
        from sla.plays import play_decisions  # noqa: PLC0415  # as above: of models
        from sla.reports import rejection_digests  # noqa: PLC0415  # as above: of models
        from sla.review_triggers import calendar_check  # noqa: PLC0415  # as above: of models

        file_imports.register_store("dispositions", past_disposition_files.store_items)
        mal_exits.register_closed_reader(reinstatements.is_closed_for_good)
        account_decisions.register_reader(play_decisions.read_decisions)
        reviews.register_pack_reader(calendar_check.collect_pack)
        draft_reasons.register_reader("digest", rejection_digests.read_reason)
