"""A rep's queue of handoffs and its saved filters."""
