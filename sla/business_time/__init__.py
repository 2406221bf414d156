"""Business time: working calendars, sums in working hours, and due dates explained in words."""
