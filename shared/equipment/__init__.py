"""Cameras, telescopes, filters and rigs: what headers leave out, and one name for each thing.

In: what a header or a path says about the equipment (`Seen`). Out: the camera's usual name, the rig, the canonical
filter, and the facts that the header leaves out (`Setup`).

    tables.py       rows of cameras.tsv, telescopes.tsv and filters.tsv
    cameras.py      a camera by its name, or by its sensor where it has none
    telescopes.py   a telescope by what people type into TELESCOP
    filters.py      filter names -> canonical names
    rigs.py         which rig took a frame: matching, and the name that follows from a header
    ninaprofile.py  rigs and filter wheels of N.I.N.A. profiles
    setup.py        all of it behind one memoised question
    counted.py      frames that were counted before a rig was added, and devices that are two rigs

Promises: the tables fill what is missing, where one answer is possible, and give cameras and filters their usual names;
they change no other fact of a header, but for a binned frame's pixel size that is the sensor's own. A rig alone does:
its telescope and focal ratio replace the header's. The user's rows go before the built-in ones. Nothing here reads a
setting, a database or the network.
"""

from shared.equipment.rigs import Rig
from shared.equipment.setup import Equipment, Seen, Setup
from shared.equipment.tables import Camera, Filter, Telescope

__all__ = ["Camera", "Equipment", "Filter", "Rig", "Seen", "Setup", "Telescope"]
