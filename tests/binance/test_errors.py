"""The error for each response: above all whether an order may have been executed."""

import pytest

from cq_tui.binance import errors


def mapped(
    status: int, body: bytes, *, changes_state: bool = False, retry_after: str | None = None
) -> errors.BinanceError:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return errors.error_from_response(status, headers, body, changes_state=changes_state)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-1013, errors.FilterRejected),
        (-1021, errors.TimestampRejected),
        (-1022, errors.AuthenticationFailed),
        (-1121, errors.InvalidSymbol),
        (-2010, errors.NewOrderRejected),
        (-2011, errors.CancelRejected),
        (-2013, errors.OrderNotFound),
        (-2015, errors.AuthenticationFailed),
        (-1100, errors.ApiError),
    ],
)
def test_codes(code: int, kind: type[errors.ApiError]) -> None:
    error = mapped(400, b'{"code":%d,"msg":"why"}' % code, changes_state=True)
    assert type(error) is kind
    assert isinstance(error, errors.ApiError)
    assert (error.status, error.code, error.message) == (400, code, "why")


@pytest.mark.parametrize(
    "body", [b"", b"<html>403 Forbidden</html>", b"\xff\xfe", b"[]", b'{"msg":"no code"}', b"null"]
)
def test_an_unreadable_body_does_not_hide_the_status(body: bytes) -> None:
    error = mapped(403, body)
    assert isinstance(error, errors.ApiError)
    assert (error.status, error.code) == (403, None)
    assert "403" in str(error)


def test_401_without_a_body_is_about_the_key() -> None:
    assert isinstance(mapped(401, b""), errors.AuthenticationFailed)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_after_a_server_error_the_outcome_of_a_change_is_unknown(status: int) -> None:
    assert isinstance(mapped(status, b"", changes_state=True), errors.OutcomeUnknown)
    assert isinstance(mapped(status, b""), errors.ServerError)


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007])
def test_codes_of_an_unknown_outcome_with_any_status(code: int) -> None:
    error = mapped(400, b'{"code":%d,"msg":""}' % code, changes_state=True)
    assert isinstance(error, errors.OutcomeUnknown)
    assert error.code == code


#: Every code of Binance's errors.md that REST can send.
ABOUT_THE_EXCHANGE_OR_US = [
    *(-1000, -1001, -1002, -1003, -1006, -1007, -1008, -1015, -1016, -1021, -1022, -1034, -2008, -2014, -2015),
    0,  # HTTP 451: restricted location
]
ABOUT_THE_SYMBOL_OR_THE_ORDER = [
    *(-1010, -1013, -1014, -1020, *range(-1106, -1099), -1108, -1111, -1112, *range(-1122, -1113), -1125, -1127),
    *(-1128, -1130, -1131, -1134, -1135, -1139, -1145, -1151, -1158, -1160, -1165, -1166, -1168, -1194, -1196, -1197),
    *(-1198, -1199, -2010, -2011, -2013, -2016, -2021, -2022, -2026, -2035, -2036, -2038, -2039, -2042, -2043),
]


@pytest.mark.parametrize("changes_state", [False, True])
def test_is_about_symbol_for_every_code(changes_state: bool) -> None:
    def blamed(code: int, status: int = 400) -> bool:
        return mapped(status, b'{"code":%d,"msg":""}' % code, changes_state=changes_state).is_about_symbol

    assert [code for code in ABOUT_THE_EXCHANGE_OR_US if blamed(code)] == []
    assert [code for code in ABOUT_THE_SYMBOL_OR_THE_ORDER if not blamed(code)] == []
    for status in (301, 401, 408, 418, 429, 500, 503):
        assert not any(blamed(code, status) for code in ABOUT_THE_SYMBOL_OR_THE_ORDER)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 418, 429, 451, 500, 503])
def test_a_response_without_a_code_is_not_about_the_symbol(status: int) -> None:
    assert not mapped(status, b"<html>").is_about_symbol
    assert not mapped(status, b"", changes_state=True).is_about_symbol


@pytest.mark.parametrize(
    "error",
    [
        errors.MalformedMessage("klines", "(whole)", "is not JSON"),
        errors.NotSent("no route"),
        errors.BudgetExhausted("held back", 1.0),
        errors.ConnectionLost("reset"),
        errors.OutcomeUnknown("timeout"),
    ],
)
def test_other_errors_are_not_about_the_symbol(error: errors.BinanceError) -> None:
    assert not error.is_about_symbol


def test_429_and_418_carry_the_wait() -> None:
    limited = mapped(429, b'{"code":-1003,"msg":"x"}', retry_after="7", changes_state=True)
    assert type(limited) is errors.RateLimited
    assert limited.retry_after == 7
    banned = mapped(418, b"", retry_after="180")
    assert type(banned) is errors.Banned
    assert banned.retry_after == 180


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "²"])
def test_an_unreadable_retry_after_gets_a_cautious_default(value: str) -> None:
    assert errors.retry_after_seconds({"retry-after": value}, 429) == 60
    assert errors.retry_after_seconds({"retry-after": value}, 418) == 120


def test_a_long_body_is_cut() -> None:
    assert len(str(mapped(502, b"x" * 100_000))) < 300
