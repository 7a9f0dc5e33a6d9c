"""How often the matcher is right, and how often it is right when it says how sure it is.

``python -m tests.unit.targets.reliability`` judges the labels of ``labels.tsv`` and writes the two tables into
docs/targets.md, between the marks that are there; a test compares them.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.events.frame import TargetMatch
from shared.targets.matcher import Matcher

LABELS = Path(__file__).with_name("labels.tsv")
PAGE = Path(__file__).parents[3] / "docs" / "targets.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NONE = "-"
BINS = ((0.0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0))

KINDS = {
    "plain": "designations and names, plainly written",
    "decorated": "decorated by programs and people",
    "misspelt": "misspelt, glued, cut",
    "language": "German, French, Spanish, Italian",
    "trap": "look-alikes",
    "wrong": "designations that do not exist (right: none)",
    "nothing": "words that name no object (right: none)",
    "field": "no name, position only",
    "placed": "name and position",
}
"""The kinds of labels, and what they are called in the table."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a frame says and which answers are right; ``NONE`` among them means that nothing may be found."""

    expected: frozenset[str]
    hard: bool
    kind: str
    query: str
    ra_deg: float | None
    dec_deg: float | None
    width_deg: float | None
    height_deg: float | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A label and the matcher's answer to it."""

    label: Label
    found: TargetMatch

    @property
    def right(self) -> bool:
        """Whether the answer is one that the label expects."""
        return (self.found.catalog_id or NONE) in {canonical(one) for one in self.label.expected}


@cache
def matcher() -> Matcher:
    """One matcher for all tests of this folder."""
    return Matcher.load()


@cache
def labels() -> tuple[Label, ...]:
    """The labels in file order."""
    lines = LABELS.read_text(encoding="utf-8").splitlines()
    return tuple(_label(line.split("\t")) for line in lines if line and not line.startswith("#"))


@cache
def judged() -> tuple[Judged, ...]:
    """Every label with its answer."""
    return tuple(
        Judged(
            one,
            matcher().match(
                one.query,
                ra_deg=one.ra_deg,
                dec_deg=one.dec_deg,
                width_deg=one.width_deg,
                height_deg=one.height_deg,
            ),
        )
        for one in labels()
    )


def canonical(catalog_id: str) -> str:
    """The id under which the catalogue keeps the object of a label."""
    known = matcher().catalogue.resolve(catalog_id)
    return catalog_id if known is None else known.catalog_id


def share_right(answers: Sequence[Judged]) -> float:
    """The share of right answers, 0 to 1."""
    return sum(one.right for one in answers) / len(answers)


def matches_between(low: float, high: float) -> list[Judged]:
    """The matches with a confidence from ``low`` to below ``high`` (1.0 included in the last bin)."""
    return [
        one
        for one in judged()
        if one.found.catalog_id is not None and low <= one.found.confidence < (1.01 if high == 1.0 else high)
    ]


def tables() -> str:
    """Both tables in Markdown, from the matcher as it is now."""
    lines = ["| labels | number | right | share |", "|---|---:|---:|---:|"]
    groups = [(name, [one for one in judged() if one.label.kind == kind]) for kind, name in KINDS.items()]
    groups += [
        (f"all {'hard' if hard else 'easy'}", [one for one in judged() if one.label.hard is hard])
        for hard in (False, True)
    ]
    for name, answers in groups:
        right = sum(one.right for one in answers)
        lines.append(f"| {name} | {len(answers)} | {right} | {100 * right / len(answers):.1f} % |")
    lines += ["", "| confidence | matches | right | share | mean confidence |", "|---|---:|---:|---:|---:|"]
    for low, high in BINS:
        answers = matches_between(low, high)
        right = sum(one.right for one in answers)
        mean = sum(one.found.confidence for one in answers) / max(len(answers), 1)
        share = f"{100 * right / len(answers):.1f} %" if answers else ""
        lines.append(f"| {low:.1f} to {high:.1f} | {len(answers)} | {right} | {share} | {mean:.2f} |")
    return "\n".join(lines)


def page_tables(page: str) -> str:
    """The part of the page between the marks. Raises ValueError when a mark is missing."""
    return page[page.index(BEGIN) + len(BEGIN) : page.index(END)].strip()


def _label(cells: list[str]) -> Label:
    expected, mark, kind, query, *numbers = cells
    if mark not in {"easy", "hard"} or kind not in KINDS:
        raise ValueError(f"{LABELS.name}: {cells} is neither easy nor hard, or of no known kind")
    ra, dec, width, height = (float(number) if number else None for number in [*numbers, *[""] * (4 - len(numbers))])
    return Label(frozenset(expected.split("|")), mark == "hard", kind, query, ra, dec, width, height)


def main() -> int:
    """Write the tables into the page and name the wrong answers."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(page_tables(page), tables()), encoding="utf-8")
    for one in judged():
        if not one.right:
            where = "" if one.label.ra_deg is None else f" at {one.label.ra_deg} {one.label.dec_deg}"
            found = f"{one.found.catalog_id} ({one.found.method}, {one.found.confidence:.2f})"
            print(f"{one.label.kind}: {one.label.query!r}{where} is {found}, not {sorted(one.label.expected)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
