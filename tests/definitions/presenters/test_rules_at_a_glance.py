from __future__ import annotations

import pytest

from definitions import presets
from definitions.presenters import rules_at_a_glance
from tests.definitions.lint_cases import NAMES, complete_document


@pytest.mark.parametrize("code", [preset.code for preset in presets.load_presets()])
def test_every_rule_of_every_preset_has_its_line(code: str) -> None:
    document = complete_document(presets.load_preset(code).document)
    blocks = {block.title: block.lines for block in rules_at_a_glance.build_blocks(document, NAMES)}

    for part, title in (("gate", "Gate: all must pass"), ("fit", "Fit points"), ("bant", "BANT points")):
        assert len(blocks.get(title, [])) == len(document[part])
    names = [line.name for lines in blocks.values() for line in lines if line.name]
    assert names == [row["name"] for row in [*document["paths"], *document["hot"]]]
    points = [line.points for line in blocks.get("Signal points (≤ in all)", [])]
    assert points == list(dict.fromkeys(row["points"] for row in document["signals"]))
    assert ("Never" in blocks) == bool(document["disqualifiers"])
    if document["paths"]:
        assert ("Paths: any one, with the timing" in blocks) == bool(document["timing"])


def test_signals_of_the_same_points_stand_together_with_their_caps() -> None:
    signals = [
        {"signal": "ebook_download", "points": 5, "cap": 10, "rationale": "So."},
        {"signal": "demo_request", "points": 50, "cap": None, "rationale": "So."},
        {"signal": "guide_download", "points": 5, "cap": None, "rationale": "So."},
        {"signal": "unsubscribe", "points": -30, "cap": -30, "rationale": "So."},
    ]
    document = complete_document({**presets.load_preset("hand_raise").document, "signals": signals})
    blocks = {block.title: block.lines for block in rules_at_a_glance.build_blocks(document, NAMES)}

    lines = [(line.text.replace("\u00a0", " "), line.points) for line in blocks["Signal points (≤ in all)"]]

    assert lines == [
        ("E-book download ≤ 10, Guide download", 5),
        ("Demo request", 50),
        ("Unsubscribe ≥ -30", -30),
    ]
