"""What programs and people write around a target's name, taken off again.

``Light_M 31_10.0s_IRCUT_20250101-203011`` names M 31, and so do ``M 31_mosaic_sub``, ``M31 Panel 2``, ``M31 Ha 300s``.
What is left when everything goes may still say nothing: ``Snapshot``, ``FlatWizard``, ``Unknown`` (``says_nothing``).
"""

import re

_EXTENSION = re.compile(r"\.(?:fits?|fts|xisf|jpe?g|png|tiff?|avi|ser|cr[23]|nef)(?:\.(?:gz|fz))?$", re.IGNORECASE)

_PREFIX = re.compile(
    r"^(?:(?:dso )?stacked \d+|(?:master )?lights?(?: frames?)?|mosaic|dwarf(?:lab)?(?: raw)?(?: (?:tele|wide))?"
    r"|seestar|object|target|failed) (?=\S)",
    re.IGNORECASE,
)

_NUMBERED = r"\d{1,3}(?: ?(?:-|x|/|of) ?\d{1,3})?"
_ANYWHERE = re.compile(
    "|".join(
        (
            rf"\b(?:panel|pane|tile|mosaic|pos|part|frame|session|night|seq|rot)s? ?#?{_NUMBERED}\b",
            r"\b(?:panel|pane|tile) ?[a-h]\b",
            r"(?<!\d{4} )\bp\d{1,2}\b",  # never the number of the comet "C/2023 P1"
            # dates with or without time; never the number of "NGC 2024 1105"
            (
                r"(?<!ngc )(?<!ic )(?<!gc )\b(?:19|20)\d\d([-./]?)(?:0[1-9]|1[0-2])\1(?:[0-2]\d|3[01])"
                r"(?:[-T@ ]{1,2}\d\d[-:.h]?\d\d(?:[-:.m]?\d\d(?:\.?\d+)?)?)?\b"
            ),
            r"\b\d+ ?x ?\d+(?:\.\d+)? ?s(?:ec)?\b",
            r"\b\d+s\d+\b",
            r"\b\d+(?:\.\d+)? ?(?:s|sec|secs|seconds?|min|mins|minutes?|ms)\b",
            r"\b[1-9] ?x ?[1-9]\b",
            r"\b(?:gain|iso|offset|bin(?:ning)?|temp) ?-?\d+(?:x\d)?\b",
            r"\b[go]\d{2,3}\b",
            r"(?<![\w.])-?\d{1,2}(?:\.\d+)? ?°? ?c\b",
            r"\bv\d{1,2}\b|\(\d{1,2}\)",
            r"\bmosaics?\b|\bsubs?\b|\bstacked\b",
        )
    ),
    re.IGNORECASE,
)
_GLUED = re.compile(
    r"(?<=\d)(?=(?:mosaic|panel|sub|group|galax(?:y|ies)|neb(?:ula)?|cluster|area|region|field|core|wide(?:field)?"
    r"|cent(?:er|re)|trio|triplet)\b)",
    re.IGNORECASE,
)
"""``m81group``"""
_GLUED_COMET = re.compile(
    r"(?<![A-Za-z0-9])((?i:[CPDX][/-]?(?:1[89]|20)\d\d[ -]?[A-HJ-Y]\d{1,2})|[1-5]?\d{1,2}P|[1-9]I)(?=[A-Za-z]{3})(?!-)"
)
"""``C2025R3PANSTARRS``, ``220PMcNaught``: the comet and its discoverer in one piece."""
_OTHER_FORMS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x2018: "'", 0x2019: "'"}
"""The wide forms of ASCII that Japanese and Chinese keyboards write, and typographers' apostrophes."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILTER_WORDS = _words("""
    l r g b s h o ha sii s2 oiii o3 nii lum luminance red green blue clear lrgb rgb sho hoo hso hos halrgb hargb
    lp ircut uvir uv ir cut duoband duo band dualband dual narrowband broadband nb lextreme lenhance lultimate
    lpro cls alpt astro alpha hydrogen nofilter osc final copy crop drizzle starless processed
    core detail details closeup opposition eclipse conjunction transit moons retry reshoot mosaik
    copy copiado copia kopie copie redo old new hdr short long night wip
""")
"""Trailing words that say how a frame was taken, or what of the object it shows. Colours only trail: ``Blue Horsehead``
keeps its first word."""

_NO_NAME = _words("""
    snapshot snap flatwizard flat flats wizard unknown test tests light lights dark darks darkflat darkflats
    bias biases frame frames target targets object objects none null na nan nil no name noname untitled default
    focus focusing autofocus auto af preview capture captures image images img video sequence seq sky skyflat
    skyflats star stars field platesolve plate solve solving polar align alignment calibration calib cal clouds
    cloud cloudy data dso dsos planet planets planetary deepsky deep space mosaic sub subs stack stacked live
    livestack livestacking manual custom raw temp tmp new folder session night scenery scenic widefield wide
    tele astro astrophotography my works myworks fits lum ha oiii sii lrgb rgb red green blue filter accept
    accepted reject rejected master masters date the and of a nebula nebulae galaxy galaxies cluster clusters
    comet comets moving collimation bahtinov guiding guide guider slew park home satellite satellites zenith
    horizon meridian daylight sunset sunrise timelapse landscape allsky terrestrial bird birds tree
""")

_FOLDER_WORDS = _words("""
    nights date dates gain offset bin exp exposure exposures panel panels tile tiles mosaics rig rigs camera cam
    telescope scope mono colour color uncalibrated calibrated registered cleaned good bad best selected all
    left right east west
""")
"""What a folder may be called between a target's and the frames, beside filters and the words that name nothing."""
_KEYED = re.compile(
    r"(?:(?:DATE|NIGHT|SESSION|FILTER|CAMERA|INSTRUME|RIG|TELESCOPE|TELESCOP|SCOPE|EXP|EXPTIME|EXPOSURE|GAIN|OFFSET"
    r"|BIN|BINNING|TEMP|SETTEMP|SET-TEMP|READOUTM|READOUTMODE|PANEL|TYPE|IMAGETYP)[_-].*)",
    re.IGNORECASE,
)
"""``FILTER_Ha_EXP_300``, ``DATE_2025-01-31``, ``CAMERA_ASI2600MM``: a key and its value."""
_RIG = re.compile(r"[^@+]+@f\d{1,2}(?:\.\d{1,2})?\+.+", re.IGNORECASE)
"""``RASA8@f2+ASI2600MC``"""
INSTRUMENT = re.compile(r"[CB] ?\d{1,2}", re.IGNORECASE)
"""``C11`` and ``B2`` as a folder: the telescope or the binning, where a folder further out names an object."""

_CONSTELLATIONS = _words("""
    andromeda antlia apus aquarius aquila ara aries auriga bootes caelum camelopardalis cancer canes venatici
    canis major minor capricornus carina cassiopeia centaurus cepheus cetus chamaeleon circinus columba coma
    berenices corona australis borealis corvus crater crux cygnus delphinus dorado draco equuleus eridanus
    fornax gemini grus hercules horologium hydra hydrus indus lacerta leo lepus libra lupus lynx lyra mensa
    microscopium monoceros musca norma octans ophiuchus orion pavo pegasus perseus phoenix pictor pisces piscis
    austrinus puppis pyxis reticulum sagitta sagittarius scorpius sculptor scutum serpens sextans taurus
    telescopium triangulum tucana ursa vela virgo volans vulpecula
""")
"""They say where, not what; "Andromeda" and "Orion" are names in ``aliases.tsv`` and are found before."""

_NO_NAME_ALONE = _words(
    "barredspiral box bug cork double gem hidden lost lower mask network pacific polarring rim small spiral ufo"
)
"""Words of every day, of places or of the trade that are a name's only with the kind behind them: Double Cluster."""


def tidy(text: str) -> str:
    """Blanks for underscores, one blank between words, no file extension."""
    if not text.isascii():
        text = text.translate(_OTHER_FORMS)
    return " ".join(_GLUED_COMET.sub(r"\1 ", _EXTENSION.sub("", text.strip()).replace("_", " ")).split())


def strip(text: str) -> str:
    """A tidied text without decoration; possibly empty."""
    previous = None
    while text != previous:
        previous, text = text, _PREFIX.sub("", text)
    text = _GLUED.sub(" ", text)
    text = " ".join(_ANYWHERE.sub(" ", text).split())
    words = text.split(" ")
    while len(words) > 1 and re.sub(r"[^a-z0-9]", "", words[-1].lower()) in _FILTER_WORDS | {""}:
        words.pop()
    return " ".join(words).strip(" -_,;:.#|/+*")


def says_nothing(text: str) -> bool:
    """Whether no word of ``text`` could name an object."""
    return text.lower().replace(" ", "") in _NO_NAME_ALONE or all(
        word in _NO_NAME or word in _CONSTELLATIONS or word.isdigit() or len(word) == 1
        for word in re.findall(r"[a-z]+|\d+", text.lower())
    )


def is_decoration(folder: str) -> bool:
    """Whether a folder's name says how, when or with what its frames were taken, and not what they show."""
    if _KEYED.fullmatch(folder) or _RIG.fullmatch(folder):
        return True
    words = re.findall(r"[a-z]+|\d+", strip(tidy(folder)).lower())
    return all(
        word in _NO_NAME or word in _FILTER_WORDS or word in _FOLDER_WORDS or word.isdigit() or len(word) == 1
        for word in words
    )
