"""Names of streams, and their distribution over connections."""

from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.stream_names import MAX_BATCH, MAX_STREAMS, in_batches, kline_stream, split_streams, symbol_of
from cq_tui.binance.streams import MarketStreams


@pytest.mark.parametrize("name", ["", "btcusdt", "@bookTicker", "btcusdt@", "!miniTicker@arr"])
def test_streams_without_a_symbol(name: str) -> None:
    with pytest.raises(ValueError, match="has no symbol"):
        MarketStreams("ws://127.0.0.1:1", [name])


@pytest.mark.parametrize("symbol", ["{}USDT", "币安人生币安人生{}USDT"])
def test_no_message_or_url_of_many_streams_is_longer_than_the_exchange_takes(symbol: str) -> None:
    streams = [kline_stream(symbol.format(number), "15m") for number in range(1024)]
    batches = in_batches(streams)
    assert [stream for batch in batches for stream in batch] == streams
    assert max(map(len, batches)) <= MAX_BATCH
    for number, batch in enumerate(batches):
        assert len(orjson.dumps({"method": "SUBSCRIBE", "params": batch, "id": number})) <= 4096 - 8
        assert len(quote("/".join(batch), safe="/@")) < 8_000


def test_at_most_1024_streams_a_connection() -> None:
    assert MAX_STREAMS == 1024
    with pytest.raises(ValueError, match="1 to 1024"):
        split_streams(["a@b"], 1025)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xyz")), max_size=60), st.integers(1, 9))
def test_splitting_loses_nothing_and_keeps_the_limit(pairs: list[tuple[str, str]], limit: int) -> None:
    names = [f"{symbol}@{kind}" for symbol, kind in pairs]
    shares = split_streams(names, limit)
    assert sorted(name for share in shares for name in share) == sorted(set(names))
    assert all(1 <= len(share) <= limit for share in shares)
    if limit >= 3:
        homes = {(symbol_of(name), number) for number, share in enumerate(shares) for name in share}
        assert len(homes) == len({symbol for symbol, _ in homes})
