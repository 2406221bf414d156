"""What sales and marketing committed to, versioned and signed, and a preview of what that means for a lead."""
