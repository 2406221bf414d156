"""The weekly meeting of both sides: prepared each Monday, written in together, closed and sent (rules 12.57 to 12.61)."""
