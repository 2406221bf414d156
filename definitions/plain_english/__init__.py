"""A definition in plain English, generated from its document. Pure."""
