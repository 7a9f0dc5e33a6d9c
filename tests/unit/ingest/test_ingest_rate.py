"""How fast an import goes, and how long the rest takes."""

from services.ingest.rate import LEAST_S, WINDOW_S, Meter


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """The time, seconds."""
        return self.now_s


def running(meter: Meter, clock: Clock, seconds: int, *, files: int, size: int, read: int, start: int = 0) -> None:
    """Look at an import each second that does so much in each of them."""
    for second in range(start, start + seconds + 1):
        meter.look(files=files * second, size_bytes=size * second, large_bytes=0, read_bytes=read * second)
        clock.now_s += 1.0


def test_nothing_is_said_before_it_can_be_told() -> None:
    """No rate without looks, nor over less than a few seconds, and no time left without a rate."""
    clock = Clock()
    meter = Meter(clock)
    assert (meter.files_per_s, meter.bytes_per_s, meter.left_s(files=1, size_bytes=1)) == (None, None, None)
    running(meter, clock, int(LEAST_S) - 1, files=5, size=100, read=50)
    assert (meter.files_per_s, meter.bytes_per_s) == (None, None)


def test_the_rest_takes_its_size_at_the_rate_of_late() -> None:
    """Files and bytes a second over the last seconds; the rest takes its size, or its files where they are empty."""
    clock = Clock()
    meter = Meter(clock)
    running(meter, clock, 10, files=5, size=100, read=50)
    assert (meter.files_per_s, meter.bytes_per_s) == (5.0, 50.0)
    assert meter.left_s(files=1, size_bytes=2000) == 20.0
    assert meter.left_s(files=50, size_bytes=0) == 10.0


def test_only_the_last_seconds_count() -> None:
    """A disk that has become slow is noticed within the window, whatever it did before."""
    clock = Clock()
    meter = Meter(clock)
    running(meter, clock, 100, files=1000, size=10**9, read=10**9)
    done = 1000 * 100
    for second in range(int(WINDOW_S) + 2):
        meter.look(files=done + second, size_bytes=10**11 + second, large_bytes=0, read_bytes=10**11 + second)
        clock.now_s += 1.0
    assert meter.files_per_s == 1.0
    assert meter.bytes_per_s == 1.0


def test_an_import_that_waits_tells_no_time_left() -> None:
    """While nothing moves the rate is zero, and nobody can say how long the rest takes."""
    clock = Clock()
    meter = Meter(clock)
    running(meter, clock, 40, files=0, size=0, read=0)
    assert (meter.files_per_s, meter.bytes_per_s, meter.left_s(files=1, size_bytes=1)) == (0.0, 0.0, None)


def test_counting_anew_after_an_outage_is_no_negative_rate() -> None:
    """What was not committed is counted again: the rate is never below zero."""
    clock = Clock()
    meter = Meter(clock)
    for files in (50, 60, 10, 10, 10):
        meter.look(files=files, size_bytes=files, large_bytes=0, read_bytes=files)
        clock.now_s += 1.0
    assert meter.files_per_s == 0.0


def test_a_huge_file_tells_nothing_of_the_time_of_many_small_ones() -> None:
    """Large files go beside the others: each kind has its own rate, and the slower one says how long it takes."""
    clock = Clock()
    meter = Meter(clock)
    for second in range(10):  # a sparse file of a terabyte is read at 5 GB/s, frames arrive at 2 a second
        meter.look(files=2 * second, size_bytes=200 * second, large_bytes=5 * 10**9 * second, read_bytes=0)
        clock.now_s += 1.0
    assert meter.left_s(files=1000, size_bytes=100_000, large_bytes=10**12) == 500.0
    assert meter.left_s(files=1000, size_bytes=100_000) == 500.0
    assert meter.left_s(files=1, size_bytes=0, large_bytes=10**12) == 200.0
    assert meter.left_s(files=1, size_bytes=100, large_bytes=10**12) == 200.0
