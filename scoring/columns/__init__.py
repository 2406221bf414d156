"""The facts of leads as columns: bulk readers of PostgreSQL and the caches that complete them."""
