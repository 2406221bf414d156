"""SLA clocks of handoffs: their start, meeting, breach and cancellation."""
