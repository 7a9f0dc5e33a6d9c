"""Target matching: the Matcher against the bare dictionary, and the sky's tree against scipy's alone."""

import math
import random

from shared.targets.decoration import strip
from shared.targets.matcher import Matcher
from shared.targets.position import Field, Positions
from tests.bench.table import Rows, floor_row, interleaved

_SKY_RADIUS_DEG = 0.75
"""About the reach of a smart telescope's field."""


def rows(*, quick: bool) -> Rows:
    """Lookups per second by name and by position."""
    best = Matcher.load()
    return [*_names(best, quick=quick), *_sky(best, quick=quick)]


def _names(best: Matcher, *, quick: bool) -> Rows:
    """Names as headers hold them, each asked once so that the cache cannot help."""
    queries = _mixed(2_000 if quick else 10_000)
    table = {query: query for query in queries}

    def ours() -> None:
        fresh = Matcher(best.catalogue)  # an empty cache
        for query in queries:
            fresh.match(query)

    def placed() -> None:
        fresh = Matcher(best.catalogue)
        for query in queries:
            fresh.match(query, ra_deg=10.7, dec_deg=41.3, width_deg=1.3, height_deg=0.7)

    def making() -> None:
        Matcher(best.catalogue)

    best.match("", ra_deg=10.7, dec_deg=41.3)  # scipy is imported before the clock runs
    seconds = interleaved(
        {
            "ours": ours,
            "placed": placed,
            "making": making,
            "dict": lambda: [table.get(strip(query)) for query in queries],
        },
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
            f"making the index is taken off; "
            f"with a position {len(queries) / (seconds['placed'] - seconds['making']):,.0f}",
        )
    ]


def _sky(best: Matcher, *, quick: bool) -> Rows:
    """The objects in a frame's field, frame by frame, as the scanner asks."""
    rng = random.Random(2)
    count = 5_000 if quick else 20_000
    places = [(rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))) for _ in range(count)]
    sky = best.positions.sky
    radians = [(math.radians(ra), math.radians(dec)) for ra, dec in places]
    vectors = [(math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)) for ra, dec in radians]
    chord = 2 * math.sin(math.radians(_SKY_RADIUS_DEG) / 2)
    weighed = places[: count // 10]

    def ours() -> None:
        for ra, dec in places:
            sky.near(ra, dec, _SKY_RADIUS_DEG)

    def meant() -> None:
        fresh = Positions(best.catalogue)
        fresh.sky = sky
        for ra, dec in weighed:
            fresh.meant(Field(ra, dec, 1.3, 0.7))

    seconds = interleaved(
        {
            "ours": ours,
            "meant": meant,
            "tree": lambda: [sky.tree.query_ball_point(vector, chord) for vector in vectors],
            "batch": lambda: sky.tree.query_ball_point(vectors, chord),
        },
        3 if quick else 5,
    )
    return [
        floor_row(
            "sky match",
            count / seconds["ours"],
            100_000,
            unit="fields/s",
            limit=f"scipy's cKDTree {count / seconds['tree']:,.0f}, in one batch {count / seconds['batch']:,.0f}",
            how=f"objects within {_SKY_RADIUS_DEG} degrees, one field at a time over {len(sky.objects):,} objects; "
            f"weighing them for the target that was meant: {len(weighed) / seconds['meant']:,.0f} fields/s",
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
