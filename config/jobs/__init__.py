"""The fences of periodic jobs: when each last ended well, and which ran in a period. Imports no app."""
