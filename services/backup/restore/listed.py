"""What is wanted, chosen from the manifests at destinations: for a machine that has no database."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.backup.archive.manifest import FileEntry, Manifest
from services.backup.destinations.port import Destination
from services.backup.restore import manifests
from services.backup.restore.wanted import Copy, Wanted, by_preference
from services.backup.restore.words import is_collection_of, is_path_of, kind_of
from shared import inert
from shared.errors import Gone, Permanent, Transient, UserError


@dataclass(slots=True)
class Choice:
    """What manifests say of what a person named."""

    wanted: list[Wanted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Manifests that could not be read or are damaged, and files that they say are in no archive; a sentence each."""


async def choose(destinations: Mapping[str, Destination], words: Sequence[str]) -> Choice:
    """What sessions, ids and paths name, with every copy at the destinations, in their order.

    Raises:
        UserError: a word names nothing there, or a target, which only a database knows.
    """
    for word in words:
        if kind_of(word) == "target":
            raise UserError(
                f"which sessions show {inert.name(word)} is known to the database alone, and none answers: "
                "name sessions (20260110_4C1F9A3E), ids or paths of files instead"
            )
    choice = Choice()
    found: dict[tuple[str, str], list[Copy]] = {}
    files: dict[tuple[str, str], Wanted] = {}
    met: set[str] = set()
    for destination in destinations.values():
        async for manifest in _manifests(destination, words, choice):
            choice.problems += map(inert.sentence, _left_out(manifest, words))
            for word in words:
                for entry in _chosen(manifest, word):
                    met.add(word)
                    key = (manifest.collection_id, entry.file_id)
                    copy = manifests.copy_of(entry, destination.name)
                    found.setdefault(key, []).extend(() if copy is None else (copy,))
                    name = f"{manifest.collection_id}/{entry.member.partition('/')[2]}"
                    files.setdefault(key, Wanted(entry.file_id, entry.size_bytes, name))
    if lacking := [word for word in words if word not in met]:
        raise UserError(_unknown(lacking[0], destinations, choice))
    copies = {key: by_preference(dict.fromkeys(of_file), list(destinations)) for key, of_file in found.items()}
    choice.wanted = [replace(one, copies=copies[key]) for key, one in files.items()]
    return choice


async def _manifests(destination: Destination, words: Sequence[str], choice: Choice) -> AsyncIterator[Manifest]:
    """The manifests at a destination that may tell of any of the words; what is wrong with others is a problem."""
    try:
        for collection in await manifests.collections(destination):
            if all(
                kind_of(word) == "session" and not is_collection_of(word, collection.collection_id) for word in words
            ):
                continue
            try:
                yield await manifests.read(destination, collection)
            except (Permanent, Gone) as error:
                choice.problems.append(str(error))
    except Transient as error:
        choice.problems.append(str(error))


def _chosen(manifest: Manifest, word: str) -> list[FileEntry]:
    """The files of a manifest that a word names."""
    match kind_of(word):
        case "session":
            return list(manifest.files) if is_collection_of(word, manifest.collection_id) else []
        case "file_id":
            return [entry for entry in manifest.files if entry.file_id.startswith(word)]
        case _:
            return [entry for entry in manifest.files if is_path_of(word, entry.root, entry.path, entry.member)]


def _left_out(manifest: Manifest, words: Sequence[str]) -> list[str]:
    """Files of whole sessions that a manifest says are in no archive."""
    if not any(is_collection_of(word, manifest.collection_id) for word in words):
        return []
    return [f"{one.member} is in no archive: {one.reason}" for one in manifest.left_out]


def _unknown(word: str, destinations: Mapping[str, Destination], choice: Choice) -> str:
    where = ", ".join(destinations) or "any destination"
    why = f" ({choice.problems[0]})" if choice.problems else ""
    return f"no manifest at {where} names {inert.name(word)}{why}"
