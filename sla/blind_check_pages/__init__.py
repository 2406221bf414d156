"""Blind checks as a person sees them: the rounds with their progress, and results by team (rules 9.39)."""
