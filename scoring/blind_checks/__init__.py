"""Blind checks: the leads of a round, the answers of people, and how far they agree (rules 9.36 to 9.41)."""
