"""Account plays: made of companies that qualified, routed, worked by several threads, decided. No lead's row changes."""
