"""Backtests: the run over history, coverage and precision, lost wins, signal lift, statistics, charts."""
