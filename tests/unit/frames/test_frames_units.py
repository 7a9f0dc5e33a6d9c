"""What comments say of units and senses."""

import pytest

from shared.frames.units import angle_unit, millimetres_of, seconds_of, side_of, temperature_unit


@pytest.mark.parametrize(
    ("comment", "seconds"),
    [
        ("exposure time in ms", 1e-3), ("Exposure time in us", 1e-6), ("[ms] Exposure", 1e-3), ("Exposure (µs)", 1e-6),
        ("exposure time, milliseconds", 1e-3), ("Observation: Exposure Minutes", 60.0), ("[s] Sub Exposure Time", 1.0),
        ("Exposure time in seconds (not ms)", 1.0), ("[hours] all of it", 3600.0), ("Total Exposure Time (s)", 1.0),
        ("min. exposure time", None), ("Exposure time", None), ("seconds or minutes", None), ("", None),
    ],
)  # fmt: skip
def test_units_of_time(comment: str, seconds: float | None) -> None:
    """A comment's unit of time counts where it names one alone; words that only look like one do not."""
    assert seconds_of(comment) == seconds


@pytest.mark.parametrize(
    ("comment", "side"),
    [
        ("[deg East] Telescope longitude", "east"), ("Site Longitude, degrees +E", "east"), ("[degrees east]", "east"),
        ("East is positive", "east"), ("[deg West]", "west"), ("degrees, west positive", "west positive"),
        ("(+W)", "west positive"), ("positive to the west", "west positive"), ("Longitude (W)", "west"),
        ("[deg North] Telescope latitude", "north"), ("degrees south", "south"), ("Longitude of the site", None),
        ("east or west", None), ("N E corner", None), ("", None),
    ],
)  # fmt: skip
def test_senses_of_longitudes(comment: str, side: str | None) -> None:
    """The side that a comment names is told from one that is said to be positive."""
    assert side_of(comment) == side


def test_units_of_angles_lengths_and_temperatures() -> None:
    """Hours, radians, micrometres, metres, kelvin and Fahrenheit are read where comments name them."""
    assert [angle_unit(text) for text in ("[hours] RA", "[deg] RA", "RA in hours", "RA (deg", "[rad]", "RA")] == [
        "hours", "degrees", "hours", "degrees", "radians", None,
    ]  # fmt: skip
    lengths = ("[mm] Focal length", "[m]", "focal length in inches", "[um] size in microns", "pixel size")
    assert [millimetres_of(text) for text in lengths] == [1.0, 1000.0, 25.4, 1e-3, None]
    temperatures = ("[K]", "deg F", "CCD temperature in Celsius", "°C", "of the f/5 reducer")
    assert [temperature_unit(text) for text in temperatures] == ["kelvin", "fahrenheit", "celsius", "celsius", None]
