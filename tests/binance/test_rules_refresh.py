"""When rules are read: at intervals, at once after a refusal, never in a storm; and what a reading shows."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.rules_refresh import RulesChangeKind, RulesRefresh

START = 1_800_000_000.0
LISTED, UNLISTED, STATUS, RULES, UNREADABLE = RulesChangeKind


def rules_of(symbol: str, status: str = "TRADING", step: str = "0.001") -> SymbolRules:
    return SymbolRules(symbol, status, symbol[:-4], "USDT", 8, 8, frozenset({"MARKET"}), step_size=Decimal(step))


def info(*rules: SymbolRules, faults: dict[str, str] | None = None) -> ExchangeInfo:
    return ExchangeInfo(0, (), {entry.symbol: entry for entry in rules}, faults or {})


def kinds(refresh: RulesRefresh, answer: ExchangeInfo, now: float) -> list[RulesChangeKind]:
    return [change.kind for change in refresh.take(refresh.due(now), answer, now)]


def trading(*symbols: str, now: float = START) -> RulesRefresh:
    refresh = RulesRefresh(symbols)
    refresh.take(refresh.due(now), info(*map(rules_of, symbols)), now)
    return refresh


def test_new_symbols_are_due_at_once_and_then_hourly() -> None:
    refresh = RulesRefresh(["BTCUSDT", "ETHUSDT"])
    assert refresh.due(START) == ["BTCUSDT", "ETHUSDT"]
    assert kinds(refresh, info(rules_of("BTCUSDT"), rules_of("ETHUSDT")), START) == [LISTED, LISTED]
    assert refresh.unread == []
    assert refresh.trading == ["BTCUSDT", "ETHUSDT"]
    assert refresh.due(START + 3_599) == []
    assert refresh.next_due() == START + 3_600
    assert refresh.due(START + 3_600) == ["BTCUSDT", "ETHUSDT"]
    assert kinds(refresh, info(rules_of("BTCUSDT"), rules_of("ETHUSDT")), START + 3_600) == []


def test_symbols_that_stay_wanted_keep_what_is_known() -> None:
    refresh = trading("BTCUSDT", "ETHUSDT")
    refresh.want(["ETHUSDT", "SOLUSDT"])
    assert refresh.due(START + 1) == ["SOLUSDT"]
    assert list(refresh.rules) == ["ETHUSDT"]


def test_a_request_has_at_most_a_hundred_symbols() -> None:
    symbols = [f"A{number}USDT" for number in range(250)]
    refresh, sizes = RulesRefresh(symbols), []
    while due := refresh.due(START):
        sizes.append(len(due))
        refresh.take(due, info(*map(rules_of, due)), START)
    assert sizes == [100, 100, 50]
    assert refresh.trading == symbols


@pytest.mark.parametrize("code", [-1013, -2010, -1121])
def test_a_refusal_that_may_come_from_old_rules_makes_them_due_at_once(code: int) -> None:
    refresh = trading("BTCUSDT", "ETHUSDT")
    refresh.note_refusal("BTCUSDT", code, START + 100)
    assert refresh.due(START + 100) == ["BTCUSDT"]
    changed = rules_of("BTCUSDT", step="0.01")
    [change] = refresh.take(["BTCUSDT"], info(changed), START + 100)
    assert change == ("BTCUSDT", RULES, rules_of("BTCUSDT"), changed)
    assert refresh.rules["BTCUSDT"] == changed


@pytest.mark.parametrize("code", [-1003, -1021, -2013, None])
def test_other_refusals_do_not(code: int | None) -> None:
    refresh = trading("BTCUSDT")
    refresh.note_refusal("BTCUSDT", code, START + 100)
    refresh.note_refusal("FOREIGN", -1013, START + 100)
    assert refresh.due(START + 100) == []


def test_refusals_in_a_row_are_read_for_after_growing_pauses() -> None:
    refresh, read = trading("BTCUSDT"), []
    for second in range(1, 301):
        refresh.note_refusal("BTCUSDT", -2010, START + second)
        if due := refresh.due(START + second):
            read.append(second)
            refresh.take(due, info(rules_of("BTCUSDT")), START + second)
    assert read == [5, 15, 35, 75, 135, 195, 255]
    refresh.note_refusal("BTCUSDT", -1013, START + 301)
    assert refresh.due(START + 301), "a filter's refusal never waits long"


def test_a_change_ends_the_growing_pauses() -> None:
    refresh, read = trading("BTCUSDT"), []
    for second in range(1, 41):
        refresh.note_refusal("BTCUSDT", -2010, START + second)
        if due := refresh.due(START + second):
            read.append(second)
            refresh.take(due, info(rules_of("BTCUSDT", step=f"0.{second}")), START + second)
    assert read == [5, 10, 15, 20, 25, 30, 35, 40]


def test_a_symbol_that_does_not_trade_is_read_every_thirty_seconds() -> None:
    refresh, read = RulesRefresh(["BTCUSDT"]), []
    for second in range(200):
        if due := refresh.due(START + second):
            read.append(second)
            refresh.take(due, info(rules_of("BTCUSDT", "BREAK")), START + second)
    assert read == [0, 5, 15, 35, 65, 95, 125, 155, 185]
    assert refresh.left_out == {"BTCUSDT": "in maintenance (BREAK) since before 2027-01-15 08:00 UTC"}
    refresh.take(["BTCUSDT"], info(rules_of("BTCUSDT")), START + 200)
    assert refresh.left_out == {}
    assert refresh.due(START + 300) == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("BREAK", "in maintenance (BREAK) since 2027-01-15 09:00 UTC"),
        ("HALT", "trading is halted (HALT) since 2027-01-15 09:00 UTC"),
        ("CANCEL_ONLY", "orders can only be canceled (CANCEL_ONLY) since 2027-01-15 09:00 UTC"),
        ("NEVER_HEARD_OF", "not trading (NEVER_HEARD_OF) since 2027-01-15 09:00 UTC"),
    ],
)
def test_a_change_of_status_is_told_once_with_its_time(status: str, reason: str) -> None:
    refresh = trading("BTCUSDT")
    assert kinds(refresh, info(rules_of("BTCUSDT", status)), START + 3_600) == [STATUS]
    assert kinds(refresh, info(rules_of("BTCUSDT", status)), START + 3_700) == []
    assert refresh.left_out == {"BTCUSDT": reason}
    assert refresh.rules["BTCUSDT"].status == status


def test_status_and_rules_may_change_at_once() -> None:
    refresh = trading("BTCUSDT")
    assert kinds(refresh, info(rules_of("BTCUSDT", "HALT", "0.1")), START + 3_600) == [STATUS, RULES]


def test_a_delisted_symbol_keeps_its_last_rules_and_says_so() -> None:
    refresh = trading("BTCUSDT", "OLDUSDT")
    [change] = refresh.take(["BTCUSDT", "OLDUSDT"], info(rules_of("BTCUSDT")), START + 3_600)
    assert change == ("OLDUSDT", UNLISTED, rules_of("OLDUSDT"), None)
    assert refresh.left_out == {"OLDUSDT": "delisted: not listed here since 2027-01-15 09:00 UTC"}
    assert refresh.rules["OLDUSDT"] == rules_of("OLDUSDT")
    assert (refresh.never_listed, refresh.delisted) == ([], ["OLDUSDT"])
    [change] = refresh.take(["OLDUSDT"], info(rules_of("OLDUSDT")), START + 4_000)
    assert change.kind is LISTED


def test_unknown_symbols_are_asked_for_alone_and_not_all_at_once() -> None:
    """One of them spoils a whole request, and each request has the full weight."""
    names = [f"NO{number}USDT" for number in range(40)]
    refresh = RulesRefresh(["BTCUSDT", *names])
    assert set(kinds(refresh, info(rules_of("BTCUSDT")), START)) == {LISTED, UNLISTED}
    assert refresh.left_out == dict.fromkeys(names, "is not listed here")
    assert refresh.never_listed == names
    requests: list[list[str]] = []
    for second in range(1, 121):
        while due := refresh.due(START + second):
            requests.append(due)
            refresh.take_unlisted(due, START + second)
    assert all(len(request) == 1 for request in requests)
    assert 50 <= len(requests) <= 60
    assert {name for [name] in requests} == set(names), "they take turns"


def test_an_answer_that_cannot_be_parsed_leaves_the_rules_as_they_were() -> None:
    refresh = trading("BTCUSDT")
    broken = info(faults={"BTCUSDT": "exchangeInfo of BTCUSDT: field 'filters' is missing"})
    assert kinds(refresh, broken, START + 3_600) == [UNREADABLE]
    assert refresh.left_out == {"BTCUSDT": "exchangeInfo of BTCUSDT: field 'filters' is missing"}
    assert refresh.rules["BTCUSDT"] == rules_of("BTCUSDT")
    assert kinds(refresh, info(rules_of("BTCUSDT")), START + 3_700) == []
    assert refresh.trading == ["BTCUSDT"]


def test_a_failed_request_is_repeated_after_growing_pauses() -> None:
    refresh, tried = RulesRefresh(["BTCUSDT"]), []
    for second in range(100):
        if due := refresh.due(START + second):
            tried.append(second)
            refresh.failed(due, START + second)
    assert tried == [0, 1, 3, 7, 15, 31, 61, 91]
    assert (refresh.unread, refresh.left_out, refresh.trading) == (["BTCUSDT"], {}, [])


def test_after_a_success_failures_count_from_the_beginning() -> None:
    refresh = RulesRefresh(["BTCUSDT"])
    for second in (0, 1, 3, 7):
        refresh.failed(refresh.due(START + second), START + second)
    refresh.take(["BTCUSDT"], info(rules_of("BTCUSDT")), START + 15)
    refresh.failed(["BTCUSDT"], START + 3_615)
    assert refresh.due(START + 3_616) == ["BTCUSDT"]


def test_a_reconnect_asks_again_for_what_does_not_trade() -> None:
    refresh = RulesRefresh(["BTCUSDT", "ETHUSDT", "NOUSDT"])
    for second in range(100):
        while due := refresh.due(START + second):
            refresh.take(due, info(rules_of("BTCUSDT"), rules_of("ETHUSDT", "BREAK")), START + second)
    # The last readings were at 95 s.
    refresh.hurry(START + 101)
    assert refresh.due(START + 101) == ["ETHUSDT"]
    refresh.take(["ETHUSDT"], info(rules_of("ETHUSDT")), START + 101)
    assert refresh.due(START + 101) == ["NOUSDT"]
    refresh.take_unlisted(["NOUSDT"], START + 101)
    assert refresh.due(START + 106) == ["NOUSDT"], "the exchange may need a moment"


def test_frequent_refusals_do_not_hold_up_unlisted_symbols() -> None:
    refresh, asked = RulesRefresh(["BTCUSDT", "NOUSDT"]), []
    for second in range(100):
        refresh.note_refusal("BTCUSDT", -1013, START + second)
        while due := refresh.due(START + second):
            if due == ["NOUSDT"]:
                asked.append(second)
            refresh.take(due, info(rules_of("BTCUSDT")), START + second)
    assert asked == [5, 15, 35, 65, 95]


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    refresh = trading("BTCUSDT", now=START + 86_400)
    assert refresh.due(START) == ["BTCUSDT"]
    refresh.take(["BTCUSDT"], info(rules_of("BTCUSDT")), START)
    assert refresh.due(START + 10) == []


SYMBOLS = [f"S{number}USDT" for number in range(6)]
STATES = ["TRADING", "TRADING", "BREAK", "HALT", "none", "unreadable"]
EVENTS = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.sampled_from(SYMBOLS),
        st.one_of(st.sampled_from(STATES), st.sampled_from([-1013, -2010, -1121, -2013, 0])),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(events=EVENTS, failing=st.sets(st.integers(0, 400), max_size=40))
def test_whatever_happens_readings_are_neither_rare_nor_many(
    events: list[tuple[float, str, str | int]], failing: set[int]
) -> None:
    """Played second by second; the state of the exchange is what the last events made it."""
    refresh = RulesRefresh(SYMBOLS)
    exchange = dict.fromkeys(SYMBOLS, "TRADING")
    read: defaultdict[str, list[float]] = defaultdict(list)
    requests: list[float] = []
    plan, at = [], 0.0
    for pause, symbol, what in events:
        at += pause
        plan.append((at, symbol, what))
    for second in range(int(at) + 62):
        while plan and plan[0][0] <= second:
            _, symbol, what = plan.pop(0)
            if isinstance(what, str):
                exchange[symbol] = what
            elif what:
                refresh.note_refusal(symbol, what, START + second)
            else:
                refresh.hurry(START + second)
        now = START + second
        while due := refresh.due(now):
            assert len(due) == len(set(due)) <= 100
            requests.append(now)
            if second in failing and second < at:
                refresh.failed(due, now)
                continue
            for symbol in due:
                read[symbol].append(now)
            shown = [rules_of(symbol, exchange[symbol]) for symbol in due if exchange[symbol] not in STATES[4:]]
            faults = {symbol: "broken" for symbol in due if exchange[symbol] == "unreadable"}
            refresh.take(due, info(*shown, faults=faults), now)
        assert refresh.next_due() > now
    for symbol, times in read.items():
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps, default=5) >= 5, symbol
    for moment in requests:
        assert sum(moment <= other < moment + 60 for other in requests) <= 80
    back = {symbol for symbol, state in exchange.items() if state == "TRADING"}
    assert back <= set(refresh.trading), "what trades again is taken up within a minute"


def test_what_must_be_known_now_is_due_at_once_unless_it_cannot_be_read() -> None:
    refresh = trading("BTCUSDT", "ETHUSDT")
    assert refresh.confirm("BTCUSDT", START + 5, 5)
    assert not refresh.confirm("BTCUSDT", START + 6, 5)
    assert refresh.due(START + 6) == ["BTCUSDT"]
    refresh.failed(["BTCUSDT"], START + 6)
    assert refresh.confirm("BTCUSDT", START + 6, 5)
    assert not refresh.confirm("BTCUSDT", START + 6, 5, must_be_read=True)
    assert refresh.due(START + 6) == [], "a failed reading is not repeated at once"
    assert not refresh.confirm("BTCUSDT", START + 12, 5), "it says nothing any more"
    refresh.take(["BTCUSDT"], info(rules_of("BTCUSDT")), START + 13)
    assert refresh.confirm("BTCUSDT", START + 18, 5, must_be_read=True)
    assert not refresh.confirm("BTCUSDT", START + 19, 5)
    assert refresh.confirm("XRPUSDT", START, 5), "nobody wants it"
