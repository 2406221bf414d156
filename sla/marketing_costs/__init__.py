"""The costs of marketing: entering and correcting them, reading them from files, and their parts of a period."""
