"""What names mean here, with what the user's settings add; these are read only where they say anything of it."""

from typing import TYPE_CHECKING

from services.descriptions import NAMES
from shared.written import is_written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.targets.own import OwnTarget
    from shared.targets.reading import Reading


def meanings() -> "Callable[[str], Reading]":
    """What tells the objects that a name may mean, the user's own among them, as the matcher without a position."""
    from shared.targets.catalogue import Catalogue
    from shared.targets.own import own_targets
    from shared.targets.reading import LONGEST_TEXT, Reader

    own: tuple[OwnTarget, ...] = ()
    if is_written("targets", services=NAMES):
        from services.settings import load_settings

        own = own_targets(load_settings().targets)
    reader = Reader(Catalogue.load(own))
    return lambda name: reader.read(name[:LONGEST_TEXT])


def filter_names() -> "tuple[Mapping[str, str], tuple[Mapping[str, str], ...]]":
    """The user's own names of filters: those of all rigs, and those of each rig."""
    if not is_written("filters", "rigs", services=NAMES):
        return {}, ()
    from services.settings import load_settings

    settings = load_settings()
    return settings.filters, tuple(rig.filters for rig in settings.rigs)
