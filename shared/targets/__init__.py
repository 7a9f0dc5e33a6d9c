"""The deep-sky catalogue, and the matcher that finds out which object a frame shows.

::

    decoration.py   what capture programs put around a target's name, taken off again
    designation.py  text -> catalogue designation ("Messier 031" -> M31): parsed exactly, never guessed
    tables.py       this package's tables of objects and of names
    own.py          the user's own targets and names
    catalogue.py    designation -> object: one identity per object, position, size, magnitude
    spelling.py     the form of a proper name in which two spellings of it are the same
    names.py        proper names -> objects: the tables' and OpenNGC's names, exact and fuzzy
    reading.py      a text -> the objects that it may name
    position.py     where a frame points -> the objects that it may be meant to show
    evidence.py     name and position weighed together
    matcher.py      the order in which these are asked, and how sure the answer is

Data: OpenNGC through pyongc (CC-BY-SA 4.0, read from the installed package), names checked by hand (``aliases*.tsv``),
and positions converted from published catalogues, each named in the head of its table (Sharpless, Lynds, Barnard, van
den Bergh, Lynga, Harris, Kohoutek, Acker, Abell, Arp, Hickson, Green).
"""
