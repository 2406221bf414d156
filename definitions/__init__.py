"""The agreement about facts: definitions, their versions, sign-offs, wording, reviews.

Second floor. Imports `leads` and nothing above it. A version is rows, never code; `scoring` alone compiles and runs them.
"""
