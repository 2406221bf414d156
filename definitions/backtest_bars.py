"""The bars and the smallest samples of a backtest's two numbers (rules 10.2 to 10.4). Pure."""

from __future__ import annotations

from typing import Final

COVERAGE_PERCENT: Final = 70
BIASED_PERCENT: Final = 95
#: From this share of missed wins on a version is called over-tightened, not only too tight.
OVER_TIGHTENED_PERCENT: Final = 60
PRECISION_PERCENT: Final = 15
WON_AT_LEAST: Final = 20
REJECTED_AT_LEAST: Final = 40
