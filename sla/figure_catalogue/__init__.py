"""The catalogue of figures: each rate once, with its definition, its health bands and quoted benchmarks beside it."""
