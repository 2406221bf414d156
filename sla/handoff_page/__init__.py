"""The page of one handoff: its detail, the activity summary, the changes since the MQL, the next step, the timeline."""
