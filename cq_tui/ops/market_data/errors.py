"""Why recorded klines cannot be used."""


class MarketDataError(ValueError):
    """Recorded klines cannot be used; the message names file, line and remedy."""


class MarketDataBusy(MarketDataError):
    """Another process is writing klines; the message says which."""
