"""The tables of matching: for given lights and masters the expected answer with its whole sentence."""

import random

import pytest

from services.calibration.matching.model import Matched
from tests.unit.calibration import matching_darks, matching_devices, matching_flats, matching_people
from tests.unit.calibration.matching_table import Row

TABLES: dict[str, list[Row]] = {
    "temperature": matching_darks.TEMPERATURE,
    "exposure": matching_darks.EXPOSURE,
    "gain and offset": matching_darks.GAIN_AND_OFFSET,
    "readout mode": matching_darks.READOUT_MODE,
    "binning": matching_darks.BINNING,
    "size": matching_darks.SIZE,
    "camera": matching_darks.CAMERA,
    "scaling": matching_darks.SCALING,
    "bias": matching_darks.BIAS,
    "filter": matching_flats.FILTER,
    "night": matching_flats.NIGHT,
    "rotator": matching_flats.ROTATOR,
    "train": matching_flats.TRAIN,
    "telescope": matching_flats.TELESCOPE,
    "pinned": matching_people.PINNED,
    "refused": matching_people.REFUSED,
    "several": matching_people.SEVERAL,
    "unknown": matching_people.UNKNOWN,
    "rigs": matching_devices.RIGS,
    "DWARF": matching_devices.DWARFS,
    "losses": matching_devices.LOSSES,
}
ROWS = [(f"{topic}: {row.name}", row) for topic, rows in TABLES.items() for row in rows]


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[name for name, _ in ROWS])
def test_each_row_gives_its_answer_and_says_why(row: Row) -> None:
    """The master that is expected is taken, or none, and the sentence is the expected one, in any order of masters."""
    shuffled = random.Random(row.name).sample(list(row.masters), len(row.masters))
    for masters in (row.masters, shuffled, list(reversed(row.masters))):
        answer = row.answer(masters)
        taken = answer.master.name if isinstance(answer, Matched) else None
        said = answer.explanation if isinstance(answer, Matched) else answer.reason
        assert (taken, said) == (row.takes, row.says)


def test_the_tables_are_as_many_as_promised() -> None:
    """No table is empty, no name stands twice, and there are more than 120 rows."""
    assert all(TABLES.values())
    assert len({name for name, _ in ROWS}) == len(ROWS) > 120
