"""The SLA clocks of handoffs, and the do-not-contact rule that stops them."""
