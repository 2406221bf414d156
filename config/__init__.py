"""The top and the bottom of the product: settings, URLs, Celery, servers, and helpers (web, ui) that import no app."""
