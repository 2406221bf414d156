"""Suppressions: leads and companies that become no MQLs for a time, outside the definition (rules 9.17 to 9.20)."""
