"""`backup restore-everything`: a home of what lies at a destination, on an empty machine."""

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.backup.line import Line
from services.cli.backup.thaw import DaysOption, ThawTier, TierOption, YesOption, require_consent, thawed
from services.cli.connection import HomeOption, wait_for
from services.cli.exits import FAILED
from services.cli.match import LinesOption
from services.cli.output import counted, to_json
from services.cli.usage import destination_name, named_path
from shared import inert
from shared.quantities import size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.backup.destinations.port import Destination
    from services.backup.restore.thaw import Needed
    from services.standalone.restoring.everything import Done
    from services.standalone.restoring.files import Files

MOST_SHOWN = 10

FromOption = Annotated[
    Path,
    typer.Option(
        "--from", metavar="PLACE", parser=named_path,
        help="The destination: its folder, or a settings file with a section [[destinations]].",
    ),
]  # fmt: skip
DestinationOption = Annotated[
    str | None,
    typer.Option(
        "--destination", parser=destination_name, metavar="NAME", help="Which destination of that settings file."
    ),
]
InstallationOption = Annotated[
    str | None, typer.Option("--installation", metavar="ID", help="Which installation, where several lie there.")
]
DumpOption = Annotated[
    str | None, typer.Option("--dump", metavar="KEY", help="This dump of the database; default: the latest good one.")
]
LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", metavar="DIR", parser=named_path, help="Folder of the library; default: library below the home."
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", parser=named_path,
        help="The nightbus.toml that is written; default: that of NIGHTBUS_CONFIG, else here.",
    ),
]  # fmt: skip
SecretsOption = Annotated[
    Path | None,
    typer.Option(
        "--secrets-file", metavar="FILE", parser=named_path,
        help='Secrets by name, such as destinations.offsite.secret_access_key = "…".',
    ),
]  # fmt: skip


def restore_everything(
    place: FromOption,
    destination: DestinationOption = None,
    installation: InstallationOption = None,
    dump: DumpOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    secrets_file: SecretsOption = None,
    tier: TierOption = ThawTier.STANDARD,
    days: DaysOption = 7,
    yes: YesOption = False,
    as_json: LinesOption = False,
    home: HomeOption = None,
) -> None:
    """Make everything anew from a destination alone: database, files and settings, into an empty home.

    What was interrupted goes on when it is asked for again. Nothing that is there is overwritten. Archives in GLACIER
    or DEEP_ARCHIVE are thawed before the files come: what that costs and how long it takes is said, and asked, before.
    """
    from services.backup.costs.prices import read_prices
    from services.standalone.home import Home
    from services.standalone.restoring.everything import Wish
    from services.standalone.restoring.everything import restore_everything as restore
    from services.standalone.restoring.settings import read_secrets
    from services.standalone.restoring.source import read_source
    from shared.logging import configure_logging
    from shared.settings import LogSettings
    from shared.written import place_of_config

    wish = Wish(
        source=read_source(place, destination),
        home=Home.resolve(home),
        settings_file=(config or place_of_config()).absolute(),
        library=None if library is None else library.absolute(),
        installation_id=installation,
        dump=dump,
        secrets=read_secrets(secrets_file),
    )
    configure_logging(LogSettings(level="warning"), "restore")
    progress = _Shown()

    async def thaw(destinations: "Mapping[str, Destination]", needed: "Needed") -> None:
        require_consent(needed, read_prices(None), days, tier, yes=yes)
        await thawed(destinations, needed, days, tier)

    done = wait_for(restore(wish, _ask, progress, thaw))
    progress.end()
    print(to_json(_row(done)) if as_json else _text(done))
    if done.files.failed:
        raise typer.Exit(FAILED)


def _ask(name: str) -> str | None:
    """Ask for a secret on a terminal, without showing it."""
    return getpass.getpass(f"{name}: ") if sys.stdin.isatty() else None


class _Shown(Line):
    """The steps on a terminal or as lines; see ``services.standalone.restoring.everything.Told``."""

    def step(self, words: str) -> None:
        """A step begins."""
        self.say(words)

    def dump(self, read_bytes: int, size_bytes: int) -> None:
        """So much of the dump is read."""
        self.update(f"restoring the database: {size(read_bytes)} of {size(size_bytes)} read")

    def files(self, so_far: "Files") -> None:
        """So far it is with the files."""
        self.update(
            f"restoring the files: {so_far.restored} restored ({size(so_far.restored_bytes)}), "
            f"{so_far.already_here} already here, {so_far.failed} failed"
        )


def _row(done: "Done") -> dict[str, Any]:
    files = done.files
    return {
        "installation_id": done.installation_id,
        "dump": done.dump.key,
        "dumped_at": done.dump.dumped_at,
        "library": str(done.library),
        "settings": str(done.settings_file),
        "archives_adopted": done.adopted,
        "archived": files.archived,
        "places": files.wanted,
        "restored": files.restored,
        "restored_bytes": files.restored_bytes,
        "already_here": files.already_here,
        "failed_count": files.failed,
        "failed": [{"name": one.name, "reason": one.reason} for one in files.failures],
        "renamed_count": files.renamed_count,
        "renamed": files.renamed,
        "forgotten": files.forgotten,
        "left_in_archive": files.left_in_archive,
        "newer": files.newer,
        "newer_folder": None if done.newer is None else str(done.newer),
        "trees": done.trees,
        "never_archived": files.never_archived_count,
        "never_archived_names": files.never_archived,
    }


def _counts(files: "Files") -> str:
    return (
        f"{counted(files.archived, 'archived file')}: {files.restored} restored ({size(files.restored_bytes)}), "
        f"{files.already_here} already here, {files.failed} failed, {files.forgotten} forgotten before, "
        f"{files.left_in_archive} left in the archive alone"
    )


def _text(done: "Done") -> str:
    files = done.files
    lines = [
        f"restored the installation {done.installation_id} as it was at {done.dump.dumped_at:%Y-%m-%d %H:%M} UTC",
        _counts(files),
        f"library {inert.name(done.library)}; settings {inert.name(done.settings_file)}",
    ]
    if done.adopted:
        lines.append(f"{counted(done.adopted, 'archive')} made after that dump are known again")
    if done.newer is not None:
        lines.append(
            f"{counted(files.newer, 'file')} came after that dump and lie in {inert.name(done.newer)}: "
            f"`nightbus ingest {inert.name(done.newer)}` brings them home"
        )
    lines += [f"files of an indexed tree are in {inert.name(tree)} now" for tree in done.trees]
    lines += [f"not restored: {inert.name(one.name)}: {inert.sentence(one.reason)}" for one in files.failures]
    lines += [
        f"{inert.name(name)} has another content's name, and is {inert.name(now)} now" for name, now in files.renamed
    ]
    if files.failed > len(files.failures) or files.renamed_count > len(files.renamed):
        lines.append("and more of these; the same command again brings back what can be brought back by then")
    if files.never_archived_count:
        lines.append(
            f"never archived: {counted(files.never_archived_count, 'file')}; what a source still has comes back by "
            "`nightbus ingest` of its folder, the rest is lost:"
        )
        lines += [f"  {inert.name(name)}" for name in files.never_archived[:MOST_SHOWN]]
        if files.never_archived_count > MOST_SHOWN:
            lines.append("  and more; --json names them")
    lines.append("start it with `nightbus up`")
    return "\n".join(lines)
