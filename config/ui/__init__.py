"""The page's shell and its template components. Imports no app but config.accounts."""
