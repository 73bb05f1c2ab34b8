"""``make docs``: write every reference page, remove those no longer generated, and the table of limits."""

import sys
from pathlib import Path

from docs.generate.limits import write_table
from docs.generate.pages import write_pages

if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
    write_table(Path(sys.argv[1]).parent / "safety.md")
