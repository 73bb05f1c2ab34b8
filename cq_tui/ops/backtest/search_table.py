"""What a search found, as text and for programs: never a best set without what it brought afterwards."""

from collections.abc import Iterator, Sequence
from typing import Any

from cq_tui.lookback.search import Outcome, Tried, chosen_anew, luck, rank_agreement, ranked, together
from cq_tui.ops.backtest.search import Search
from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import pluralize
from cq_tui.ops.trading_reports.words import day_of, figure, money, signed_share

#: Sets shown.
MOST_SHOWN = 10
_PART = 36


def search_lines(search: Search, tried: Sequence[Tried], most: int = MOST_SHOWN) -> list[str]:
    """Return the table of a search and what it is worth."""
    order = ranked(tried, search.asked.rank)
    return [
        *_heading(search),
        "",
        *_table(order[:most]),
        *(
            [f"… and {len(order) - most:,} more, in search.json with --out, or with --json"]
            if len(order) > most
            else []
        ),
        "",
        *_judgment(search, order),
    ]


def _heading(search: Search) -> Iterator[str]:
    first, last, count = search.windows[0], search.windows[-1], len(search.windows)
    yield f"search over {len(search.sets):,} sets, ranked by {search.asked.rank} in-sample"
    if count == 1:
        yield f"in-sample      {day_of(first.begin)} to {day_of(first.split)} UTC"
        yield f"out-of-sample  {day_of(first.split)} to {day_of(first.end)} UTC"
    else:
        yield f"{count} windows from {day_of(first.begin)} to {day_of(last.end)} UTC"


def _table(order: Sequence[Tried]) -> Iterator[str]:
    columns = f"{'profit':>12}{'return':>10}{'trades':>7}{'Sharpe':>7}"
    yield f"{'':>4} {'in-sample':>{_PART}}   {'out-of-sample':>{_PART}}"
    yield f"{'':>4} {columns:>{_PART}}   {columns:>{_PART}}"
    for place, one in enumerate(order, 1):
        yield f"{place:>4} {_cells(together(one.inside))}   {_cells(together(one.outside))}"
        yield f"     {set_text(one)}"


def _cells(outcome: Outcome) -> str:
    share = signed_share(outcome.return_share)
    return f"{money(outcome.profit):>12}{share:>10}{outcome.trades:>7,}{figure(outcome.sharpe):>7}"


def set_text(one: Tried) -> str:
    """Return a set as one would type it."""
    return printable(", ".join(f"{key}={value}" for key, value in one.chosen.items()))


def _judgment(search: Search, order: Sequence[Tried]) -> Iterator[str]:
    best, rank = order[0], search.asked.rank
    inside, outside = together(best.inside), together(best.outside)
    yield (
        f"The best of {len(order):,} sets in-sample ({money(inside.profit)}) brought {money(outside.profit)} "
        "out-of-sample."
    )
    if len(search.windows) > 1:
        followed = together([one.outside[at] for at, one in enumerate(chosen_anew(order, rank))])
        yield (
            f"Chosen anew in each window, the best brought {money(followed.profit)} out-of-sample in "
            f"{pluralize(followed.trades, 'trade')}."
        )
    judged = luck(best, order)
    if judged is not None:
        yield (
            f"By chance alone the best of {judged.sets:,} is expected to show a daily Sharpe ratio of "
            f"{figure(judged.by_chance)}; it showed {figure(judged.found)}."
        )
        yield (
            f"That its true one is above zero has a probability of {judged.probability * 100:.0f} % (deflated "
            "Sharpe ratio)."
        )
    agreement = rank_agreement(order, rank)
    if agreement is not None:
        yield f"In-sample and out-of-sample order the sets alike by {figure(agreement)} (Spearman, −1 to 1)."


def search_json(search: Search, tried: Sequence[Tried]) -> dict[str, Any]:
    """Return all of it for programs, best set first. The same search gives the same document."""
    order, rank = ranked(tried, search.asked.rank), search.asked.rank
    judged, agreement = luck(order[0], order), rank_agreement(order, rank)
    return {
        "search": search.digest,
        "rank": rank,
        "windows": [window._asdict() for window in search.windows],
        "sets_tried": len(order),
        "luck": None if judged is None else {name: getattr(judged, name) for name in judged.__slots__},
        "rank_agreement": agreement,
        "chosen_anew": [{"set": one.chosen} for one in chosen_anew(order, rank)],
        "sets": [
            {
                "set": one.chosen,
                "inside": [outcome._asdict() for outcome in one.inside],
                "outside": [outcome._asdict() for outcome in one.outside],
            }
            for one in order
        ],
    }
