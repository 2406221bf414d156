"""MQLs as reports read them: one row each, which the database marks as outdated and the next reader or the beat renews."""
