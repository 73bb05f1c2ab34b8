"""The account in words: every kind of line, and no text from a file unsanitized."""

import time
from typing import Any

import pytest

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.freshness import NO_END
from cq_tui.contracts.health import TraderHealth
from cq_tui.ops.account_words import account_lines, format_milliseconds, naked_words
from cq_tui.trading.position_life import NakedKind
from tests.supervisor.pretend import HEALTH

TIMES = {"count": 1, "p50_ms": 0, "p99_ms": 850, "max_ms": 1_250}
ACCOUNT = {
    "timestamp": 1.0,
    "mode": "testnet",
    "equity": 1_000.5,
    "available_balance": 1.0,
    "realized_pnl": -0.25,
    "account": "testnet:7",
}
QUARANTINED = {
    "symbol": "", "reason": "-2010\x1b", "failures": 3, "since": 1785594000.0, "until": 1785594900.0,
}  # fmt: skip


def lines(health: dict[str, Any], account: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    known = HEALTH | {"service": "trader", "last_update_ts": time.time(), "account": "testnet:7", "owner": "abcde"}
    state = None if account is None else AccountState.model_validate(ACCOUNT | account)
    return [(name, text) for name, text in account_lines(TraderHealth.model_validate(known | health), state)]


@pytest.mark.parametrize(
    ("health", "line"),
    [
        ({}, ("account", "testnet:7, owner abcde")),
        ({"owner": None}, ("account", "testnet:7, owner not chosen yet")),
        (
            {"doubts": {"BTCUSDT": ["the book has 2 BTC", "or 3\x1b"]}},
            (
                "in doubt",
                "BTCUSDT: the book has 2 BTC; or 3␛ · look at the exchange, then cq-tui accept BTCUSDT --why TEXT",
            ),
        ),
        ({"unsellable": {"BTCUSDT": "too few"}}, ("cannot be sold", "BTCUSDT: too few; tried again by itself")),
        ({"notices": ["an earlier book is kept"]}, ("notice", "an earlier book is kept")),
        (
            {"unprotected": {"entry_oco": TIMES}},
            ("without a stop", "entry by OCO: once, median 0 ms, p99 850 ms, longest 1.2 s"),
        ),
        (
            {"unprotected": {"of a later version": TIMES | {"count": 1_200}}},
            ("without a stop", "of a later version: 1,200 times, median 0 ms, p99 850 ms, longest 1.2 s"),
        ),
    ],
)  # fmt: skip
def test_what_the_health_says(health: dict[str, Any], line: tuple[str, str]) -> None:
    assert line in lines(health)


WAITING = {"symbol": "A", "strategy": "my\x1b", "limit_price": 0.05, "until_ts": 1_785_594_000, "signal_key": ""}


@pytest.mark.parametrize(
    ("account", "line"),
    [
        ({}, ("money", "equity 1,000.50 USDT · realized −0.25")),
        (
            {"unrealized_pnl": 1.0, "day_profit": 0.5, "drawdown": 2.0, "deposits": -3.0},
            (
                "money",
                "equity 1,000.50 USDT · realized −0.25 · unrealized +1.00 · today +0.50 · drawdown 2.00"
                " · deposits less withdrawals −3.00",
            ),
        ),
        (
            {
                "loss_limits": {
                    "drawdown": {"lost": 12.5, "base": 1000.0, "limit": 0.2, "tier": "warn", "since_ts": 1.0}
                }
            },
            ("limit", "drawdown 1.2% of 1,000.00, limit 20.0% · a warning"),
        ),
        (
            {"loss_limits": {"daily_loss": {"lost": 0.0, "base": 0.0, "limit": 0.1}}},
            ("limit", "daily loss 0.0% of 0.00, limit 10.0%"),
        ),
        (
            {"remainders": {"A": {"quantity": "1", "cost": 1, "worth": 0.5}, "B": {"quantity": "1", "cost": 1}}},
            ("remainders", "2 symbols, worth 0.50 USDT without what has no price; sold with the next exit in each"),
        ),
        (
            {"foreign_coins": {"BTC": "0.50", "ETH\x1b": "2"}},
            ("not ours", "0.5 BTC; 2 ETH␛; left alone. cq-tui adopt SYMBOL --stop PRICE protects coins"),
        ),
        (
            {"quarantine": {"A": QUARANTINED | {"symbol": "A"}}},
            ("quarantined", "A: -2010␛; next probe at 2026-08-01 14:35:00 UTC"),
        ),
        (
            {"quarantined_strategies": {"trend": QUARANTINED | {"cause": "hand", "person": "kim", "until": NO_END}}},
            ("quarantined", "trend: by kim: -2010␛; until it is released"),
        ),
        (
            {"locks": {"A": "flattened by kim since 2026-08-01 14:20 UTC: news\x1b"}},
            ("locked", "A: flattened by kim since 2026-08-01 14:20 UTC: news␛; until cq-tui resume A"),
        ),
        (
            {
                "waiting_entries": [
                    {
                        "symbol": "A",
                        "strategy": "my\x1b",
                        "limit_price": 0.05,
                        "until_ts": 1_785_594_000,
                        "signal_key": "",
                    }
                ]
            },
            ("waiting", "A entry of my␛, for 0.05 until 2026-08-01 14:20:00 UTC"),
        ),
        ({"foreign_orders": [*"abcdefgh"]}, ("others' orders", "a; b; c; d; e; f and 2 more; left alone")),
    ],
)
def test_what_the_account_file_says(account: dict[str, Any], line: tuple[str, str]) -> None:
    assert line in lines({}, account)


def test_the_file_of_another_account_says_nothing() -> None:
    assert lines({}, {"account": "testnet:8", "foreign_coins": {"BTC": "1"}}) == lines({})


def test_a_trader_of_the_first_version_names_no_account() -> None:
    assert lines({"account": None}, {}) == account_lines(None, None) == []


def test_every_kind_of_naked_time_has_words_of_its_own() -> None:
    words = [naked_words(kind.value) for kind in NakedKind]
    assert len({*words}) == len(words)
    assert not any("_" in each for each in words)


@pytest.mark.parametrize(("milliseconds", "text"), [(0, "0 ms"), (999, "999 ms"), (1_000, "1.0 s"), (92_000, "92.0 s")])
def test_milliseconds(milliseconds: float, text: str) -> None:
    assert format_milliseconds(milliseconds) == text
