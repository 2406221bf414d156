"""The facts: companies, leads, signals, events, attribute history, stages, outcomes and their intake.

The lowest of the four floors. It knows nothing of definitions, scores or promises: when a fact arrives it
leaves a dated row (`Lead.next_look_at`) and the floor above finds it. Imports no other app.
"""
