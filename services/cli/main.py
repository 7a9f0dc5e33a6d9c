"""The entry point: commands put together, failures turned into one sentence."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from services.cli import config, dead_letters, equipment, ingest, inspect, listings, match, preview, rescan, run, status
from services.cli.usage import WrongUsage
from shared.errors import NightbusError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class Commands(TyperGroup):
    """The command group; expected failures end as a sentence on standard error, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except NightbusError as error:
            print(f"nightbus: {error}", file=sys.stderr)
            raise typer.Exit(EXIT_USAGE if isinstance(error, WrongUsage) else EXIT_FAILED) from error
        except KeyboardInterrupt as stop:
            print("nightbus: stopped", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from stop


app = typer.Typer(
    cls=Commands,
    name="nightbus",
    help="Carries a night's captures home: every frame safe, measured, matched to its target and counted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"nightbus {version('nightbus')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Carries a night's captures home: every frame safe, measured, matched to its target and counted."""


START, LIBRARY, LOOK, OFFLINE, CARE = "Start", "Bring in", "Look", "Without a stack", "Care"

app.command(rich_help_panel=START)(run.up)
app.command(rich_help_panel=START)(run.demo)
app.command("run", rich_help_panel=START)(run.run_service)
app.command(rich_help_panel=START)(run.migrate)
app.command("ingest", rich_help_panel=LIBRARY)(ingest.ingest)
app.command("rescan", rich_help_panel=LIBRARY)(rescan.rescan)
app.command("status", rich_help_panel=LOOK)(status.status)
app.command(rich_help_panel=LOOK)(listings.files)
app.command(rich_help_panel=LOOK)(listings.captures)
app.command(rich_help_panel=LOOK)(listings.sessions)
app.command("inspect", rich_help_panel=OFFLINE)(inspect.inspect)
app.command("match", rich_help_panel=OFFLINE)(match.match)
app.command("preview", rich_help_panel=OFFLINE)(preview.preview)
app.add_typer(equipment.app, name="equipment", rich_help_panel=OFFLINE)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=CARE)
app.add_typer(config.app, name="config", rich_help_panel=CARE)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
