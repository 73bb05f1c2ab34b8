"""``make screenshots``: runs the stack in simulation and takes pictures of the room."""

import asyncio
import importlib.resources
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
import resvg_py

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.down import stop_stack
from cq_tui.room.app import RoomApp
from cq_tui.store.journal import last_lines

_FOLDER = Path(__file__).parent
_SIZES = ((160, 45), (80, 24))
_THEMES = {"dark": "room-dark", "light": "room-light"}
#: Filled orders that a picture should show, and the maximum seconds to wait for them.
_MIN_FILLS = 4
_FILLS_TIMEOUT = 300.0
_SETTLE_SECONDS = 3.0


async def take_pictures(data: DataDir) -> None:
    """Write one PNG for each size and theme."""
    for columns, rows in _SIZES:
        for name, theme in _THEMES.items():
            app = RoomApp(data, supervise=False)
            async with app.run_test(size=(columns, rows)) as pilot:
                app.theme = theme
                await pilot.pause(_SETTLE_SECONDS)
                svg = app.export_screenshot(title="cq-tui")
            target = _FOLDER / f"room-{columns}x{rows}-{name}.png"
            target.write_bytes(render(svg))
            print(target.relative_to(_FOLDER.parent))


def render(svg: str) -> bytes:
    """Return the SVG as PNG, in the font it was laid out for."""
    fonts = importlib.resources.files("fontpkg_fira_code") / "files"
    with importlib.resources.as_file(fonts) as folder:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, font_dirs=[str(folder)], zoom=1.25))


def wait_for_fills(data: DataDir) -> None:
    """Wait until the stack has something to show."""
    deadline = time.monotonic() + _FILLS_TIMEOUT
    while time.monotonic() < deadline:
        events = [orjson.loads(line)["event_type"] for line in last_lines(data.events, 500)]
        if events.count("order_executed") >= _MIN_FILLS:
            return
        time.sleep(1.0)
    raise SystemExit("the stack did not trade in time; look into its logs with `cq-tui service trader`")


def main() -> None:
    """Run the stack in a temporary data directory, take the pictures, and stop everything."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CQ_CONFIG_DIR"] = str(Path(folder) / "config")
        data = DataDir(Path(folder) / "data")
        stack = subprocess.Popen([sys.executable, "-m", "cq_tui", "up", "--data-dir", str(data.root)])
        try:
            wait_for_fills(data)
            asyncio.run(take_pictures(data))
        finally:
            asyncio.run(stop_stack(data))
            stack.wait()


if __name__ == "__main__":
    main()
