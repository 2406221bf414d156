"""Receipts: signed verdicts on one lead at one instant, which anybody can check and recompute without the database."""
