"""A reader process: reads requests from its standard input, scans, answers on its standard output.

What goes over them is in ``messages``. It begins with the ``Knowledge`` that the service has: the reader knows that and
nothing else for as long as it lives. The process ends when its input does, so it cannot outlive the service.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from services.scanner.knowledge import Knowledge, Loaded, built_in
from services.scanner.messages import LENGTH, Answer, Request
from services.scanner.scan import scan_file
from shared.errors import Away, Gone, Permanent, Transient
from shared.events.envelope import headers_of
from shared.events.file import HEADER_CARDS_LIMIT_BYTES, FileArrived, FileScanned
from shared.library.roots import Root, is_away, resolve
from shared.runtime import collect_garbage_seldom

if TYPE_CHECKING:
    from services.scanner.previews import KeepPreview, PreviewPlace

_LONGEST_ESCAPE = 6
"""Bytes that one character can take in JSON: a control character."""


def scanned_event(
    arrived: FileArrived,
    root_path: Path,
    *,
    measure_stars: bool,
    previews: "PreviewPlace | None" = None,
    known: Loaded | None = None,
) -> FileScanned:
    """Scan the file of an arrival, and keep its preview where ``previews`` says.

    ``known`` is what the user told us; without it the built-in tables are all that is known.

    Raises:
        Permanent: the file can never be read as it is.
        Transient: it is not there, or not what arrived.
        Away: its whole root is not there.
        Gone: it is not there, though its root is.
    """
    known = known or built_in()
    path = resolve(Root(arrived.root, root_path, writable=False), arrived.path)
    try:
        size_bytes = path.stat().st_size
        if size_bytes != arrived.size_bytes:
            raise Transient(
                f"{arrived.path} has changed since it arrived: {size_bytes} bytes, not {arrived.size_bytes}"
            )
        found = scan_file(
            path,
            known=known,
            measure_stars=measure_stars,
            keep_preview=_keeper(previews, arrived, root_path) if previews else None,
            relative_path=arrived.path,
            source_zone=arrived.source_zone,
            hints=arrived.hints,
        )
    except Permanent as error:
        raise Permanent(f"{arrived.path}: {error}") from error
    except MemoryError as error:
        raise Permanent(f"{arrived.path}: needs more memory than a reader may use (scanner.memory_limit_mb)") from error
    except OSError as error:
        if is_away(root_path):
            raise Away(f"the root {arrived.root} at {root_path} is away, and {arrived.path} with it") from error
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise Gone(f"{arrived.path} is not in {root_path} any more: was it renamed or deleted?") from error
        raise Transient(f"{arrived.path} cannot be read now: {error.strerror or error}") from error
    cards, problems = _cut(found.header_cards, found.problems)
    return FileScanned(
        file_id=arrived.file_id,
        scan_revision=arrived.scan_revision,
        decisions_revision=known.decisions_revision,
        root=arrived.root,
        path=arrived.path,
        size_bytes=arrived.size_bytes,
        source=arrived.source,
        source_zone=arrived.source_zone,
        arrived_at=arrived.arrived_at,
        format=found.format,
        frame=found.frame,
        quality=found.quality,
        reported=found.reported,
        target=found.target,
        header_cards=cards,
        problems=problems,
        location_revision=arrived.location_revision,
    )


def _keeper(previews: "PreviewPlace", arrived: FileArrived, root_path: Path) -> "KeepPreview | None":
    from services.scanner.previews import keeper  # OpenCV and Pillow are needed only here

    return keeper(previews, arrived.file_id, root_path)


def _cut(cards: tuple[str, ...], problems: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keep header cards below the limit of an event; what was cut is said in the problems."""
    if _LONGEST_ESCAPE * sum(map(len, cards)) + 3 * len(cards) <= HEADER_CARDS_LIMIT_BYTES:
        return cards, problems
    total_bytes = 0
    for index, card in enumerate(cards):
        total_bytes += len(json.dumps(card, ensure_ascii=False).encode()) + 1
        if total_bytes > HEADER_CARDS_LIMIT_BYTES:
            return cards[:index], (
                *problems,
                f"{len(cards) - index} of {len(cards)} header cards left out of the event",
            )
    return cards, problems


def answer_to(message: bytes, known: Loaded | None = None) -> bytes:
    """The answer to one request; every failure becomes one."""
    line, _, body = message.partition(b"\n")
    request: Request = json.loads(line)
    payload = b""
    try:
        event = scanned_event(
            FileArrived.model_validate_json(body),
            Path(request["root_path"]),
            measure_stars=request["measure_stars"],
            previews=request.get("previews"),
            known=known,
        )
        payload = event.model_dump_json(exclude_none=True).encode()
        answer = Answer(outcome="scanned", reason="", detail="", headers=headers_of(event, "scanner"))
    except Permanent as error:
        answer = Answer(outcome="permanent", reason=str(error), detail="", headers={})
    except Away as error:
        answer = Answer(outcome="away", reason=str(error), detail="", headers={})
    except Gone as error:
        answer = Answer(outcome="gone", reason=str(error), detail="", headers={})
    except Transient as error:
        answer = Answer(outcome="transient", reason=str(error), detail="", headers={})
    except Exception as error:  # noqa: BLE001 - a fault of ours in one file must reach the log, not end the reader
        reason = f"reading failed unexpectedly: {type(error).__name__}: {error}"
        answer = Answer(outcome="transient", reason=reason, detail=traceback.format_exc(), headers={})
    return json.dumps(answer).encode() + b"\n" + payload


def read_message(stream: BinaryIO) -> bytes | None:
    """The next message, or None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def limit_memory(limit_mb: int) -> None:
    """Cap this process's private memory (RLIMIT_DATA, which since Linux 4.7 counts private mappings too)."""
    limit = limit_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Serve requests until the input ends. Argument: memory limit, MiB."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not end up between answers
    told = read_message(requests)
    if told is None:
        return
    known = Knowledge.from_json(told).load()
    collect_garbage_seldom()
    limit_memory(int(sys.argv[1]))
    with contextlib.suppress(BrokenPipeError):
        answers.write(LENGTH.pack(0))
        answers.flush()
        while (message := read_message(requests)) is not None:
            reply = answer_to(message, known)
            answers.write(LENGTH.pack(len(reply)) + reply)
            answers.flush()


if __name__ == "__main__":
    main()
