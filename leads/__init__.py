"""Companies, leads, signals, events, attribute history, stages and outcomes, and the intake of these facts.

The lowest of the four apps: it imports no other one and knows nothing of definitions, scores or commitments. A new fact
sets a date on its lead (`Lead.next_look_at`), by which `scoring` finds the lead.
"""
