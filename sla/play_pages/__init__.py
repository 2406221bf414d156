"""The data of the page of a play and of a company, read in a fixed number of queries."""
