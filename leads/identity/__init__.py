"""Tell persons and companies apart: matching by keys, merges, duplicates, replaced persons."""
