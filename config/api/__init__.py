"""The plumbing of /api/v1/: authentication, pagination, parsers, errors. `urls` is the router, on the roof."""
