"""Compliance, volume, yield and cohort reports, and the monitor that opens reviews of the rejection rate."""
