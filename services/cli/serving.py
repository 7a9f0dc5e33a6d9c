"""Services in one process, by their names: what `nightbus run` does, without the command line around it.

`nightbus up` starts its services so. The command line's own libraries would be 7 MB and a tenth of a second in each.
"""

import asyncio
import importlib
import sys
from collections.abc import Sequence

from services.cli.exits import FAILED
from services.settings import load_settings
from shared.errors import NightbusError
from shared.logging import configure_logging
from shared.printing import print_any_character
from shared.process import run_services
from shared.runtime import collect_garbage_seldom, event_loop
from shared.settings import Settings


def serve(names: Sequence[str], settings: Settings) -> int:
    """Run services until a signal, or until one of them ends; returns the process's exit code.

    Raises:
        UserError: one of them cannot run as the settings are.
    """
    configure_logging(settings.log, " ".join(names))
    runs = {name: importlib.import_module(f"services.{name}.app").run for name in names}
    collect_garbage_seldom()
    with asyncio.Runner(loop_factory=event_loop()) as runner:
        return runner.run(run_services(runs, settings))


def main() -> int:
    """Run the services that are named; what is to be expected ends as a sentence on standard error."""
    print_any_character()
    try:
        return serve(sys.argv[1:], load_settings())
    except NightbusError as error:
        for words in str(error).splitlines():
            print(f"nightbus: {words}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
