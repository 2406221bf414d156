"""Store the facts that senders state: leads, companies, events, outcomes, opt-outs, readings of values."""
