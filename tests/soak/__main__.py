"""``python -m tests.soak [MINUTES] [SEED]``: soak, and print the report; exit code 1 if anything is wrong."""

import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.soak import Soak


def main() -> None:
    """Soak in a temporary folder, which is kept if anything is wrong."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbelow(10**6)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"soak of {minutes:g} minutes, seed {seed}, in {folder}", flush=True)
    began = time.monotonic()
    with (folder / "soak.log").open("w", buffering=1) as log:
        soak = Soak(folder, seed, lambda line: log.write(f"{time.monotonic() - began:8.1f} {line}\n"))
        findings = soak.run(minutes * 60)
    (folder / "report.txt").write_text(findings.text + "\n")
    print(findings.text)
    sys.exit(1 if findings.problems else 0)


if __name__ == "__main__":
    main()
