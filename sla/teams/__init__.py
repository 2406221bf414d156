"""Teams and reps: the roster, round robin, routing rules, fairness, and the log of changes."""
