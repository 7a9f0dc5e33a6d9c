"""For how many nights a disk has room."""

from services.ingest.forecast import mean_night_bytes, nights_left


def test_the_mean_of_a_night_is_of_all_nights_there_are() -> None:
    """Bytes over nights, rounded up; nights that brought nothing to a root forecast nothing for it."""
    assert mean_night_bytes(1000, 10) == 100
    assert mean_night_bytes(1001, 10) == 101
    assert mean_night_bytes(0, 10) is None
    assert mean_night_bytes(1000, 0) is None


def test_what_is_never_used_counts_as_full() -> None:
    """The reserve of a library is no room; below it no night is left, and without a mean nobody knows."""
    assert nights_left(1000, 100, 100) == 9.0
    assert nights_left(150, 100, 100) == 0.5
    assert nights_left(50, 100, 100) == 0.0
    assert nights_left(1000, 100, None) is None
