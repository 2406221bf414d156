"""The top and the bottom of the product: settings, URLs, Celery, servers, and below all apps accounts, jobs, api, ui and web."""
