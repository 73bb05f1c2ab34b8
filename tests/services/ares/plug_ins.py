"""Strategy plug-ins, installed as other packages would: found by their entry points on the Python path."""

import os
from pathlib import Path

_CODE = '''
from pydantic import BaseModel, Field

from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import Side, Signal


class _Every:
    """A BUY at every bar that closes at {price} or above, after three bars."""

    warm_up = {{Frame.TRIGGER: 3}}

    class Parameters(BaseModel):
        pass

    def __init__(self, symbol, base_interval_ms, parameters=None):
        self.symbol, self.parameters, self.last = symbol, self.Parameters(), None
        self.label = "1s" if base_interval_ms == 1000 else "1m"

    def on_bar(self, frame, bar):
        before, self.last = self.last, bar.close
        return self.decide(bar, before)

    def signal(self, bar):
        return Signal(self.symbol, Side.BUY, bar.close, bar.close * 0.9, bar.close * 1.1, 0.5, self.name,
                      self.label, bar.close_time)

    def reset(self, frame):
        self.last = None

    def values(self):
        return {{}}


class High(_Every):
    name = "high"

    def decide(self, bar, before):
        return self.signal(bar) if bar.close >= 200 else None


class Above(_Every):
    name = "above"

    class Parameters(BaseModel):
        level: float = Field(200.0, gt=0, description="Price from which it buys.")

    def __init__(self, symbol, base_interval_ms, parameters=None):
        super().__init__(symbol, base_interval_ms)
        self.parameters = parameters or self.Parameters()

    def decide(self, bar, before):
        return self.signal(bar) if bar.close >= self.parameters.level else None

    def values(self):
        return {{"level": self.parameters.level, "last": self.last or float("nan")}}


class Leap(_Every):
    name = "leap"

    def decide(self, bar, before):
        return self.signal(bar) if before and bar.close > 2 * before else None


class Paired(_Every):
    """Buys from {price} on while the other symbol is below it."""

    name = "paired"
    other_symbols = ("ETHUSDT",)
    other = held = 0.0

    def on_other_bar(self, symbol, frame, bar):
        self.other = bar.close

    def on_position(self, position):
        self.held = position.quantity if position else 0.0

    def decide(self, bar, before):
        return self.signal(bar) if bar.close >= {price} > self.other else None

    def values(self):
        return {{"other": self.other, "held": self.held}}


class Faulty(_Every):
    name = "faulty"

    def decide(self, bar, before):
        if bar.close >= 500:
            raise RuntimeError("five hundred is too much")
'''


def install(folder: Path, *names: str) -> str:
    """Install these plug-ins (``broken`` cannot be imported); return the path."""
    folder.mkdir()
    package = folder / "sample_plug_ins.py"
    package.write_text(_CODE.format(price=200))
    described = folder / "sample_plug_ins-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-plug-ins\nVersion: 1.0\n")
    targets = {
        "high": "sample_plug_ins:High",
        "above": "sample_plug_ins:Above",
        "leap": "sample_plug_ins:Leap",
        "paired": "sample_plug_ins:Paired",
        "faulty": "sample_plug_ins:Faulty",
        "broken": "no_such_module:Broken",
        "aaa_wild": "wild_plug_in:Wild",
    }
    lines = "".join(f"{name} = {targets[name]}\n" for name in names)
    (described / "entry_points.txt").write_text(f"[cq_tui.strategies]\n{lines}")
    known = os.environ.get("PYTHONPATH")
    return f"{folder}{os.pathsep}{known}" if known else str(folder)
