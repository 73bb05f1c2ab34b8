"""What a drill says, in lines for a person and for a program."""

from pathlib import Path

import orjson

from cq_tui.contracts.drills import DrillFigures, DrillReport

#: The longest name of a drill has as many letters.
NAME_WIDTH = 20


def step_line(drill: str, seconds: float, text: str) -> str:
    """Return the line of one step."""
    return f"{drill:<{NAME_WIDTH}} {seconds:6.1f} s  {text}"


def result_lines(report: DrillReport, evidence: Path, seconds: float) -> list[str]:
    """Return the result in one line, told after so many seconds, and where its evidence is if it failed."""
    verdict = f"{'PASS' if report.passed else 'FAIL'} in {report.seconds:.1f} s"
    text = describe_figures(report.figures) if report.figures is not None else ""
    parts = [part for part in (report.problem, text) if part]
    lines = [step_line(report.drill, seconds, f"{verdict}  {' · '.join(parts)}")]
    return lines if report.passed else [*lines, f"{'':<{NAME_WIDTH}} {'':8}  evidence: {evidence}"]


def describe_figures(figures: DrillFigures) -> str:
    """Return the figures in one line."""
    equity = "equity exact" if not float(figures.equity_difference) else f"equity off by {figures.equity_difference}"
    return " · ".join(
        [
            f"longest without a stop {figures.naked_seconds:.2f} s",
            f"{figures.orders} orders, {figures.fills} fills",
            equity,
            f"{figures.events} events verified",
        ]
    )


def step_json(drill: str, seconds: float, text: str) -> bytes:
    """Return one step as a line of JSON."""
    return orjson.dumps({"drill": drill, "seconds": round(seconds, 2), "step": text})


def result_json(report: DrillReport, evidence: Path) -> bytes:
    """Return the result as a line of JSON."""
    shown = report.model_dump(mode="json", exclude={"steps"})
    return orjson.dumps({"drill": report.drill, "evidence": str(evidence), "report": shown})
