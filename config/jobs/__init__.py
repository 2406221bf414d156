"""Periodic jobs: when each last ended well, and the claims that let a job run once a period. Imports no app."""
