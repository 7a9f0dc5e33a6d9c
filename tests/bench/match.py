"""Name matching: the Matcher against the bare dictionary."""

import random

from shared.targets.decoration import strip
from shared.targets.matcher import Matcher
from tests.bench.table import Rows, floor_row, interleaved


def rows(*, quick: bool) -> Rows:
    """Lookups per second of names as headers hold them, each asked once so that the cache cannot help."""
    queries = _mixed(2_000 if quick else 10_000)
    table = {query: query for query in queries}
    best = Matcher.load()

    def ours() -> None:
        fresh = Matcher(best.catalogue)  # an empty cache
        for query in queries:
            fresh.match(query)

    def making() -> None:
        Matcher(best.catalogue)

    seconds = interleaved(
        {"ours": ours, "making": making, "dict": lambda: [table.get(strip(query)) for query in queries]},
        3 if quick else 5,
    )
    spent = seconds["ours"] - seconds["making"]
    return [
        floor_row(
            "name match, mixed",
            len(queries) / spent,
            10_000,
            unit="names/s",
            limit=f"dict + strip {len(queries) / seconds['dict']:,.0f}",
            how="designations, proper names, decorated names, misspellings and nonsense, every query different; "
            "making the index is taken off",
        )
    ]


def _mixed(count: int) -> list[str]:
    """Half plain designations, a quarter decorated, the rest proper names, misspellings and nonsense."""
    rng = random.Random(1)
    proper = ("Andromeda Galaxy", "North America Nebula", "Pleiades", "Veil Nebula", "Rosette Nebula", "Crab Nebula")
    found: list[str] = []
    for number in range(count):
        designation = f"{rng.choice(('NGC', 'IC'))} {rng.randint(1, 5000)}"
        kind = rng.random()
        if kind < 0.5:
            found.append(f"{designation}" + " " * (number % 3))
        elif kind < 0.75:
            found.append(f"{designation} Panel {number % 9} L 300s {number}")
        elif kind < 0.9:
            found.append(f"{rng.choice(proper)} mosaic {number % 50}")
        elif kind < 0.97:
            name = list(rng.choice(proper))
            del name[rng.randrange(len(name))]
            found.append("".join(name))
        else:
            found.append(f"Snapshot {number}")
    return sorted(set(found), key=lambda _name: rng.random())
