"""Filter names: many spellings, one canonical name. Names that are not in the table stay as they were written."""

import re

_ALIASES: dict[str, str] = {
    "L": "l lum luma luminance luminosity clearl baaderl astronomikl zwol l3 l2",
    "R": "r red baaderr zwor",
    "G": "g green baaderg zwog",
    "B": "b blue baaderb zwob",
    "Ha": "h ha halpha hydrogenalpha hydrogen ha3nm ha5nm ha6nm ha7nm ha12nm baaderha zwoha",
    "Hb": "hb hbeta hydrogenbeta",
    "OIII": "o o3 oiii oxygen oxygeniii o33nm oiii3nm oiii5nm oiii6nm oiii7nm zwooiii",
    "SII": "s s2 sii sulfur sulphur sulfurii s23nm sii3nm sii5nm sii6nm sii7nm zwosii",
    "NII": "n2 nii",
    "HaOIII": "haoiii hao3 hooiii ho",
    "SIIOIII": "siioiii s2o3",
    "LP": "lp lpr lps cls lightpollution",
    "IRCUT": "ircut ircutfilter",
    "UVIR": "uvir uvircut iruv iruvcut baaderuvircut uvirblock",
    "LeXtr": "lextr lextreme optolonglextreme",
    "LenHa": "lenha lenhance optolonglenhance",
    "ALPT": "alpt alptdual alpt5nm",
    "DuoBand": "duoband dualband duo dual",
    "Astro": "astro",
    "VIS": "vis",
    "Clear": "clear c",
    "IR": "ir irpass",
}

_NO_FILTER = frozenset({"", "none", "na", "null", "nofilter", "empty", "notavailable", "dark", "blank", "opaque"})
"""Spellings of 'there is none', and opaque wheel positions, which name no passband."""

_BAYER_WORDS = frozenset({"rggb", "bggr", "grbg", "gbrg"})

_CANONICAL = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
_DECORATION = re.compile(r"[\s_\-./+αΑβ°]+")


def canonical_filter(raw: str | None) -> str | None:
    """The canonical name of a filter as written; None for no filter ('None', 'N/A', '', 'Dark', a Bayer pattern)."""
    if raw is None:
        return None
    stripped = " ".join(raw.split())
    key = _DECORATION.sub("", stripped.lower().replace("α", "alpha").replace("β", "beta"))
    if key in _NO_FILTER or key in _BAYER_WORDS:
        return None
    return _CANONICAL.get(key, stripped)
