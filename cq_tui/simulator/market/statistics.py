"""What bars of a market look like in numbers, and the ranges in which those of real 1 m klines lie.

Generated prices and recorded ones are measured by the same function, so that "like a real market" can be tested. A
generated second moves like a recorded minute: the market runs sixty times as fast.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

import numpy as np

from cq_tui.simulator.market.ticks import Floats

#: Bars of one sample, and bars of 24 market hours.
SAMPLE_BARS = 20_000
DAY_BARS = 1_440


@dataclass(frozen=True, slots=True)
class BarStatistics:
    """Statistics of the log returns of consecutive bars.

    ``sigma`` and ``day_sigma`` are standard deviations, of a bar's return and of the change in 24 market hours;
    ``lag_1`` is the returns' autocorrelation, ``size_lag_1`` and ``size_lag_10`` those of their absolute values;
    ``kurtosis`` is the fourth standardized moment, 3 for a normal distribution.
    """

    sigma: float
    lag_1: float
    size_lag_1: float
    size_lag_10: float
    kurtosis: float
    day_sigma: float


#: The least and the most of each statistic, as the median over samples.
CALIBRATION: dict[str, tuple[float, float]] = {
    "sigma": (6e-4, 14e-4),
    "lag_1": (-0.05, 0.05),
    "size_lag_1": (0.25, 0.5),
    "size_lag_10": (0.15, 0.35),
    "kurtosis": (15, 130),
    "day_sigma": (0.02, 0.05),
}


def measure(closes: Floats) -> BarStatistics:
    """Measure consecutive closes of one symbol, more than a day of them."""
    log_price = np.log(closes)
    returns = np.diff(log_price)
    size, deviation = np.abs(returns), returns - returns.mean()
    return BarStatistics(
        sigma=float(returns.std()),
        lag_1=_autocorrelation(returns, 1),
        size_lag_1=_autocorrelation(size, 1),
        size_lag_10=_autocorrelation(size, 10),
        kurtosis=float((deviation**4).mean() / (deviation**2).mean() ** 2),
        day_sigma=float((log_price[DAY_BARS:] - log_price[:-DAY_BARS]).std()),
    )


def typical(samples: Iterable[BarStatistics]) -> BarStatistics:
    """Return the median of each statistic over samples of symbols and seeds."""
    return BarStatistics(*np.median([astuple(sample) for sample in samples], axis=0).tolist())


def miscalibrated(statistics: BarStatistics) -> dict[str, float]:
    """Return the statistics that are outside of their range, by name."""
    values = {field.name: getattr(statistics, field.name) for field in fields(statistics)}
    return {name: value for name, value in values.items() if not CALIBRATION[name][0] <= value <= CALIBRATION[name][1]}


def _autocorrelation(values: Floats, lag: int) -> float:
    deviation = values - values.mean()
    return float((deviation[lag:] * deviation[:-lag]).sum() / (deviation * deviation).sum())
