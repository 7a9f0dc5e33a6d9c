"""How near a name must be: found, mistaken and false matches of the fuzzy look-up, measured at several thresholds.

Every unambiguous proper name of the tables is spelt with one and with two random slips (a letter lost, added, changed
or two swapped), and names of no object (stars, places, words of the trade) are looked up as they are.
``python -m tests.unit.targets.fuzzy`` writes the table into docs/targets.md.
"""

import random
import re
import string
from functools import cache
from typing import NamedTuple

from shared.targets.decoration import says_nothing
from shared.targets.names import FUZZY_THRESHOLD, NameIndex, stem_of
from shared.targets.spelling import key
from shared.targets.tables import read_aliases
from tests.unit.targets.reliability import PAGE, matcher

BEGIN, END = "<!-- fuzzy: begin -->", "<!-- fuzzy: end -->"
THRESHOLDS = (78.0, 80.0, 82.0, 84.0, 86.0, 88.0, 92.0)
_SEED = 1784
_SHORTEST = 6

FOREIGN = tuple(
    re.findall(
        r"\S+",
        """
Sirius Canopus Arcturus Vega Capella Rigel Procyon Achernar Betelgeuse Hadar Altair Acrux Aldebaran Spica
Pollux Fomalhaut Deneb Mimosa Regulus Adhara Castor Shaula Gacrux Bellatrix Elnath Miaplacidus Alnilam Alnair
Alnitak Alioth Dubhe Mirfak Wezen Sargas Kaus-Australis Avior Alkaid Menkalinan Atria Alhena Peacock Alsephina
Mirzam Alphard Polaris Hamal Algieba Diphda Mizar Nunki Menkent Mirach Alpheratz Rasalhague Kochab Saiph
Denebola Algol Tiaki Aspidiske Suhail Alphecca Mintaka Sadr-star Eltanin Schedar Naos Almach Caph Izar
Dschubba Larawag Merak Ankaa Girtab Enif Scheat Sabik Phecda Aludra Markeb Navi Markab Aljanah Acrab Albireo
Barnards-Star Proxima Kapteyn Gliese Tabby Garnet-Star Andromeda-constellation Camelopardalis Capricornus
Cassiopeia Centaurus Chamaeleon Circinus Columba Delphinus Equuleus Horologium Lacerta Microscopium Monoceros
Musca Octans Ophiuchus Pegasus Perseus Phoenix Pictor Piscis-Austrinus Puppis Reticulum Sagitta Sagittarius
Scorpius Serpens Telescopium Triangulum-Australe Vulpecula Amsterdam Barcelona Budapest Copenhagen Edinburgh
Frankfurt Helsinki Innsbruck Jerusalem Kathmandu Liverpool Marseille Nottingham Oslo Petersburg Queensland
Rotterdam Stuttgart Tenerife Utrecht Valencia Warsaw Yorkshire Zaragoza backyard driveway rooftop observatory
telescope eyepiece collimator guidescope reducer flattener coma-corrector powermate barlow refractor newtonian
dobsonian maksutov cassegrain hyperstar starsense skywatcher celestron takahashi vixen sharpstar askar
william-optics redcat Hamburg Salzburg Luxembourg Gibraltar Reykjavik Johannesburg Melbourne Vancouver
Montreal Philadelphia Albuquerque Tucson Flagstaff Atacama Paranal La-Palma Namibia Tivoli Hakos Madeira
Mallorca Brandenburg Sauerland Schwarzwald Lothringen Bretagne Andalucia Toscana Sicilia Grandma Garage-roof
Front-garden Rear-terrace Neighbours-tree Kitchen-window Chimney Streetlight Aeroplane Starlink Iridium
Meteorshower Perseids Geminids Leonids Aurora Noctilucent Zodiacal-light Airglow Rainbow Lightning First-light
Dew-heater Filter-wheel Rotator Mount-tuning Backlash Periodic-error Backfocus Tilt-adjustment Spacing
Sensor-dust Amp-glow Vignetting Cable-management Power-supply Laptop Raspberry Indigo Ekos Kstars Stellarium
Voyager Sharpcap Firecapture Pixinsight Siril Photoshop Astrometry Photometry Spectroscopy Occultation
Exoplanet Transit Supernova Quasar Variable-star Double-star Asteroid-hunt Satellite-trail Cloud-bank
Morning-dew Twilight-flat Panorama Nightscape Startrails Eclipse-trip
""",
    )
)
"""Stars, constellations, places and words of the trade; none names an object of the tables."""


class Row(NamedTuple):
    """What one threshold gives. Shares are of the names with slips, ``false`` of the names of no object."""

    threshold: float
    found_one: float
    found_two: float
    mistaken: int
    false: int
    asked: int
    foreign: int
    precision: float


@cache
def index() -> NameIndex:
    """The names of the shipped catalogue."""
    return NameIndex(matcher().catalogue)


@cache
def unambiguous() -> tuple[tuple[str, str], ...]:
    """Names of one object only, with a stem long enough for the fuzzy look-up, and the object's id."""
    owners: dict[str, set[str]] = {}
    for row in read_aliases():
        for name in row.names:
            owners.setdefault(key(name), set()).add(row.catalog_id)
    return tuple(
        (name, row.catalog_id)
        for row in read_aliases()
        for name in row.names
        if len(owners[key(name)]) == 1
        and len(stem_of(name)[0]) >= _SHORTEST
        and not any(character.isdigit() for character in name)
    )


def slip(name: str, chance: random.Random) -> str:
    """``name`` with one letter lost, added, changed, or two swapped."""
    place = chance.randrange(len(name) - 1)
    kind = chance.randrange(4)
    letter = chance.choice(string.ascii_lowercase)
    if kind == 0:
        return name[:place] + name[place + 1 :]
    if kind == 1:
        return name[:place] + letter + name[place:]
    if kind == 2:
        return name[:place] + letter + name[place + 1 :]
    return name[:place] + name[place + 1] + name[place] + name[place + 2 :]


@cache
def foreign() -> tuple[str, ...]:
    """Names that mean no object of the tables, without the words that are never looked up."""
    names = (name.replace("-", " ") for name in FOREIGN)
    return tuple(name for name in names if not (says_nothing(name) or index().exact(name)))


@cache
def measured(threshold: float) -> Row:
    """Found, mistaken and false matches at one threshold; the slips are the same at each."""
    chance = random.Random(_SEED)
    right, mistaken = [0, 0], 0
    for name, catalog_id in unambiguous():
        once = slip(name, chance)
        for slips, text in enumerate((once, slip(once, chance))):
            near = index().near(text, threshold)
            if near and near[0].catalog_id == catalog_id:
                right[slips] += 1
            elif near:
                mistaken += 1
    false = sum(bool(index().near(name, threshold)) for name in foreign())
    asked = len(unambiguous())
    precision = sum(right) / (sum(right) + mistaken + false)
    return Row(
        threshold, right[0] / asked, right[1] / asked, mistaken, false, 2 * asked, len(foreign()), round(precision, 3)
    )


def table() -> str:
    """The table in Markdown; the threshold in force is set in bold."""
    lines = [
        "| threshold | found, 1 slip | found, 2 slips | wrong object | false match | precision |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for one in map(measured, THRESHOLDS):
        mark = "**" if one.threshold == FUZZY_THRESHOLD else ""
        lines.append(
            f"| {mark}{one.threshold:.0f}{mark} | {100 * one.found_one:.0f} % | {100 * one.found_two:.0f} % "
            f"| {one.mistaken} of {one.asked} | {one.false} of {one.foreign} | {one.precision:.3f} |"
        )
    return "\n".join(lines)


def page_table(page: str) -> str:
    """What the page has between the two marks. Raises ValueError where it has no marks."""
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[start:end].strip()


def write() -> None:
    """Renew the table in docs/targets.md."""
    page = PAGE.read_text(encoding="utf-8")
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(f"{page[:start]}\n{table()}\n{page[end:]}", encoding="utf-8")


if __name__ == "__main__":
    write()
