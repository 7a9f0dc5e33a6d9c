"""Rows of the table, rounds that take turns, and the page that is written."""

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. ``ratio`` is ours / limit; ``met`` is None where there is no target to meet."""

    name: str
    ours: str
    limit: str
    ratio: float | None
    target: str
    met: bool | None
    how: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that could not be measured here, and why."""

    name: str
    reason: str


Rows = list[Row | Skipped]


def interleaved(works: Mapping[str, Work], rounds: int) -> dict[str, float]:
    """Median seconds of each piece of work; one round runs all of them, after a first that is not counted."""
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds):
        names = list(works)
        for name in names if turn % 2 == 0 else reversed(names):
            started = time.perf_counter()
            works[name]()
            seconds[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in seconds.items()}


def rate_row(
    name: str, ours: float, limit: float, *, unit: str, at_least: float | None, limit_name: str, how: str
) -> Row:
    """A row of rates, where more is better; ``at_least`` is the target of ours / limit."""
    target = "-" if at_least is None else f">= {at_least:g} x"
    met = None if at_least is None else ours / limit >= at_least
    return Row(name, f"{_number(ours)} {unit}", f"{limit_name} {_number(limit)}", ours / limit, target, met, how)


def floor_row(name: str, ours: float, floor: float, *, unit: str, how: str, limit: str = "-") -> Row:
    """A row whose target is a rate of its own."""
    target = f">= {_number(floor)} {unit}"
    return Row(name, f"{_number(ours)} {unit}", limit, ours / floor, target, ours >= floor, how)


def ceiling_row(name: str, ours: float, ceiling: float, *, unit: str, how: str, limit: str = "-") -> Row:
    """A row whose target is a limit from above."""
    target = f"<= {_number(ceiling)} {unit}".rstrip()
    return Row(name, f"{_number(ours)} {unit}".rstrip(), limit, ours / ceiling, target, ours <= ceiling, how)


def machine() -> str:
    """What ran the bench, in a sentence."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores ({platform.machine()}), {platform.system()}, Python {platform.python_version()}, "
        f"load average {load:.1f} at the end (this process's own work included)"
    )


def markdown(rows: Rows, command: str) -> str:
    """The page docs/benchmarks.md."""
    lines = [
        "# Benchmarks",
        "",
        f"Measured by `{command}` on {machine()}.",
        "Ours and the limit run side by side in one run and take turns; the numbers are medians. On a machine that",
        "does other work at the same time the ratios hold better than the rates.",
        "",
        "| what | ours | limit / best peer | ratio | to reach | reached |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        if isinstance(row, Skipped):
            lines.append(f"| {row.name} | - | - | - | - | skipped: {row.reason} |")
        else:
            ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
            lines.append(f"| {row.name} | {row.ours} | {row.limit} | {ratio} | {row.target} | {_word(row.met)} |")
    lines += ["", "## How", ""]
    lines += [f"- **{row.name}**: {row.how}" for row in rows if isinstance(row, Row)]
    return "\n".join(lines) + "\n"


def plain(row: Row | Skipped) -> str:
    """One row for the terminal."""
    if isinstance(row, Skipped):
        return f"{row.name:<44} skipped: {row.reason}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return f"{row.name:<44} {row.ours:>20}  {row.limit:<28} {ratio:>6}  {row.target:<16} {_word(row.met)}"


def _word(met: bool | None) -> str:
    return "-" if met is None else "yes" if met else "**no**"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
