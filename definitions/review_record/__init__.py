"""The record of a review: who takes part, its checklist, its gaps and its steps (rules 8.28 to 8.31).

Each step checks who takes it under the lock of the review, and nothing of a decided review changes but the closing of a gap.
"""
