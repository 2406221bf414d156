"""Business time: working calendars, arithmetic in working hours, and explanations of due dates."""
