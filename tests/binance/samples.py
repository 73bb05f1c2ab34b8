"""Sample responses and events of the exchange, with the fields that our parsers require."""

from typing import Any

KLINE: list[Any] = [
    1499040000000, "0.01634790", "0.80000000", "0.01575800", "0.01577100", "148976.11427815",
    1499040059999, "2434.19055334", 308, "1756.87402397", "28.46694368", "0",
]  # fmt: skip

TICKER_24H: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "lastPrice": "61837.63000000",
    "priceChangePercent": "-1.250",
    "highPrice": "63000.00000000",
    "lowPrice": "60000.00000000",
    "volume": "1200.50000000",
    "quoteVolume": "74000000.00000000",
    "closeTime": 1723161255208,
    "count": 90210,
}

BOOK_TICKER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "bidPrice": "61837.63000000",
    "bidQty": "3.78826000",
    "askPrice": "61837.64000000",
    "askQty": "1.54698000",
}

FILL: dict[str, Any] = {
    "tradeId": 56,
    "price": "100.10000000",
    "qty": "0.50000000",
    "commission": "0.00050000",
    "commissionAsset": "BTC",
}

ORDER_PLACED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": "cq-entry-1",
    "transactTime": 1507725176595,
    "price": "0.00000000",
    "origQty": "0.50000000",
    "executedQty": "0.50000000",
    "cummulativeQuoteQty": "50.05000000",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "MARKET",
    "side": "BUY",
    "fills": [FILL],
}

ORDER_QUERIED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 29,
    "orderListId": 7,
    "clientOrderId": "cq-stop-1",
    "price": "90.00000000",
    "origQty": "0.50000000",
    "executedQty": "0.00000000",
    "cummulativeQuoteQty": "0.00000000",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "STOP_LOSS_LIMIT",
    "side": "SELL",
    "stopPrice": "91.00000000",
    "time": 1507725176000,
    "updateTime": 1507725176595,
    "isWorking": False,
}

ORDER_CANCELED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "origClientOrderId": "cq-limit-1",
    "orderId": 30,
    "orderListId": -1,
    "clientOrderId": "id-of-the-cancel",
    "transactTime": 1684804350068,
    "price": "2.00000000",
    "origQty": "1.00000000",
    "executedQty": "0.00000000",
    "cummulativeQuoteQty": "0.00000000",
    "status": "CANCELED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "SELL",
}

ORDER_LIST: dict[str, Any] = {
    "orderListId": 7,
    "contingencyType": "OCO",
    "listStatusType": "EXEC_STARTED",
    "listOrderStatus": "EXECUTING",
    "listClientOrderId": "cq-oco-1",
    "transactionTime": 1710485608839,
    "symbol": "BTCUSDT",
    "orders": [
        {"symbol": "BTCUSDT", "orderId": 29, "clientOrderId": "cq-stop-1"},
        {"symbol": "BTCUSDT", "orderId": 31, "clientOrderId": "cq-profit-1"},
    ],
}

ACCOUNT: dict[str, Any] = {
    "commissionRates": {"maker": "0.00100000", "taker": "0.00200000"},
    "canTrade": True,
    "updateTime": 123456789,
    "balances": [
        {"asset": "BTC", "free": "0.50000000", "locked": "0.25000000"},
        {"asset": "USDT", "free": "1000.00000000", "locked": "0.00000000"},
    ],
}

ACCOUNT_TRADE: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "id": 28457,
    "orderId": 100234,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.00001200",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
}

EXECUTION_REPORT: dict[str, Any] = {
    "e": "executionReport",
    "E": 1499405658658,
    "s": "BTCUSDT",
    "c": "cq-entry-1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.00000000",
    "p": "100.00000000",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "r": "NONE",
    "i": 4293153,
    "l": "0.40000000",
    "z": "0.40000000",
    "L": "99.90000000",
    "n": "0.00040000",
    "N": "BTC",
    "T": 1499405658657,
    "t": 77,
    "I": 8641984,
    "w": True,
    "m": False,
    "M": False,
    "O": 1499405658657,
    "Z": "39.96000000",
    "Y": "39.96000000",
    "Q": "0.00000000",
    "V": "NONE",
}

ACCOUNT_POSITION: dict[str, Any] = {
    "e": "outboundAccountPosition",
    "E": 1564034571105,
    "u": 1564034571073,
    "B": [{"a": "ETH", "f": "10000.00000000", "l": "1.00000000"}],
}

BALANCE_UPDATE: dict[str, Any] = {
    "e": "balanceUpdate",
    "E": 1573200697110,
    "a": "BTC",
    "d": "-100.00000000",
    "T": 1573200697068,
}

LIST_STATUS: dict[str, Any] = {
    "e": "listStatus",
    "E": 1564035303637,
    "s": "ETHBTC",
    "g": 2,
    "c": "OCO",
    "l": "EXEC_STARTED",
    "L": "EXECUTING",
    "r": "NONE",
    "C": "cq-oco-1",
    "T": 1564035303625,
    "O": [
        {"s": "ETHBTC", "i": 17, "c": "cq-stop-1"},
        {"s": "ETHBTC", "i": 18, "c": "cq-profit-1"},
    ],
}


def book_ticker_event(symbol: str = "BTCUSDT", **changed: object) -> dict[str, Any]:
    """Return a bookTicker event in the combined form."""
    data = {"u": 400900217, "s": symbol, "b": "25.35190000", "B": "31.21000000", "a": "25.36520000", "A": "40.66"}
    return {"stream": f"{symbol.lower()}@bookTicker", "data": data | changed}


def mini_ticker_event(symbol: str = "BTCUSDT", **changed: object) -> dict[str, Any]:
    """Return a miniTicker event in the combined form."""
    data = {"e": "24hrMiniTicker", "E": 1672515782136, "s": symbol}
    numbers = {"c": "0.0025", "o": "0.0010", "h": "0.0026", "l": "0.0009", "v": "10000", "q": "18"}
    return {"stream": f"{symbol.lower()}@miniTicker", "data": data | numbers | changed}


def kline_event(symbol: str = "BTCUSDT", **changed: object) -> dict[str, Any]:
    """Return a kline event in the combined form; ``changed`` replaces fields of the bar."""
    bar = {
        "t": 1672515780000, "T": 1672515839999, "s": symbol, "i": "1m", "f": 100, "L": 200,
        "o": "0.0010", "c": "0.0020", "h": "0.0025", "l": "0.0009", "v": "1000", "n": 100, "x": False,
        "q": "1.5", "V": "500", "Q": "0.500", "B": "123456",
    }  # fmt: skip
    data = {"e": "kline", "E": 1672515782136, "s": symbol, "k": bar | changed}
    return {"stream": f"{symbol.lower()}@kline_1m", "data": data}


def trade_event(symbol: str = "BTCUSDT", **changed: object) -> dict[str, Any]:
    """Return a trade event in the combined form."""
    data = {"e": "trade", "E": 1672515782136, "s": symbol, "t": 12345, "p": "0.00100000", "q": "100.00000000"}
    data |= {"T": 1672515782100, "m": True, "M": True}
    return {"stream": f"{symbol.lower()}@trade", "data": data | changed}


def depth_event(symbol: str = "BTCUSDT", **changed: object) -> dict[str, Any]:
    """Return a depth event in the combined form."""
    data = {"e": "depthUpdate", "E": 1672515782136, "s": symbol, "U": 157, "u": 160}
    data |= {"b": [["0.0024", "10"]], "a": [["0.0026", "100"]]}
    return {"stream": f"{symbol.lower()}@depth@100ms", "data": data | changed}
