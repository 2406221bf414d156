"""Judgement by the agreement: the engine, scores, qualifications (each one is an MQL), explanations, backtests.

Third floor. Imports `definitions` and `leads`. `scoring.engine` is the only place where a definition is interpreted.
"""
