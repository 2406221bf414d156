"""People who sign in, their roles, and the API keys of machine clients. Imports no other app."""
