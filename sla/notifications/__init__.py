"""Notices to people: the outbox, its deliveries by e-mail and Slack, and each person's preferences."""
