"""Commitments of sales and marketing, versioned and signed, and a preview of their effect on a lead."""
