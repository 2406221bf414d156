"""The live loop: due leads are judged, their scores are stored, qualifying leads become MQLs."""
