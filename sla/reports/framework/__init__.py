"""The framework of the reports: what a reader asked for, the shape of a report, and how its values are written. No figure."""
