"""``make docs``: write every reference page, and remove pages that are no longer generated."""

import sys
from pathlib import Path

from docs.generate.pages import write_pages

if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
