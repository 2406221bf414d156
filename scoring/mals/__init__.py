"""The MALs as marketing works on them: the list, leads of unknown gate, exits, and what makes MALs and MQLs."""
