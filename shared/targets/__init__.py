"""The deep-sky catalogue, and the matcher that finds out which object a frame shows.

::

    decoration.py   what capture programs put around a target's name, taken off again
    designation.py  text -> catalogue designation ("Messier 031" -> M31): parsed exactly, never guessed
    catalogue.py    designation -> object: one identity per object, position, size, magnitude
    names.py        proper names -> objects: aliases.tsv and OpenNGC's names, exact and fuzzy
    matcher.py      the order in which these are asked, and how sure the answer is

Data: OpenNGC through pyongc (CC-BY-SA 4.0, read from the installed package), ``aliases.tsv`` (checked by hand) and
``dark-and-bright-nebulae.tsv`` (Sharpless 1959, Lynds 1962 and 1965, Barnard 1927, van den Bergh 1966; converted from
VizieR VII/20, VII/7A, VII/9, VII/220A, VII/21).
"""

from shared.targets.catalogue import Catalogue, SkyObject
from shared.targets.matcher import Matcher

__all__ = ["Catalogue", "Matcher", "SkyObject"]
