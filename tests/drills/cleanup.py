"""The end of a site, however its drill ends: `python -m tests.drills.cleanup FOLDER` waits until stdin is closed.

Then it kills the site's programs, deletes its servers with their data, and removes the folder.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from config import embedded
from config.demo.supervisor import end_leftovers


def main(folder: Path) -> None:
    sys.stdin.read()
    end_leftovers(folder / "programs.json")
    embedded.destroy(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
