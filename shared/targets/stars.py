"""Designations of stars: variables by the grammar of the General Catalogue of Variable Stars, Bayer's and Flamsteed's.

``T CrB``, ``RR Lyrae``, ``V838 Mon``, ``eta Cas``, ``epsilon1 Lyr``, ``61 Cygni``. The constellation stands as the
IAU's abbreviation or in the genitive, and is never guessed. A star is read where the whole text is its designation: two
letters and a word are too little to be believed inside a longer one.

Variables (GCVS, Samus et al.): R to Z, RR to RZ, SS to SZ, ... ZZ, AA to AZ, BB to BZ, ... QZ without J, then V335 on.
"""

import re
from functools import cache
from importlib import resources

_GENITIVES = {
    "And": "Andromedae", "Ant": "Antliae", "Aps": "Apodis", "Aqr": "Aquarii", "Aql": "Aquilae", "Ara": "Arae",
    "Ari": "Arietis", "Aur": "Aurigae", "Boo": "Bootis", "Cae": "Caeli", "Cam": "Camelopardalis", "Cnc": "Cancri",
    "CVn": "Canum Venaticorum", "CMa": "Canis Majoris", "CMi": "Canis Minoris", "Cap": "Capricorni", "Car": "Carinae",
    "Cas": "Cassiopeiae", "Cen": "Centauri", "Cep": "Cephei", "Cet": "Ceti", "Cha": "Chamaeleontis",
    "Cir": "Circini", "Col": "Columbae", "Com": "Comae Berenices", "CrA": "Coronae Australis",
    "CrB": "Coronae Borealis", "Crv": "Corvi", "Crt": "Crateris", "Cru": "Crucis", "Cyg": "Cygni", "Del": "Delphini",
    "Dor": "Doradus", "Dra": "Draconis", "Equ": "Equulei", "Eri": "Eridani", "For": "Fornacis", "Gem": "Geminorum",
    "Gru": "Gruis", "Her": "Herculis", "Hor": "Horologii", "Hya": "Hydrae", "Hyi": "Hydri", "Ind": "Indi",
    "Lac": "Lacertae", "Leo": "Leonis", "LMi": "Leonis Minoris", "Lep": "Leporis", "Lib": "Librae", "Lup": "Lupi",
    "Lyn": "Lyncis", "Lyr": "Lyrae", "Men": "Mensae", "Mic": "Microscopii", "Mon": "Monocerotis", "Mus": "Muscae",
    "Nor": "Normae", "Oct": "Octantis", "Oph": "Ophiuchi", "Ori": "Orionis", "Pav": "Pavonis", "Peg": "Pegasi",
    "Per": "Persei", "Phe": "Phoenicis", "Pic": "Pictoris", "Psc": "Piscium", "PsA": "Piscis Austrini",
    "Pup": "Puppis", "Pyx": "Pyxidis", "Ret": "Reticuli", "Sge": "Sagittae", "Sgr": "Sagittarii", "Sco": "Scorpii",
    "Scl": "Sculptoris", "Sct": "Scuti", "Ser": "Serpentis", "Sex": "Sextantis", "Tau": "Tauri", "Tel": "Telescopii",
    "Tri": "Trianguli", "TrA": "Trianguli Australis", "Tuc": "Tucanae", "UMa": "Ursae Majoris", "UMi": "Ursae Minoris",
    "Vel": "Velorum", "Vir": "Virginis", "Vol": "Volantis", "Vul": "Vulpeculae",
}  # fmt: skip
"""The IAU's abbreviations and the genitives of the 88 constellations."""

_LETTERS = {
    "alpha": "alf", "beta": "bet", "gamma": "gam", "delta": "del", "epsilon": "eps", "zeta": "zet", "eta": "eta",
    "theta": "tet|the", "iota": "iot", "kappa": "kap", "lambda": "lam", "mu": "mu", "nu": "nu", "xi": "ksi",
    "omicron": "omi", "pi": "pi", "rho": "rho", "sigma": "sig", "tau": "tau", "upsilon": "ups", "phi": "phi",
    "chi": "chi", "psi": "psi", "omega": "ome",
}  # fmt: skip
"""The Greek letters, and what catalogues shorten them to."""
_SYMBOLS = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _LETTERS, strict=True))

_CONSTELLATIONS = {form.casefold(): short for short, long in _GENITIVES.items() for form in (short, long)}
_SPELLINGS = {
    form: letter for letter, short in _LETTERS.items() for form in (letter, *short.split("|"))
} | _SYMBOLS  # fmt: skip
_FIRST_NUMBERED = 335
"""Before V335 come the 334 letters and pairs of letters of a constellation."""
_MOST_FLAMSTEED = 140
_LONGEST = 32


@cache
def _pattern() -> re.Pattern[str]:
    """Compiled when the first text is asked for."""
    where = "|".join(sorted(map(re.escape, _CONSTELLATIONS), key=len, reverse=True)).replace("\\ ", " ?")
    letter = "|".join(sorted(_SPELLINGS, key=len, reverse=True))
    return re.compile(
        rf"(?:v?\*{{1,2}} ?)?(?:(?P<letters>[a-z]{{1,2}}) (?P<c1>{where})"
        rf"|v ?0?(?P<number>[1-9]\d{{2,3}}) ?(?P<c2>{where})"
        rf"|(?P<greek>{letter})\.?(?P<part> ?0?[1-9](?= ?[a-z])|[¹²³])?[ -]?(?P<c3>{where})"
        rf"|(?P<flamsteed>[1-9]\d{{0,2}}) ?(?P<c4>{where}))(?: (?:[abc]|star|ab))?"
    )


_GLUED = re.compile(r"(?:[R-Z]|[A-Z]{2})(?:[A-Z][a-zA-Z]{2})")
_SUPERSCRIPTS = {"¹": "1", "²": "2", "³": "3"}


def parse_star(text: str) -> str | None:
    """The id of the star that a tidied text names as a whole, such as ``TCrB``, ``V838Mon``, ``etaCas``, ``61Cyg``."""
    if len(text) > _LONGEST or len(text) < 4:
        return None
    if _GLUED.fullmatch(text) is not None and text[-3:] in _GENITIVES and is_variable(text[:-3]):
        return text
    match = _pattern().fullmatch(text.casefold().replace("_", " "))
    if match is None:
        return None
    if letters := match["letters"]:
        capitals, where = letters.upper(), _CONSTELLATIONS[match["c1"]]
        if letters in _LETTERS and (capitals not in text or not is_variable(capitals)):
            return f"{letters}{where}"  # mu Cep is the Garnet Star, MU Cep another
        return f"{capitals}{where}" if is_variable(capitals) else None
    if number := match["number"]:
        where = _CONSTELLATIONS[match["c2"]]
        return f"V{number}{where}" if int(number) >= _FIRST_NUMBERED else None
    if greek := match["greek"]:
        part = (match["part"] or "").strip().lstrip("0")
        return f"{_SPELLINGS[greek]}{_SUPERSCRIPTS.get(part, part)}{_CONSTELLATIONS[_spaced(match['c3'])]}"
    number = match["flamsteed"]
    return f"{number}{_CONSTELLATIONS[_spaced(match['c4'])]}" if int(number) <= _MOST_FLAMSTEED else None


def is_variable(letters: str) -> bool:
    """Whether one or two capitals are a variable's in the order of the GCVS."""
    if len(letters) == 1:
        return "R" <= letters <= "Z"
    first, second = letters[0], letters[1]
    if "J" in letters or second < first:
        return False
    return first >= "R" or first <= "Q"


NAMED_STARS = frozenset(
    re.findall(
        r"\S+",
        """
    achernar acrux adhara aldebaran alderamin algenib alhena alioth alkaid alnair alnilam alnitak alphard alphecca
    alpheratz altair aludra ankaa antares arcturus arneb ascella aspidiske atria avior bellatrix betelgeuse canopus
    capella caph chara deneb denebola diphda dschubba dubhe elnath eltanin enif errai fomalhaut gacrux gienah gomeisa
    graffias hadar hamal kochab kocab markab markeb megrez menkalinan menkar menkent merak miaplacidus mimosa mintaka
    mirach mirfak mirzam naos nunki peacock phecda phact polaris pollux procyon rasalhague regulus rigel ruchbah sabik
    saiph scheat schedar shaula sirius spica suhail tarazed thuban tureis unukalhai vega wezen zubeneschamali
    """,
    )
)
"""The stars that mounts are aligned and cameras are focused on. What is captured under their names is a test: they are
no targets here, but they say that the frame shows nothing else."""


_ID = re.compile(rf"([A-Z]{{1,2}}|V\d{{3,4}}|\d{{1,3}}|(?:{'|'.join(_LETTERS)})[1-9]?)({'|'.join(_GENITIVES)})")


def is_star_id(catalog_id: str) -> bool:
    """Whether an id is one that `parse_star` gives."""
    return _ID.fullmatch(catalog_id) is not None


@cache
def star_places() -> dict[str, tuple[str, float, float]]:
    """Star by any of its ids: the id that it is filed under, and its ICRS position, degrees (``stars.tsv``)."""
    places: dict[str, tuple[str, float, float]] = {}
    text = (resources.files("shared.targets") / "stars.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    for root, ra, dec, _source, *also in rows[1:]:
        place = (root, float(ra), float(dec))
        for one in (root, *(also[0].split("|") if also else ())):
            places.setdefault(one, place)
    return places


def star_display(catalog_id: str) -> str | None:
    """A star's id as people write it: ``T CrB``, ``eta Cas``, ``61 Cyg``; None for what is no star's id."""
    match = _ID.fullmatch(catalog_id)
    return f"{match[1]} {match[2]}" if match else None


def _spaced(form: str) -> str:
    """A genitive of two words that was written in one piece, as the table has it."""
    if form in _CONSTELLATIONS:
        return form
    return next(known for known in _CONSTELLATIONS if known.replace(" ", "") == form)
