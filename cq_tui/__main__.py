"""``python -m cq_tui`` is ``cq-tui``."""

from cq_tui.cli import main

if __name__ == "__main__":
    main()
