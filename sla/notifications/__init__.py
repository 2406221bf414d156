"""Notices to people: the outbox, its deliveries by e-mail and Slack, and how each person wants to be told."""
