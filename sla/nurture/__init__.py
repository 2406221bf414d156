"""Leads in nurture: recycling with a re-engagement date, and the tasks of marketing."""
