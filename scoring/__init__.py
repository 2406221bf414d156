"""Judgement of leads and companies by definitions: the engine, scores, qualifications, explanations, backtests.

The app imports `definitions` and `leads`. `scoring.engine` is the only place where a definition is interpreted.
"""
