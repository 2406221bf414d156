"""The number of the engine's semantics, by which a receipt says what judged (rules 16.24)."""

from __future__ import annotations

from typing import Final

#: Raised whenever the same rules and facts may give another result than before: a score, an answer, a verdict or a tier.
#: `tests/scoring/engine/test_engine_version.py` notices that and says so. Other sentences in explanations do not count.
ENGINE_VERSION: Final = 2
#: Numbers whose receipts this engine recomputes: 2 judges documents that 1 knew as 1 did, and knows more of the language.
RECOMPUTED: Final = frozenset({1, ENGINE_VERSION})
