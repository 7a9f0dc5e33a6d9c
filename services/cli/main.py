"""The commands put together; every failure that is to be expected ends as a sentence on standard error."""

import io
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from services.cli.exits import FAILED, INTERRUPTED, USAGE
from services.cli.lazy import Commands, Listed, group
from services.cli.usage import WrongUsage, help_alone
from services.cli.values import take_over
from shared.errors import NightbusError
from shared.inert import sentence

PROGRAM = "nightbus"
START, LIBRARY, LOOK, OFFLINE, CARE = "Start", "Bring in", "Look", "Offline", "Care"

COMMANDS = (
    Listed("up", START, "Run everything on this machine, without Docker: NATS, Postgres and all services.", "run:up"),
    Listed(
        "demo", START, "Play simulated nights through the whole of Nightbus and show what came of them.", "run:demo",
    ),
    Listed(
        "run", START, "Run services in one process against the NATS and Postgres of the settings, until a signal.",
        "run:run_services",
    ),
    Listed("migrate", START, "Bring the database to this version: roles, schemas, views, grants.", "run:migrate"),
    Listed("provision", START, "Make the streams and consumers of NATS what the services need.", "run:provision"),
    Listed(
        "ingest", LIBRARY,
        "Import files and folders now, and report found = arrived + already here + ignored + failed.", "ingest:ingest",
    ),
    Listed(
        "imports", LIBRARY,
        "List imports, newest first, with rate, time left and what each waits for; `cancel` ends one.", "imports:app",
    ),
    Listed(
        "reread", LIBRARY,
        "Have files read anew, chosen by id, by filters, or all; what was found before is replaced.", "reread:reread",
    ),
    Listed(
        "status", LOOK,
        "Show per service what was handled (by ingest: files that arrived) and what waits, and counts that add up.",
        "status:status",
    ),
    Listed(
        "latest", LOOK,
        "Show the newest LIGHT frame of each rig, with its age, target, filter, FWHM and stars; latest first.",
        "latest:latest",
    ),
    Listed(
        "ready", LOOK, "Say whether the services here are ready; the exit code is 1 where one is not.", "ready:ready",
    ),
    Listed(
        "files", LOOK,
        "List files, newest night first, with what was found in each; an OBJECT in brackets is no known target.",
        "listings:files",
    ),
    Listed(
        "captures", LOOK, "List targets with their integration, most first; filters restrict what is summed up.",
        "listings:captures",
    ),
    Listed("sessions", LOOK, "List sessions (one night of one rig), newest first.", "listings:sessions"),
    Listed(
        "locations", LOOK,
        "List the roots in which files lie, and how they are; `walk` goes through the library now.", "locations:app",
    ),
    Listed(
        "calibration", LOOK, "Masters for lights: what each session has and lacks, why, and what to capture.",
        "calibration:app",
    ),
    Listed("sql", LOOK, "Open psql on the views, as the role that only reads.", "sql:sql"),
    Listed(
        "inspect", OFFLINE,
        "Show what Nightbus finds in capture files: header, stars, target; people's decisions are not consulted.",
        "inspect:inspect",
    ),
    Listed(
        "match", OFFLINE,
        "Find the catalogue object that a target name means, by its name alone: people's decisions are not consulted.",
        "match:match",
    ),
    Listed(
        "preview", OFFLINE, "Write a stretched picture of each capture file as NAME.preview.jpg.", "preview:preview",
    ),
    Listed(
        "equipment", OFFLINE, "Cameras, telescopes, filters and rigs: the built-in tables, with yours in front.",
        "equipment:app",
    ),
    Listed(
        "forget", CARE,
        "Forget files for good: no total counts them, and only an import of a file by its own name brings it back.",
        "forget:forget",
    ),
    Listed(
        "dismiss", CARE, "Take quarantined files out of the count: they need nothing more.", "dismiss:dismiss",
    ),
    Listed(
        "backup", CARE,
        "Archives of finished sessions: what lies where, what is unprotected, and archiving it now.", "backup:app",
    ),
    Listed("dead-letters", CARE, "Messages that no retry could help: list, show, replay, drop.", "dead_letters:app"),
    Listed(
        "subscribers", CARE,
        "Programs of yours that read events, each with a user of NATS and a consumer of its own: add, list, revoke.",
        "subscribers:app",
    ),
    Listed(
        "passwords", CARE,
        "Passwords of NATS and Postgres: make a folder of them, renew them while everything runs.", "passwords:app",
    ),
    Listed("stats", CARE, "Counts: compare them with the frames and the files, or write them anew.", "stats:app"),
    Listed(
        "doctor", CARE,
        "Look at all that Nightbus needs, a line each: what is fine, or what is wrong and the fix.",
        "doctor.run:doctor",
    ),
    Listed("config", CARE, "Settings: check, explain, example.", "config:app"),
)  # fmt: skip


RENAMED = {"rescan": "reread"}
"""Commands of earlier versions by what they are called now."""


class Nightbus(TyperGroup):
    """The command group."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands(COMMANDS)  # type: ignore[assignment]

    def list_commands(self, _ctx: Any) -> list[str]:
        """The names of the commands, in their order; none is loaded for it."""
        return list(self.commands)

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """List the commands by what they are for."""
        for panel in dict.fromkeys(one.panel for one in COMMANDS):
            with formatter.section(panel):
                formatter.write_dl([(one.name, one.summary) for one in COMMANDS if one.panel == panel])

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run what the command line says and exit with its code; without ``standalone_mode`` return and raise."""
        extra = {"prog_name": PROGRAM, **extra, "standalone_mode": False}
        if not standalone_mode:
            return super().main(*args, **extra)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # whatever is named in a terminal of few characters
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(*args, **extra)
        except TyperException as error:
            code = error.exit_code
            print(f"nightbus: {_usage_sentence(error)}", file=sys.stderr)
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the words before the command; Ctrl-C may come while that imports something."""
        try:
            take_over(self)
            return super().make_context(*args, **extra)
        except KeyboardInterrupt as stop:
            raise _stopped() from stop

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The chosen command; one of an earlier version is told by its name of today."""
        if args and (now := RENAMED.get(args[0])):
            raise WrongUsage(f"`{PROGRAM} {args[0]}` is called `{PROGRAM} {now}` now")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except NightbusError as error:
            for words in str(error).splitlines():
                print(f"nightbus: {words}", file=sys.stderr)
            raise typer.Exit(USAGE if isinstance(error, WrongUsage) else FAILED) from error
        except KeyboardInterrupt as stop:
            raise _stopped() from stop


def _stopped() -> typer.Exit:
    print("nightbus: stopped", file=sys.stderr)
    return typer.Exit(INTERRUPTED)


def _usage_sentence(error: TyperException) -> str:
    """Wrong usage in our words: one inert sentence, and where the right usage is written."""
    words = sentence(" ".join(error.format_message().split())).rstrip(".")
    where = getattr(error, "ctx", None)
    return f"{words[:1].lower()}{words[1:]}; see `{PROGRAM if where is None else where.command_path} --help`"


app = group(
    cls=Nightbus,
    add_completion=True,
    name=PROGRAM,
    help="Carries a night's captures home: every frame safe, measured, matched to its target and counted.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"nightbus {version('nightbus')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    ctx: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Carries a night's captures home: every frame safe, measured, matched to its target and counted."""
    help_alone(ctx)


if __name__ == "__main__":
    app()
