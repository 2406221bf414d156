"""Storage of the static files that production serves."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Put a hash into every file name, also where one of our ES modules imports another.

    Without it a browser could keep an old `lib.js` beside a new module that imports it.
    """

    support_js_module_import_aggregation = True
