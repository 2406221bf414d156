"""The triggers of reviews: closed periods are checked once, and each line that was crossed opens a review (rules 8.3 to 8.26)."""
