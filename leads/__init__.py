"""Companies, leads, signals, events, attribute history, stages and outcomes, and the intake of these facts.

The lowest of the four apps: it imports no other one and knows nothing of definitions, scores or commitments. A new fact
makes its lead due (`Lead.next_look_at`), and that of a company its company (`AccountQueueEntry`); by these dates `scoring` finds them.
"""
