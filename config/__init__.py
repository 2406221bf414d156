"""The roof (settings, urls, celery, the API's router, embedded servers) and a small cellar (web, ui) that imports no app."""
