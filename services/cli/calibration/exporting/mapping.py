"""Paths as a workstation sees them: ``--map /nas=//server/share``, or a drive of Windows."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from services.cli.usage import WrongUsage


class Mapping(NamedTuple):
    """A folder here, and what it is called there."""

    here: str
    there: str

    def path(self, path: str) -> str | None:
        """The path there; None where it is not below the folder."""
        if not PurePosixPath(path).is_relative_to(self.here):
            return None
        rest = path[len(self.here) :].strip("/") if self.here != "/" else path.strip("/")
        if not self._is_windows:
            return "/".join([self.there.rstrip("/"), *([rest] if rest else [])]) or "/"
        return "\\".join([self.there.rstrip("\\/"), *rest.split("/")])

    @property
    def _is_windows(self) -> bool:
        return "\\" in self.there or self.there[1:2] == ":"


def mappings(words: Iterable[str]) -> tuple[Mapping, ...]:
    """What ``--map`` says, the longest folder first.

    Raises:
        WrongUsage: one is no pair, or does not begin with an absolute folder.
    """
    found = []
    for text in words:
        here, sign, there = text.partition("=")
        if not sign or not here.startswith("/") or not there.strip():
            raise WrongUsage(f"--map wants a folder here and its name there, such as /nas=Z:\\, not {text!r}")
        found.append(Mapping(str(PurePosixPath(here)), there.strip()))
    return tuple(sorted(found, key=lambda one: -len(one.here)))


def mapped(path: str, known: Iterable[Mapping]) -> str:
    """A path as the workstation sees it: by the first mapping that fits, else as it is."""
    return next((there for one in known if (there := one.path(path)) is not None), path)
