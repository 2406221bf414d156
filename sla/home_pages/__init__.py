"""The home pages by role: who of a team needs help now, what waits for marketing ops, and the steps before the first MQL."""
