"""The monthly question to sales on how good its leads are: asked, answered (rules 12.64, 12.65)."""
