"""The 60-day plan that overhauls a definition: steps, figures before and now, interviews (rules 12.66 to 12.68)."""
