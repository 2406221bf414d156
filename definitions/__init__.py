"""The agreement about facts: definitions, their versions, signatures, plain English and reviews.

Second floor: it imports `leads` and nothing above it. A version is rows, never code; only `scoring` compiles and
runs them.
"""
