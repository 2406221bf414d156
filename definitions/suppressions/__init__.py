"""Suppressions: leads and companies that become no MQLs for a time, outside the definition (rules 9.21 to 9.24)."""
