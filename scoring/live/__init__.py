"""The live loop: leads that are due are judged, scores are kept, qualifying leads become MQLs."""
