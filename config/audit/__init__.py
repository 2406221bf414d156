"""The audit: one entry for each change of a governed row, chained by hashes. Imports no app."""
