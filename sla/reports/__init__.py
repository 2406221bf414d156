"""The reports: compliance, volume, yield, cohorts, and the leaders' overview."""
