"""A zoo of plug-ins, each with one fault, and ARES with a short patience for those that hang."""

import os
from pathlib import Path

from cq_tui.services.ares.plug_ins import keeper, running_call
from cq_tui.services.ares.service import AresService
from cq_tui.services.runtime import ServiceRuntime

_BASE = '''
import os
import sys
import time

from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters


class Base:
    """A BUY at every bar that closes at 200 or above."""

    warm_up = {Frame.TRIGGER: 3}
    Parameters = StrategyParameters

    def __init__(self, symbol, base_interval_ms, parameters=None):
        self.symbol, self.parameters = symbol, parameters

    def on_bar(self, frame, bar):
        return self.signal(bar) if bar.close >= 200 else None

    def signal(self, bar, **changes):
        values = {"symbol": self.symbol, "side": Side.BUY, "entry_price": bar.close, "stop_loss": bar.close * 0.9,
                  "take_profit": bar.close * 1.1, "confidence": 0.5, "strategy": self.name, "frame": "1s",
                  "bar_close_time": bar.close_time}
        return Signal(**(values | changes))

    def reset(self, frame):
        pass

    def values(self):
        return {}
'''

#: What each does, as the body of its class, or of its module before the class.
_BODIES = {
    "good": "pass",
    "raises_at_import": "1 / 0",
    "exits_at_import": "sys.exit('no more')",
    "raises_when_made": "def __init__(self, *_): raise ValueError('not made')",
    "exits_when_made": "def __init__(self, *_): raise SystemExit(7)",
    "is_wrong_when_made": "warm_up = {'trigger': 3}",
    "raises_on_bar": "def on_bar(self, frame, bar): raise RuntimeError('not this bar')",
    "interrupts_on_bar": "def on_bar(self, frame, bar): raise KeyboardInterrupt",
    "recurses_on_bar": "def on_bar(self, frame, bar): return self.on_bar(frame, bar)",
    "needs_all_memory": "def on_bar(self, frame, bar): return bytearray(2**62)",
    "raises_at_reset": "def reset(self, frame): raise LookupError('no reset')",
    "raises_at_values": "def values(self): raise SystemExit('no values')",
    "is_not_a_number": "def on_bar(self, frame, bar): return self.signal(bar, stop_loss=float('nan'))",
    "takes_another_symbol": "def on_bar(self, frame, bar): return self.signal(bar, symbol='ETHUSDT')",
    "returns_a_word": "def on_bar(self, frame, bar): return 'BUY'",
    "hangs_at_import": "while True: pass",
    "hangs_when_made": "def __init__(self, *_):\n        while True: pass",
    "hangs": "def on_bar(self, frame, bar):\n        while bar.close >= 200: pass",
    "exits_the_process": "def on_bar(self, frame, bar):\n        if bar.close >= 200: os._exit(3)",
    "is_slow": "def on_bar(self, frame, bar): time.sleep(0.05)",
    "prints": "def on_bar(self, frame, bar):\n        print('printed at', bar.close)\n        sys.stdout.flush()",
    "reads": "def on_bar(self, frame, bar): return None if sys.stdin.read() == '' else 'read'",
    "forks": "def on_bar(self, frame, bar):\n        if bar.close == 300: os.fork()",
    "closes_its_pipes": "def on_bar(self, frame, bar):\n        if bar.close >= 200: os.closerange(3, 20)",
}
NAMES = tuple(_BODIES)
#: Writes messages into the pipe to ARES, as only the host should: FORGED so many TIMES, with its own signal for SIGNAL,
#: each a millisecond earlier.
FORGERY = """def on_bar(self, frame, bar):
        if bar.close < 200:
            return
        import json, struct
        for number in range(TIMES):
            signal = self.signal(bar, strategy="good", bar_close_time=bar.close_time - number)
            text = FORGED.replace("LONG", "x" * 3_000_000)
            content = text.replace("SIGNAL", json.dumps(signal.payload().model_dump(mode="json"))).encode()
            left = struct.pack("<I", len(content)) + content
            while left:
                left = left[os.write(int(sys.argv[3]), left):]
"""
#: What the health of ARES says of each that stops.
REASONS = {
    "raises_at_import": "ZeroDivisionError: division by zero",
    "exits_at_import": "SystemExit: no more",
    "raises_when_made": "ValueError: not made",
    "exits_when_made": "SystemExit: 7",
    "is_wrong_when_made": "warm_up has the key 'trigger'",
    "raises_on_bar": "RuntimeError: not this bar",
    "interrupts_on_bar": "KeyboardInterrupt",
    "recurses_on_bar": "RecursionError",
    "needs_all_memory": "MemoryError",
    "raises_at_reset": "LookupError: no reset",
    "raises_at_values": "SystemExit: no values",
    "is_not_a_number": "wrong signal: stop_loss is nan",
    "takes_another_symbol": "wrong signal: symbol is 'ETHUSDT', expected 'BTCUSDT'",
    "returns_a_word": "wrong signal: 'BUY' is no Signal",
    "hangs_at_import": "it hangs, import took more than 3 s",
    "hangs_when_made": "it hangs, make of BTCUSDT took more than 3 s",
    "hangs": "it hangs, bar of BTCUSDT took more than 1 s",
    "closes_its_pipes": "it ended its process (exit code 1) in bar of BTCUSDT",
    "exits_the_process": "it ended its process (exit code 3) in bar of BTCUSDT",
}


def install_zoo(folder: Path, *names: str) -> str:
    """Install these plug-ins, each a package of its own; return the Python path."""
    folder.mkdir()
    (folder / "zoo_base.py").write_text(_BASE)
    for name in names:
        _install(folder, name, _BODIES.get(name, FORGERY))
    known = os.environ.get("PYTHONPATH")
    return f"{folder}{os.pathsep}{known}" if known else str(folder)


def _install(folder: Path, name: str, body: str) -> None:
    is_module = name.endswith("_at_import")
    code = f"from zoo_base import *\n\n{body if is_module else ''}\n\nclass Inmate(Base):\n    name = {name!r}\n"
    (folder / f"zoo_{name}.py").write_text(code + ("" if is_module else f"\n    {body}\n"))
    described = folder / f"zoo_{name}-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: zoo-{name}\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(f"[cq_tui.strategies]\n{name} = zoo_{name}:Inmate\n")


class ImpatientAres(AresService):
    """Takes the place of ARES."""

    def __init__(self, runtime: ServiceRuntime) -> None:
        running_call.LIMITS.update({"import": 3.0, "make": 3.0, "bar": 1.0})
        keeper._SILENCE = 2.0
        super().__init__(runtime)


IMPATIENT = "tests.services.ares.zoo:ImpatientAres"
