"""The reports: compliance, volume, yield, cohorts, and the monitor that opens reviews of the rejection rate."""
