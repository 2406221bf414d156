"""What the page of one handoff shows: its detail, the activity summary, what changed since the MQL, the next step."""
