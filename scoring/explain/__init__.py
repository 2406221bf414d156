"""Explanations and evaluations of leads outside the live loop, and frozen evidence prepared for pages."""
