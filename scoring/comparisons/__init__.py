"""Comparisons: of two versions on the same leads, and of a version's replay with the MQLs that were made under it."""
