"""Figures for people who edit a version: other thresholds, quick figures of a draft, and the cache behind them."""
