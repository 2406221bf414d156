"""Handoffs from creation to outcome: routing, attempts, dispositions, undo, reassignment, sales stages."""
