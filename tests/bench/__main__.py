"""``python -m tests.bench [--only NAME] [--quick]``: measure, print, and write docs/benchmarks.md."""

import argparse
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.bench.table import Row, Rows, Skipped, markdown, plain

GROUPS = (
    "command",
    "listings",
    "dashboards",
    "header",
    "match",
    "masters",
    "stars",
    "preview",
    "copy",
    "archive",
    "upload",
    "publish",
    "consume",
    "stats",
    "calibration_matching",
    "main_path",
    "scale",
    "house",
)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def main() -> int:
    """Run the groups; a partial run (``--only``) prints and writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=GROUPS, help="a group of rows; may be given again")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller libraries")
    options = parser.parse_args()
    rows: Rows = []
    for name in options.only or GROUPS:
        print(f"-- {name}", flush=True)
        found: Iterable[Row | Skipped] = importlib.import_module(f"tests.bench.{name}").rows(quick=options.quick)
        for row in found:
            print(plain(row), flush=True)
            rows.append(row)
    if options.only:
        return 0
    PAGE.write_text(markdown(rows, "make bench" if not options.quick else "python -m tests.bench --quick"))
    print(f"written to {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
