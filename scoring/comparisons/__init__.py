"""Two versions on the same leads, and a version replayed against the MQLs that were made under it."""
