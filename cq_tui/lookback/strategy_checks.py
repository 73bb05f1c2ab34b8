"""What a strategy must not do, checked on klines: each check plays it in two ways that must agree.

The checks cannot prove that a strategy is right. They find what makes one behave otherwise live than in the past: that
it looks ahead, depends on the clock or on other symbols, starts from too short a history, or trips over gaps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cq_tui.contracts.market import Kline
from cq_tui.lookback.rehearsal import (
    Played,
    Rehearsal,
    Subject,
    base_bars_needed,
    moved,
    moved_back,
    play,
    whole_weeks,
)
from cq_tui.strategies.protocol import Signal

#: Where a series is cut, as shares of it. None is a multiple of a frame for long.
_CUTS = (0.43, 0.71, 0.9)
#: Share of the signals that may differ, and of a level, when a strategy starts from the history that it asks for.
_MAY_DIFFER, _LEVEL_MAY_DIFFER = 0.05, 0.01
#: How often a strategy is started from there, and klines after each start in which its signals are compared.
_STARTS, _AFTER_START = 8, 500
#: Microseconds a bar, beyond which hundreds of symbols take longer than a second.
_SLOW_US = 2_000
_OTHER_SYMBOL = "OTHERUSDT"


class CheckResult(NamedTuple):
    """The result of one check."""

    check: str
    #: None: there was nothing that could have failed.
    passed: bool | None
    #: What was seen, and where it went wrong what and at which bar.
    text: str
    traceback: str = ""


class Failed(Exception):
    """What a check found; the message says what, where, and what to do."""


def check_strategy(subject: Subject, klines: Sequence[Kline], symbol: str) -> Iterator[CheckResult]:
    """Yield the results in order. When the strategy cannot be played at all, only the first."""
    try:
        whole = play(subject, klines, symbol)
    except subject.contained as error:
        yield CheckResult("runs", False, f"it cannot be made: {type(error).__name__}: {error}")
        return
    if whole.failure:
        yield CheckResult("runs", False, whole.failure, whole.traceback)
        return
    yield CheckResult("runs", True, f"{len(whole.signals)} signals on {len(klines):,} klines")
    for name, check in _CHECKS:
        yield _result(name, check, _Case(subject, klines, symbol, whole))


class _Case(NamedTuple):
    subject: Subject
    klines: Sequence[Kline]
    symbol: str
    #: Bar by bar over all klines.
    whole: Played

    @property
    def signals(self) -> list[Signal]:
        return self.whole.signals

    def signals_from(self, cut: int) -> list[Signal]:
        start = self.klines[cut].open_time
        return [signal for signal in self.signals if signal.bar_close_time > start]

    @property
    def cuts(self) -> list[int]:
        return [int(len(self.klines) * share) for share in _CUTS]


def _result(name: str, check: Callable[[_Case], str], case: _Case) -> CheckResult:
    try:
        text = check(case)
    except Failed as found:
        return CheckResult(name, False, str(found))
    except case.subject.contained as error:
        return CheckResult(name, False, f"{type(error).__name__}: {error}")
    needs_signals = name in _NEED_SIGNALS
    if needs_signals and not case.signals:
        return CheckResult(name, None, "there was no signal that could have differed; check it on more klines")
    return CheckResult(name, True, text)


def _must_run(played: Played, where: str) -> Played:
    if played.failure:
        raise Failed(f"{where}: {played.failure}")
    return played


def _must_equal(found: Sequence[Signal], expected: Sequence[Signal], where: str) -> None:
    """Raise Failed with the first signal that differs."""
    for ours, theirs in zip(found, expected, strict=False):
        if ours != theirs:
            first = min(ours, theirs, key=lambda signal: signal.bar_close_time)
            raise Failed(f"{where}: at the bar that closes at {first.bar_close_time} {_difference(ours, theirs)}")
    if len(found) != len(expected):
        longer = found if len(found) > len(expected) else expected
        first = longer[min(len(found), len(expected))]
        seen = "a signal that is not there otherwise" if longer is found else "no signal, and there is one otherwise"
        raise Failed(f"{where}: at the bar that closes at {first.bar_close_time} {seen}")


def _difference(ours: Signal, theirs: Signal) -> str:
    for field in ("bar_close_time", "side", "entry_price", "stop_loss", "take_profit", "confidence"):
        if getattr(ours, field) != getattr(theirs, field):
            return f"{field} is {getattr(ours, field)}, otherwise {getattr(theirs, field)}"
    return f"the signal is {ours.payload().model_dump()}, otherwise {theirs.payload().model_dump()}"


def _repeats(case: _Case) -> str:
    again = _must_run(play(case.subject, case.klines, case.symbol), "played again")
    _must_equal(again.signals, case.signals, "played again on the same klines")
    return "the same klines give the same signals"


def _ignores_the_future(case: _Case) -> str:
    for cut in case.cuts:
        start = case.klines[cut].open_time
        subject = case.subject.with_others(lambda klines, start=start: _halved_from(klines, start))  # type: ignore[misc]
        other = _must_run(play(subject, _halved_from(case.klines, start), case.symbol), "with other prices later")
        past = [signal for signal in other.signals if signal.bar_close_time < start]
        expected = [signal for signal in case.signals if signal.bar_close_time < start]
        _must_equal(past, expected, f"with other prices from {start} on, an earlier signal changes")
    return "later prices change no earlier signal"


def _ignores_the_clock(case: _Case) -> str:
    by = whole_weeks(case.subject.base_interval_ms)
    subject = case.subject.with_others(lambda klines: moved(klines, by))
    later = _must_run(play(subject, moved(case.klines, by), case.symbol), "some weeks later")
    where = "the same prices, whole weeks later (is there a clock, or a file of prices, in it?)"
    _must_equal(moved_back(later.signals, by), case.signals, where)
    return "the same prices, whole weeks later, give the same signals"


def _survives_a_restart(case: _Case) -> str:
    running, at = Rehearsal(case.subject, case.symbol), 0
    for cut in case.cuts:
        running.feed(case.klines[at:cut])
        at, where = cut, f"started again before {case.klines[cut].open_time}"
        again = Rehearsal(case.subject, case.symbol)
        again.warm_up(case.klines[:cut])
        _must_have_equal_values(again.values(), running.values(), where)
        again.feed(case.klines[cut:])
        _must_equal(_must_run(again.end(), "after a restart").signals, case.signals_from(cut), where)
    return "a restart changes no signal"


def _must_have_equal_values(found: Mapping[str, float], expected: Mapping[str, float], where: str) -> None:
    for name, value in expected.items():
        # As text, so that NaN equals NaN.
        if repr(found.get(name)) != repr(value):
            raise Failed(f"{where}: its value {name!r} is {found.get(name)!r}, otherwise {value!r}")


def _warms_up_long_enough(case: _Case) -> str:
    needed = base_bars_needed(case.subject.make(case.symbol))
    room = len(case.klines) - needed - _AFTER_START
    if room < 0:
        return f"nothing to compare: {needed + _AFTER_START:,} klines are needed, and there are {len(case.klines):,}"
    differing = compared = 0
    for number in range(_STARTS):
        cut = needed + room * number // (_STARTS - 1)
        part = case.klines[cut - needed : cut + _AFTER_START]
        subject = case.subject.with_others(lambda klines, first=part[0]: _since(klines, first.open_time))  # type: ignore[misc]
        short = _must_run(play(subject, part, case.symbol, history=needed), "from the history that it asks for")
        found = {signal.key: signal for signal in short.signals}
        until = part[-1].close_time
        expected = {signal.key: signal for signal in case.signals_from(cut) if signal.bar_close_time <= until}
        both = expected.keys() & found.keys()
        compared += len(expected.keys() | found.keys())
        differing += len(expected.keys() ^ found.keys())
        differing += sum(_levels_differ(found[key], expected[key]) for key in both)
    text = f"{differing} of {compared} signals differ when it starts from the {needed:,} klines that it asks for"
    if differing > compared * _MAY_DIFFER:
        raise Failed(f"{text}; raise warm_up to three times its longest period or more")
    return text


def _levels_differ(ours: Signal, theirs: Signal) -> bool:
    pairs = ((ours.stop_loss, theirs.stop_loss), (ours.take_profit, theirs.take_profit))
    return any(abs(mine - other) > abs(other) * _LEVEL_MAY_DIFFER for mine, other in pairs)


def _forgets_at_a_gap(case: _Case) -> str:
    cut = case.cuts[0]
    start = case.klines[cut].open_time
    # As long as all that came before: no frame bridges that.
    by = whole_weeks(case.subject.base_interval_ms) * (1 + len(case.klines) * case.subject.base_interval_ms // 10**9)

    def after(klines: Sequence[Kline]) -> list[Kline]:
        # At half the price: what a strategy keeps of before then shows.
        return [_scaled(kline, 0.5) for kline in moved(_since(klines, start), by)]

    def with_gap(klines: Sequence[Kline]) -> list[Kline]:
        return [*(kline for kline in klines if kline.open_time < start), *after(klines)]

    subjects = case.subject.with_others(with_gap), case.subject.with_others(after)
    holed = _must_run(play(subjects[0], with_gap(case.klines), case.symbol), "after a gap")
    fresh = _must_run(play(subjects[1], after(case.klines), case.symbol), "without a past")
    found = [signal for signal in holed.signals if signal.bar_close_time >= start + by]
    _must_equal(found, fresh.signals, "after a long gap (does reset forget everything?)")
    return "after a long gap it starts afresh"


def _bears_small_gaps(case: _Case) -> str:
    holed = [kline for number, kline in enumerate(case.klines) if number % 997 != 500]
    _must_run(play(case.subject, holed, case.symbol), "with single klines missing")
    return "missing klines do not stop it"


def _bears_repeated_klines(case: _Case) -> str:
    twice = [kline for kline in case.klines for _ in range(2)]
    _must_equal(
        _must_run(play(case.subject, twice, case.symbol), "with every kline twice").signals,
        case.signals,
        "with every kline twice",
    )
    return "klines that come twice change nothing"


def _bears_broken_klines(case: _Case) -> str:
    nan = float("nan")
    broken = [kline._replace(close=nan) if number % 997 == 500 else kline for number, kline in enumerate(case.klines)]
    holed = [kline for number, kline in enumerate(case.klines) if number % 997 != 500]
    _must_equal(
        _must_run(play(case.subject, broken, case.symbol), "with closes that are NaN").signals,
        play(case.subject, holed, case.symbol).signals,
        "with closes that are NaN",
    )
    return "closes that are NaN are as if they were missing"


def _is_quiet_when_nothing_moves(case: _Case) -> str:
    subject = case.subject.with_others(_flat)
    played = _must_run(play(subject, _flat(case.klines), case.symbol), "while the price does not move")
    if played.signals:
        raise Failed(
            f"{len(played.signals)} signals while the price does not move, the first at the bar that closes at "
            f"{played.signals[0].bar_close_time}; an RSI is 0 there, and an ADX too"
        )
    return "no signal while the price does not move"


def _keeps_symbols_apart(case: _Case) -> str:
    highest = max(kline.high for kline in case.klines)
    ours, other = Rehearsal(case.subject, case.symbol), Rehearsal(case.subject, _OTHER_SYMBOL)
    for kline in case.klines:
        other.feed([_mirrored(kline, highest)])
        ours.feed([kline])
    _must_run(other.end(), "on mirrored prices")
    where = "beside a second symbol (is there state in the class or the module?)"
    _must_equal(_must_run(ours.end(), where).signals, case.signals, where)
    return "a second symbol beside it changes nothing"


def _shows_its_values(case: _Case) -> str:
    rehearsal = Rehearsal(case.subject, case.symbol)
    rehearsal.feed(case.klines)
    values = rehearsal.values()
    _must_run(rehearsal.end(), "its values are asked for")
    wrong = [f"{name!r} is {value!r}" for name, value in values.items() if not _is_value(name, value)]
    if wrong:
        raise Failed(f"values must be numbers by name: {wrong[0]}")
    return f"{len(values)} values for display"


def _is_value(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, (int, float))


def _is_quick(case: _Case) -> str:
    middle, slowest = (case.whole.times.p50 or 0.0) * 1e6, case.whole.times.slowest * 1e6
    text = f"{middle:,.0f} µs a bar of CPU time, {slowest:,.0f} µs the slowest"
    if middle > _SLOW_US:
        raise Failed(f"{text}; at most {_SLOW_US:,} µs, or hundreds of symbols wait for it")
    return text


def _hears_what_it_holds(case: _Case) -> str:
    rehearsal = Rehearsal(case.subject, case.symbol)
    changes = rehearsal.follow(case.klines)
    _must_run(rehearsal.end(), "told what it holds")
    return f"{changes} times told what it holds" if rehearsal.wants_position else "it does not ask what it holds"


def _since(klines: Sequence[Kline], start: int) -> list[Kline]:
    return [kline for kline in klines if kline.open_time >= start]


def _halved_from(klines: Sequence[Kline], start: int) -> list[Kline]:
    return [_scaled(kline, 0.5) if kline.open_time >= start else kline for kline in klines]


def _flat(klines: Sequence[Kline]) -> list[Kline]:
    price = klines[0].close
    return [
        kline._replace(open=price, high=price, low=price, close=price, volume=0.0, quote_volume=0.0, trades=0)
        for kline in klines
    ]


def _scaled(kline: Kline, factor: float) -> Kline:
    return kline._replace(
        open=kline.open * factor, high=kline.high * factor, low=kline.low * factor, close=kline.close * factor
    )


def _mirrored(kline: Kline, highest: float) -> Kline:
    """Return a kline whose price falls where this one's rises, and stays above zero."""
    top = 2 * highest
    return kline._replace(open=top - kline.open, high=top - kline.low, low=top - kline.high, close=top - kline.close)


_CHECKS: tuple[tuple[str, Callable[[_Case], str]], ...] = (
    ("repeats", _repeats),
    ("no look-ahead", _ignores_the_future),
    ("no clock", _ignores_the_clock),
    ("restart", _survives_a_restart),
    ("warm-up", _warms_up_long_enough),
    ("reset", _forgets_at_a_gap),
    ("gaps", _bears_small_gaps),
    ("duplicates", _bears_repeated_klines),
    ("broken klines", _bears_broken_klines),
    ("flat prices", _is_quiet_when_nothing_moves),
    ("symbols apart", _keeps_symbols_apart),
    ("positions", _hears_what_it_holds),
    ("values", _shows_its_values),
    ("speed", _is_quick),
)
#: Without any signal these have compared nothing.
_NEED_SIGNALS = frozenset({"repeats", "no look-ahead", "no clock", "restart", "warm-up", "reset", "symbols apart"})
