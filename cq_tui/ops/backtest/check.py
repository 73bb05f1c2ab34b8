"""Checking a strategy by whole runs: first alone, as ``strategies check`` does, then through the trader."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cq_tui.lookback.plan import BacktestError
from cq_tui.lookback.run_checks import check_run
from cq_tui.lookback.strategy_checks import CheckResult
from cq_tui.ops.backtest.run import Asked, Job, prepare
from cq_tui.ops.strategy_check import StrategyCheck
from cq_tui.ops.strategy_check import prepare as prepare_alone
from cq_tui.strategies.scanning import can_scan


@dataclass(frozen=True, slots=True)
class RunCheck:
    """A strategy, and the klines to check it on: alone on one symbol, then on all of them."""

    alone: StrategyCheck
    job: Job

    def results(self) -> Iterator[CheckResult]:
        """Run the checks; yield each result when it is there. Whole runs only follow if it can be played alone."""
        first = None
        for result in self.alone.results():
            first = first or result
            yield result
        if first is None or first.passed is False:
            return
        symbol = next(iter(self.job.columns))
        scans = all(map(can_scan, self.job.make(symbol, self.job.interval_ms)))
        try:
            yield from check_run(self.job.plan, lambda plan: replace(self.job, plan=plan).run(), can_scan=scans)
        except BacktestError as error:
            yield CheckResult("trades", None, str(error))


def prepare_check(name: str, asked: Asked) -> RunCheck:
    """Read the klines and find the strategy. Raises CannotRun, CannotCheck and what ``strategies check`` raises."""
    job = prepare(replace(asked, strategies=[name]))
    settings = dict(job.choices[name].parameters)
    symbol = next(iter(job.columns))
    return RunCheck(prepare_alone(name, asked.klines, symbol=symbol, settings=settings), job)
