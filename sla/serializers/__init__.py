"""Input and output of the API, one module for each of its parts."""
