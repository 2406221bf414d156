"""Judgement of leads by definitions: the engine, scores, qualifications (each one is an MQL), explanations, backtests.

The app imports `definitions` and `leads`. `scoring.engine` is the only place where a definition is interpreted.
"""
