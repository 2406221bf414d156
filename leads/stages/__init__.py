"""The stages of leads in each motion: moves, pauses, exits of MALs, the primary motion."""
