"""The presets: complete, judged as they are described, and with exactly the lint findings that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions import presets
from scoring.engine.judge import judge
from scoring.engine.timeline import DAY, EVER
from scoring.engine.verdict import Axes, Verdicts, verdict
from tests.definitions.lint_cases import MEANINGS, compile_rules, complete_document, finding_codes
from tests.scoring.random_companies import facts_of
from tests.scoring.reference import Event, Lead

T = 1_750_000_000_000_000
CODES = {
    "three_components": {"advice.two_actions": "advice"},
    "one_score": {
        "loose.low_intent": "error",
        "loose.fit_does_not_gate": "error",
        "timing.nothing_ages": "error",
        "exclusions.none": "warning",
    },
    "written_criteria": {
        "loose.single_action": "error",
        "loose.low_intent": "error",
        "timing.nothing_ages": "error",
        "exclusions.none": "warning",
    },
    "three_axes": {
        "no_behavioural_component": "error",
        "loose.low_intent": "error",
        "loose.fit_does_not_gate": "error",
        "timing.none": "warning",
        "exclusions.none": "warning",
    },
    "two_bars": {
        "timing.none": "warning",
        "fit.by_points_only": "advice",
        "advice.points_without_signal": "advice",
        "advice.two_actions": "advice",
    },
    "checklist": {"loose.single_action": "error", "timing.nothing_ages": "error", "exclusions.none": "warning"},
    "hand_raise": {
        "loose.fit_does_not_gate": "warning",
        "timing.nothing_ages": "warning",
        "exclusions.none": "warning",
    },
    "product_usage": {},
    "account": {},
}


def load_document(code: str) -> dict[str, Any]:
    return complete_document(presets.load_preset(code).document)


def judge_lead(code: str, *signals: str, age: int = 0, **profile: object) -> Verdicts:
    events = tuple(Event(T - age * DAY, signal, asset) for asset, signal in enumerate(signals))
    row = {name.replace("__", "."): value for name, value in profile.items()}
    return judge(compile_rules(load_document(code)), facts_of([Lead(events, ((EVER, row),))]), [0], [T])


def meets(code: str, *signals: str, age: int = 0, **profile: object) -> bool:
    return bool(judge_lead(code, *signals, age=age, **profile).meets[0])


def test_all_presets_have_titles_and_descriptions() -> None:
    offered = presets.load_presets()

    assert [preset.code for preset in offered] == list(CODES)
    assert all(preset.title and preset.description.count(".") >= 2 for preset in offered)


@pytest.mark.parametrize("preset", presets.load_presets(), ids=lambda preset: preset.code)
def test_a_preset_is_complete_and_has_its_known_faults(preset: presets.Preset) -> None:
    assert complete_document(preset.document) == preset.document
    assert finding_codes(load_document(preset.code)) == CODES[preset.code]


@pytest.mark.parametrize(
    ("fit", "engagement", "bant", "qualifies"),
    [
        *((20, 79, 0, False), (20, 80, 0, True), (0, 100, 0, True)),
        *((59, 40, 0, False), (60, 75, 0, True), (60, 39, 0, False)),
        *((40, 50, 59, False), (40, 50, 60, True), (39, 50, 60, False), (40, 49, 60, False)),
    ],
)
def test_three_axes_hold_exactly_from_their_thresholds(
    *, fit: int, engagement: int, bant: int, qualifies: bool
) -> None:
    assert bool(_path_of_three_axes(fit, engagement, bant).any()) is qualifies


@pytest.mark.parametrize(
    ("fit", "engagement", "holds"), [(59, 75, False), (60, 74, False), (60, 75, True), (59, 100, False)]
)
def test_the_second_path_of_three_axes_needs_60_and_75(*, fit: int, engagement: int, holds: bool) -> None:
    assert bool(_path_of_three_axes(fit, engagement, 0)[1]) is holds


def _path_of_three_axes(fit: float, engagement: float, bant: float) -> Any:
    rules = compile_rules(load_document("three_axes"))
    none = {tally: np.zeros(1, dtype=np.int32) for tally in rules.tallies}
    amounts = (np.array([float(amount)]) for amount in (fit, engagement, bant))
    axes = Axes(*amounts, np.array([1], dtype=np.int8), np.array([False]), np.array([0]), np.array([0]), none)
    alone = [
        compile_rules(load_document("three_axes") | {"paths": [path], "hot": []})
        for path in load_document("three_axes")["paths"]
    ]
    return np.array([verdict(amount, axes).meets[0] for amount in alone])


def test_mail_opens_stop_at_ten_points_in_two_bars() -> None:
    assert judge_lead("two_bars", *["email_open"] * 5).engagement[0] == 10
    assert judge_lead("two_bars", *["email_open"] * 6).engagement[0] == 10


def test_two_bars_must_both_be_cleared() -> None:
    good = {"company__industry": "Logistics", "company__employees": 80.0, "lead__title": "Head of Operations"}

    assert meets("two_bars", "pricing_view", "pricing_view", **good)
    assert not meets("two_bars", "pricing_view", "webinar_attended", **good)
    assert not meets("two_bars", "pricing_view", "pricing_view", **good | {"company__employees": 20.0})
    assert not meets("two_bars", "pricing_view", "pricing_view", **good, lead__email_domain="state.edu")


def test_three_pricing_pages_in_a_day_are_hot_and_a_recorded_demo_is_not() -> None:
    assert judge_lead("three_axes", *["pricing_view"] * 3).tier[0] == 1
    assert not meets("three_axes", *["pricing_view"] * 2)
    assert judge_lead("three_axes", "live_demo_attended").tier[0] == 1
    assert not meets("three_axes", "demo_video_watched", "webinar_recording")


def test_one_score_counts_two_webinars_as_fifty() -> None:
    assert meets("one_score", "webinar_attended", "demo_request", age=400)
    assert not meets("one_score", "webinar_attended", "pricing_view", "ebook_download")


def test_three_components_need_all_three() -> None:
    right = {
        "company__employees": 80.0,
        "company__industry": "SaaS",
        "company__country": "US",
        "company__business_model": "B2B",
    }

    assert meets("three_components", "demo_request", **right)
    assert not meets("three_components", "demo_request", **right | {"company__employees": 501.0})
    assert not meets("three_components", "pricing_view", **right)
    assert not meets("three_components", "demo_request", age=31, **right)


def test_written_criteria_accept_any_of_three_paths() -> None:
    right = {"company__employees": 300.0, "company__industry": "SaaS", "lead__seniority": "manager"}

    assert meets("written_criteria", "webinar_attended", **right)
    assert meets("written_criteria", "ebook_download", "guide_download", "pricing_view", **right)
    assert not meets("written_criteria", "ebook_download", "pricing_view", **right)
    assert not meets("written_criteria", "webinar_attended", **right | {"lead__seniority": "intern"})


def test_the_checklist_needs_title_industry_and_one_of_two_actions() -> None:
    right = {"company__industry": "Logistics", "lead__title": "Procurement lead"}

    assert meets("checklist", "pricing_view", **right)
    assert not meets("checklist", "webinar_attended", **right)
    assert not meets("checklist", "demo_request", lead__title="Procurement lead")


@settings(max_examples=25, deadline=None)
@given(
    signals=st.lists(
        st.sampled_from(sorted(code for code, meaning in MEANINGS.items() if not meaning.is_request)), max_size=60
    )
)
def test_only_a_hand_raise_qualifies_in_the_hand_raise_preset(signals: list[str]) -> None:
    assert not meets("hand_raise", *signals)
    assert meets("hand_raise", *signals, "pricing_inquiry")


def test_two_things_done_in_the_product_make_a_pql() -> None:
    profile = {"company__employees": 200, "lead__email_domain": "fit.example"}

    assert meets("product_usage", "trial_activated", "teammates_invited", **profile)
    assert meets("product_usage", "usage_limit_reached", "billing_viewed", **profile)
    assert not meets("product_usage", "trial_activated", "usage_limit_reached", **profile)
    assert not meets("product_usage", "trial_activated", "teammates_invited", age=20, **profile)
    assert not meets("product_usage", "demo_request", "pricing_view", **profile)
