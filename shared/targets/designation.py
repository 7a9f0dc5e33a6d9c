"""Catalogue designations: read exactly or not at all.

``Messier 031`` is M31 and ``SH2 101`` is Sh2-101, but ``M 131`` is nothing: no digit is ever forgiven. A pattern has
to cover its whole text (``parse``), or to stand between word boundaries (``find``); so ``LDN 1251`` cannot be read as
NGC 1251, nor ``PGC 5`` as C 5. Whether an object of that number exists is known from the catalogue's range; for NGC and
IC, whose component letters have gaps, ``catalogue.py`` has the last word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Designation:
    """One designation found in a text.

    ``catalog_id`` is its plain form (``NGC224``; not yet the object's canonical id) or None where the form is right and
    the number is not. ``start`` and ``end`` are its place in the text; ``weak`` marks prefixes of one letter, which
    also name telescopes, filters and panels, so that more than a word boundary is needed to believe them inside a text.
    """

    catalog_id: str | None
    start: int
    end: int
    weak: bool


@dataclass(frozen=True, slots=True)
class _Catalogue:
    prefix: str
    spellings: str
    ranges: tuple[tuple[int, int], ...]
    suffix: str = ""
    joint: str = ""
    weak: bool = False


_LETTERS = r"[A-Z]{0,2}"

# Spellings are regular expressions against upper-cased text; ranges are those of the published catalogues.
_CATALOGUES = (
    _Catalogue("M", r"MESSIER|MESS|M", ((1, 110),), suffix=r"[AB]?"),
    _Catalogue("NGC", r"NGC", ((1, 7840),), suffix=rf"{_LETTERS}(?:\s?NED\s?\d\d)?"),
    _Catalogue("IC", r"IC", ((1, 5386),), suffix=rf"{_LETTERS}(?:\s?NED\s?\d\d)?"),
    _Catalogue("C", r"CALDWELL|CALD|C", ((1, 109),), weak=True),
    _Catalogue("Sh", r"SHARPLESS\s?[ -]?2|SH\s?-?2|SHARPLESS", ((1, 313),), joint="2-"),
    _Catalogue("LDN", r"LDN|LYNDS'? DARK(?: NEBULA)?", ((1, 1802),)),
    _Catalogue("LDN", r"LYNDS", ((1126, 1802),)),  # below, it may be either of Lynds' catalogues
    _Catalogue("LBN", r"LBN|LYNDS'? BRIGHT(?: NEBULA)?", ((1, 1125),)),
    _Catalogue("vdB", r"VDB|VAN DEN BERGH", ((1, 158),)),
    _Catalogue("B", r"BARNARD|BARN", ((1, 175), (201, 370)), suffix=r"[A-C]?"),
    _Catalogue("B", r"B", ((1, 175), (201, 370)), suffix=r"[A-C]?", weak=True),
    _Catalogue("Abell", r"ABELL PN|PN ABELL|PN A66|PN A|A66", ((1, 86),)),
    _Catalogue("Abell", r"ABELL", ((1, 4076),)),
    _Catalogue("ACO", r"ACO", ((1, 4076),)),
    _Catalogue("Arp", r"ARP", ((1, 338),)),
    _Catalogue("HCG", r"HCG|HICKSON", ((1, 100),)),
    _Catalogue("Mel", r"MELOTTE|MEL", ((1, 245),)),
    _Catalogue("Cr", r"COLLINDER|COLL|COL|CR|CL", ((1, 471),)),
    _Catalogue("Tr", r"TRUMPLER|TR", ((1, 37),)),
    _Catalogue("Stock", r"STOCK", ((1, 24),)),
    _Catalogue("King", r"KING", ((1, 27),)),
    _Catalogue("Berkeley", r"BERKELEY|BERK", ((1, 104),)),
    _Catalogue("Berkeley", r"BE", ((1, 104),), weak=True),
    _Catalogue("Czernik", r"CZERNIK|CZ", ((1, 45),)),
    _Catalogue("Dolidze", r"DOLIDZE", ((1, 57),)),
    _Catalogue("Ruprecht", r"RUPRECHT|RUP", ((1, 176),)),
    _Catalogue("Roslund", r"ROSLUND", ((1, 7),)),
    _Catalogue("Tombaugh", r"TOMBAUGH", ((1, 5),)),
    _Catalogue("Westerlund", r"WESTERLUND", ((1, 2),)),
    _Catalogue("Blanco", r"BLANCO", ((1, 1),)),
    _Catalogue("Harvard", r"HARVARD", ((1, 21),)),
    _Catalogue("Pal", r"PALOMAR|PAL", ((1, 15),)),
    _Catalogue("Ter", r"TERZAN|TER", ((1, 12),)),
    _Catalogue("Ced", r"CEDERBLAD|CED", ((1, 215),), suffix=r"[A-Z]?"),
    _Catalogue("Gum", r"GUM", ((1, 85),), suffix=r"[A-D]?"),
    _Catalogue("RCW", r"RCW", ((1, 182),)),
    _Catalogue("DWB", r"DWB", ((1, 193),)),
    _Catalogue("Simeis", r"SIMEIS|SIM", ((1, 306),)),
    _Catalogue("CTB", r"CTB", ((1, 120),)),
    _Catalogue("CTA", r"CTA", ((1, 107),)),
    _Catalogue("HB", r"HB", ((1, 21),), weak=True),
    _Catalogue("Ou", r"OUTTERS|OU", ((1, 5),)),
    _Catalogue("JnEr", r"JONES[ -]EMBERSON|JNER", ((1, 1),)),
    _Catalogue("Jn", r"JONES|JN", ((1, 1),), weak=True),
    _Catalogue("PuWe", r"PURGATHOFER[ -]WEINBERGER|PUWE", ((1, 2),)),
    _Catalogue("EGB", r"EGB", ((1, 10),)),
    _Catalogue("HDW", r"HDW|HTDE", ((1, 13),)),
    _Catalogue("DeHt", r"DEHT", ((1, 6),)),
    _Catalogue("WeDe", r"WEDE", ((1, 1),)),
    _Catalogue("IsWe", r"ISWE", ((1, 2),)),
    _Catalogue("LoTr", r"LOTR", ((1, 12),)),
    _Catalogue("Lo", r"LO", ((1, 18),), weak=True),
    _Catalogue("Mz", r"MENZEL|MZ", ((1, 4),)),
    _Catalogue("WR", r"WR", ((1, 160),), suffix=r"[A-Z]?"),
    _Catalogue("UGCA", r"UGCA", ((1, 444),)),
    _Catalogue("UGC", r"UGC", ((1, 12921),), suffix=r"[A-Z]?"),
    _Catalogue("PGC", r"PGC|LEDA", ((1, 6_999_999),)),
)

_NUMBERED = "|".join(
    rf"(?P<c{i}>(?:{c.spellings})[ .-]{{0,2}}(?P<n{i}>\d{{1,7}}){f'(?P<s{i}>{c.suffix})' if c.suffix else ''})"
    for i, c in enumerate(_CATALOGUES)
)

# Forms with more than one number. Comets: IAU circular 23803-4 (1995); ESO: field and number; MCG: zone, field, number;
# "M 1-67" is Minkowski's.
_COMPOUND = (
    r"(?P<comet>(?:COMET )?[CPXDA][ /-]?(?P<year>1[6-9]\d\d|20\d\d)[ /-]?(?P<half>[A-HJ-Y][A-Z]?)[ ]?(?P<order>\d{1,3})"
    r"(?:-(?P<part>[A-Z]{1,2}))?)"
    # 400P was numbered in 2020, and about twenty are a year: 599P leaves some years, and "720P" is a video
    r"|(?P<periodic>(?:COMET )?(?P<pnum>[1-5]?\d{1,2})"
    r"(?:P(?:-(?P<frag>[A-Z]{1,2}))?|(?P<interstellar>I)(?=/| [A-Z]|$)|D(?=/)))"
    r"|(?P<eso>ESO[ -]?(?P<field>\d{1,3})[ -](?:G ?)?(?P<eson>\d{1,3}))"
    r"|(?P<mcg>MCG ?(?P<zone>[+-]\d\d)-(?P<mcgf>\d\d)-(?P<mcgn>\d{3}[A-Z]?))"
    r"|(?P<pk>PK ?(?P<pkl>\d{1,3})(?P<pkb>[+-]\d{1,2})[.-](?P<pkn>\d{1,2}))"
    r"|(?P<galactic>(?:(?P<remnant>SNR ?G?|G)|PN ?G) ?(?P<gl>\d{1,3})[.-](?P<gl1>\d)(?P<gb>[+-]\d{1,2})[.-](?P<gb1>\d))"
    r"|(?P<minkowski>(?:M ?|MINKOWSKI )(?P<mlist>[1-4])-(?P<mnum>\d{1,2}))"
    r"|(?P<listed>(?P<finder>KOHOUTEK |K ?|HENIZE |HE ?|HEN ?|HU ?|ME ?|VY ?)(?P<flist>[1-7])-(?P<fnum>\d{1,3}))"
)
_FINDERS = {"K": "K", "KOHOUTEK": "K", "HE": "He", "HEN": "He", "HENIZE": "He", "HU": "Hu", "ME": "Me", "VY": "Vy"}
"""Astronomers whose planetary nebulae are counted list by list: ``K 1-6`` is the sixth of Kohoutek's first list."""
_ANY = re.compile(rf"(?<![A-Z0-9])(?:{_COMPOUND}|{_NUMBERED})(?![A-Z0-9])(?![.]\d)")
_MINKOWSKI_LAST = {1: 92, 2: 56, 3: 60, 4: 19}
_BLANKS = re.compile(r"[\s_]+")
_DIGIT = re.compile(r"\d")
"""No designation is without one; most proper names are, and need not be looked at."""


def parse(text: str) -> str | None:
    """The designation that ``text`` is as a whole, in plain form, or None."""
    if _DIGIT.search(text) is None:
        return None
    upper = _BLANKS.sub(" ", text.strip()).upper()
    match = _ANY.fullmatch(upper)
    return _read(match).catalog_id if match else None


def find(text: str) -> Iterator[Designation]:
    """Every designation in ``text``, from left to right, also those whose number does not exist.

    ``text`` has single blanks between its words, as ``decoration.strip`` leaves them.
    """
    if _DIGIT.search(text) is None:
        return iter(())
    return (_read(match) for match in _ANY.finditer(text.upper()))


def _read(match: re.Match[str]) -> Designation:
    if match["periodic"] or match["comet"]:
        return Designation(_comet(match), match.start(), match.end(), weak=False)
    if match["eso"] or match["mcg"] or match["pk"] or match["galactic"] or match["minkowski"] or match["listed"]:
        return Designation(_compound(match), match.start(), match.end(), weak=bool(match["listed"]))
    for index, catalogue in enumerate(_CATALOGUES):
        if match[f"c{index}"]:
            number = int(match[f"n{index}"])
            valid = any(first <= number <= last for first, last in catalogue.ranges)
            suffix = _BLANKS.sub("", match[f"s{index}"]) if catalogue.suffix else ""
            if catalogue.prefix == "B":
                suffix = suffix.lower()
            prefix = "Abell" if catalogue.prefix == "ACO" and number > _LAST_ABELL_PLANETARY else catalogue.prefix
            plain = f"{prefix}{catalogue.joint}{number}{suffix}"
            return Designation(plain if valid else None, match.start(), match.end(), catalogue.weak)
    raise AssertionError(f"a designation without a catalogue: {match.group(0)}")


_LAST_ABELL_PLANETARY = 86
"""``Abell n`` is one of the 86 planetary nebulae of Abell (1966); beyond are the galaxy clusters of ACO (1989)."""


_LAST_INTERSTELLAR = 20
"""Three were known in 2025; "300 I" is no comet."""
_WRITTEN_IN = 2026
"""A clock that runs behind this year is wrong, and does not make this year's comets unknown."""


def _comet(match: re.Match[str]) -> str | None:
    if match["comet"]:
        text = match["comet"].removeprefix("COMET ")
        if int(match["year"]) > max(datetime.now(UTC).year, _WRITTEN_IN) + 1:
            return None  # the year is that of the discovery; the one to spare is for clocks and time zones
        part = f"-{match['part']}" if match["part"] else ""
        return f"{text[0]}{match['year']}{match['half']}{int(match['order'])}{part}"
    number = int(match["pnum"])
    if number == 0:
        return None
    if match["interstellar"]:
        return f"{number}I" if number <= _LAST_INTERSTELLAR else None
    fragment = f"-{match['frag']}" if match["frag"] else ""
    return f"{number}{'D' if match['periodic'].endswith('D') else 'P'}{fragment}"


def _compound(match: re.Match[str]) -> str | None:
    if match["eso"]:
        return f"ESO{int(match['field'])}-{int(match['eson'])}"
    if match["mcg"]:
        return f"MCG{match['zone']}-{match['mcgf']}-{match['mcgn']}"
    if match["pk"]:
        return f"PK{int(match['pkl'])}{match['pkb'][0]}{int(match['pkb'][1:])}-{int(match['pkn'])}"
    if match["galactic"]:
        prefix = "SNRG" if match["remnant"] else "PNG"
        return f"{prefix}{int(match['gl'])}-{match['gl1']}{match['gb'][0]}{int(match['gb'][1:])}-{match['gb1']}"
    if match["listed"]:
        return f"{_FINDERS[match['finder'].strip()]}{match['flist']}-{int(match['fnum'])}"
    valid = 1 <= int(match["mnum"]) <= _MINKOWSKI_LAST[int(match["mlist"])]
    return f"M{match['mlist']}-{int(match['mnum'])}" if valid else None
