"""Wishes to judge leads and companies again, as dated rows."""
