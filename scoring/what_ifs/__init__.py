"""Figures while somebody edits: other thresholds, quick figures of a draft, and the cache behind them."""
