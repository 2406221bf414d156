"""The simulation of promises before they are made: will first contacts be in time, and how many reps are missing (rules 12.36 to 12.39)."""
