"""One tape: trades, aggregates, klines, tickers and streams agree."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from cq_tui.simulator.api import klines, market_data, public_trades, tickers
from cq_tui.simulator.market.ticks import TICK_MS
from tests.simulator.streams.stage import START, FakeConnection, Stage


def fills_between(stage: Stage) -> None:
    """Let the account trade as taker at several prices, as maker, and with itself."""
    book = stage.exchange.engine.book("BTCUSDT")
    best = book.best_level("asks")
    stage.order("BUY", f"{best.quantity + Decimal('0.5'):.5f}")
    stage.order("SELL", "0.7", f"{book.best_ask + 1:.2f}")
    price = book.best_bid + Decimal("0.01")
    if price < book.best_ask:
        stage.order("BUY", "0.2", f"{price:.2f}")
        stage.order("BUY", "0.3", f"{price:.2f}")
        stage.order("SELL", "0.5", f"{price:.2f}", stp_mode="NONE")


def played(seconds: int = 70) -> tuple[Stage, list[dict[str, Any]]]:
    """Return an exchange after some time, and its stream messages about BTCUSDT."""
    stage = Stage("BTCUSDT", "ETHUSDT")
    names = ("trade", "aggTrade", "kline_1s", "kline_1m", "kline_5m")
    _, connection = stage.subscriber(*(f"btcusdt@{name}" for name in names), combined=True)
    for second in range(seconds):
        stage.tick(2)
        if second % 3 == 1:
            stage.now += 40
            fills_between(stage)
        stage.tick(2)
    return stage, connection.read_messages()


def data(messages: list[dict[str, Any]], name: str) -> list[Any]:
    return [message["data"] for message in messages if message["stream"] == f"btcusdt@{name}"]


def test_trades_are_one_sequence_on_rest_and_stream() -> None:
    stage, messages = played()
    told = data(messages, "trade")
    assert [event["t"] for event in told] == list(range(told[0]["t"], told[0]["t"] + len(told)))
    assert len(told) > 70 * 4, "the account traded too"
    assert all(earlier["T"] <= later["T"] for earlier, later in pairwise(told))
    served = stage.get(public_trades.historical_trades, fromId=told[0]["t"], limit=1_000)
    assert [(t["id"], t["price"], t["qty"], t["time"], t["isBuyerMaker"]) for t in served] == [
        (e["t"], e["p"], e["q"], e["T"], e["m"]) for e in told[:1_000]
    ]
    assert all(
        Decimal(t["quoteQty"]) == (Decimal(t["price"]) * Decimal(t["qty"])).quantize(Decimal("0.00000001"))
        for t in served
    )
    assert stage.get(public_trades.trades, limit=3) == served[-3:]


def test_the_account_s_fills_are_on_the_tape_with_their_ids() -> None:
    stage, messages = played(20)
    told = {event["t"]: event for event in data(messages, "trade")}
    own = stage.exchange.state.trades
    assert own
    for trade in own:
        event = told[trade.trade_id]
        assert (Decimal(event["p"]), Decimal(event["q"])) == (trade.price, trade.quantity)
        assert event["T"] == trade.time
        assert event["m"] == (trade.is_buyer == trade.is_maker)
    assert len({trade.trade_id for trade in own if not trade.is_self_trade_maker}) == len(
        [trade for trade in own if not trade.is_self_trade_maker]
    )


def test_an_aggregate_is_one_taker_order_s_trades_at_one_price_and_time() -> None:
    _, messages = played()
    told = data(messages, "aggTrade")
    trades = data(messages, "trade")
    assert [event["a"] for event in told] == list(range(told[0]["a"], told[0]["a"] + len(told)))
    assert told[0]["f"] == trades[0]["t"]
    assert all(later["f"] == earlier["l"] + 1 for earlier, later in pairwise(told))
    by_id = {event["t"]: event for event in trades}
    joined = [event for event in told if event["l"] > event["f"]]
    assert joined, "two own orders at one price were taken by one order"
    for event in told:
        parts = [by_id[number] for number in range(event["f"], event["l"] + 1)]
        assert {(part["p"], part["T"], part["m"]) for part in parts} == {(event["p"], event["T"], event["m"])}
        assert sum(Decimal(part["q"]) for part in parts) == Decimal(event["q"])


def test_aggregates_over_rest_by_id_time_and_newest() -> None:
    stage, messages = played(30)
    told = [{key: value for key, value in event.items() if key not in "eEs"} for event in data(messages, "aggTrade")]
    get = public_trades.aggregate_trades
    assert stage.get(get, fromId=told[0]["a"], limit=1_000) == told
    for limit in (1, 7, 40):
        assert stage.get(get, limit=limit) == told[-limit:]
        assert stage.get(get, fromId=told[5]["a"], limit=limit) == told[5 : 5 + limit]
        start = told[9]["T"]
        later = [entry for entry in told if entry["T"] >= start]
        assert stage.get(get, startTime=start, limit=limit) == later[:limit]
        earlier = [entry for entry in told if entry["T"] <= start]
        wanted = min(limit, len(earlier))  # there are more before what the stream told
        assert stage.get(get, endTime=start, limit=limit)[-wanted:] == earlier[-wanted:]
        assert (
            stage.get(get, startTime=start, endTime=start + 1_000, limit=limit)
            == [entry for entry in later if entry["T"] <= start + 1_000][:limit]
        )


def bar_of(trades: list[dict[str, Any]]) -> tuple[Any, ...]:
    prices = [Decimal(trade["p"]) for trade in trades]
    volume = sum(Decimal(trade["q"]) for trade in trades)
    quote = sum(Decimal(trade["p"]) * Decimal(trade["q"]) for trade in trades)
    taken = sum(Decimal(trade["q"]) for trade in trades if not trade["m"])
    return prices[0], max(prices), min(prices), prices[-1], volume, float(quote), len(trades), taken


def test_klines_match_the_trades() -> None:
    stage, messages = played(130)
    trades = {event["t"]: event for event in data(messages, "trade")}
    for interval, length in (("1s", 1_000), ("1m", 60_000)):
        closed = [event["k"] for event in data(messages, f"kline_{interval}") if event["k"]["x"]]
        assert [later["t"] - earlier["t"] for earlier, later in pairwise(closed)] == [length] * (len(closed) - 1)
        assert all(later["f"] == earlier["L"] + 1 for earlier, later in pairwise(closed))
        whole = [kline for kline in closed if kline["f"] in trades and kline["t"] > START]
        assert whole
        for kline in whole:
            parts = [trades[number] for number in range(kline["f"], kline["L"] + 1)]
            assert all(kline["t"] <= part["T"] <= kline["T"] for part in parts)
            *exact, quote, count, taken = bar_of(parts)
            assert exact == [Decimal(kline[key]) for key in "ohlcv"]
            assert abs(quote - float(kline["q"])) < 1e-4
            assert (count, taken) == (kline["n"], Decimal(kline["V"]))
        served = {row[0]: row for row in stage.get(klines.klines, interval=interval, limit=1_000)}
        for kline in closed:
            row = served[kline["t"]]
            assert row[1:6] == [kline[key] for key in "ohlcv"]
            assert (row[6], row[7], row[8], row[9]) == (kline["T"], kline["q"], kline["n"], kline["V"])


def test_tickers_end_with_the_newest_trade() -> None:
    stage, _ = played(30)
    fills_between(stage)
    newest = stage.get(public_trades.trades, limit=1)[0]
    day = stage.get(tickers.ticker_24hr)
    assert (day["lastId"], day["lastPrice"], day["lastQty"]) == (newest["id"], newest["price"], newest["qty"])
    assert day["count"] == day["lastId"] - day["firstId"] + 1
    assert stage.get(tickers.ticker_price)["price"] == newest["price"]
    window = stage.get(tickers.rolling, windowSize="1m")
    assert window["openTime"] % 60_000 == 0
    assert 60_000 <= window["closeTime"] - window["openTime"] < 120_000
    opened = stage.get(public_trades.historical_trades, fromId=window["firstId"], limit=1)[0]
    assert opened["time"] >= window["openTime"]
    assert Decimal(window["openPrice"]) == Decimal(opened["price"])
    before = stage.get(public_trades.historical_trades, fromId=window["firstId"] - 1, limit=1)[0]
    assert before["time"] < window["openTime"]
    assert stage.get(market_data.average_price)["closeTime"] == newest["time"]
    today = stage.get(tickers.trading_day, timeZone="5")
    assert (today["openTime"] + 5 * 3_600_000) % 86_400_000 == 0


def test_skipped_klines_close_once_each_and_include_every_trade() -> None:
    stage = Stage()
    _, connection = stage.subscriber("btcusdt@kline_1m", "btcusdt@kline_1s", "btcusdt@trade", combined=True)
    stage.tick(4)
    stage.jump(150_000)
    stage.tick(4)
    messages = connection.read_messages()
    minutes = [event["k"] for event in data(messages, "kline_1m") if event["k"]["x"]]
    assert [kline["t"] for kline in minutes] == [START, START + 60_000]
    seconds = [event["k"] for event in data(messages, "kline_1s")]
    assert [kline["t"] for kline in seconds] == list(range(START, stage.exchange.market.time, 1_000))
    assert all(later["f"] == earlier["L"] + 1 for earlier, later in pairwise(seconds))
    trades = [event["t"] for event in data(messages, "trade")]
    assert trades == list(range(trades[0], trades[0] + len(trades)))
    assert len(trades) == 4 + 150_000 // TICK_MS + 4


def test_the_same_seed_and_requests_give_the_same_at_any_time() -> None:
    """Everything agrees except the time itself: ids too, and times relative to the start."""

    def said(start: int) -> list[tuple[str, Any]]:
        stage = Stage("BTCUSDT", "ETHUSDT", start=start)
        connection: FakeConnection
        names = [f"btcusdt@{name}" for name in ("trade", "aggTrade", "bookTicker", "depth@100ms", "kline_1s")]
        _, connection = stage.subscriber(*names, combined=True)
        for _ in range(5):
            stage.tick(3)
            fills_between(stage)
        found = []
        for message in connection.read_messages():
            body = message["data"].get("k") or message["data"]
            times = {key: value - start for key, value in body.items() if key in "ETt" and value > 10**12}
            found.append((message["stream"], {**body, **times}))
        return found

    one, other = said(START), said(START + 86_400_000 * 9 + 3_617_000)
    assert len(one) > 60
    assert one == other
