"""The private surroundings of drills: their folder, their environment, and the warden who clears up after them."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.contracts.strategy_settings import ENVIRONMENT_PREFIX

#: What steers our processes, and proxies, through which a drill never goes.
_PREFIXES = ("BINANCE_", "TRADER_", "CQ_", "_CQ_", ENVIRONMENT_PREFIX)
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
#: Free bytes without which no drill begins: a stack on a full disk would fail for no reason of its own.
_LEAST_FREE = 32 * 1024 * 1024


def private_environment(folder: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment without any setting of the user, and with a configuration folder of its own."""
    kept = {
        name: value for name, value in environment.items()
        if name not in SETTING_KEYS and not name.startswith(_PREFIXES) and name.lower() not in _PROXIES
    }  # fmt: skip
    return kept | {"CQ_CONFIG_DIR": str(folder)}


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder (0700) that is gone afterwards, with every process whose command line names it. Raises OSError.

    A warden sees to that, a process of its own: it works even if this one is killed.
    """
    folder = Path(tempfile.mkdtemp(prefix="cq-tui-drill-"))
    if (free := shutil.disk_usage(folder).free) < _LEAST_FREE:
        folder.rmdir()
        needed = f"{free // 2**20} MiB are free, a drill needs {_LEAST_FREE // 2**20}, here or in another TMPDIR"
        raise OSError(errno.ENOSPC, needed, str(folder.parent))
    warden = subprocess.Popen(
        [sys.executable, "-P", "-m", "cq_tui.ops.drills.warden", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env=private_environment(folder),
    )
    try:
        yield folder
    finally:
        assert warden.stdin is not None
        with contextlib.suppress(OSError):
            warden.stdin.close()
        warden.wait()
