"""`calibration`: which masters lights have and lack, why, what to capture. Each verb has a module of its own."""

from services.cli.calibration.build import build
from services.cli.calibration.clean import clean
from services.cli.calibration.decide import assign, check, refuse, unassign
from services.cli.calibration.describe import describe
from services.cli.calibration.distribute import distribute
from services.cli.calibration.exporting.command import export
from services.cli.calibration.masters import masters
from services.cli.calibration.missing import missing
from services.cli.calibration.plan import plan
from services.cli.calibration.sets import sets
from services.cli.calibration.status import status
from services.cli.calibration.train import train_changed
from services.cli.calibration.why import why
from services.cli.lazy import group
from services.cli.usage import help_alone

app = group(help="Masters for lights: what each session has and lacks, why, and what to capture.")
app.callback(invoke_without_command=True)(help_alone)
app.command("status")(status)
app.command("missing")(missing)
app.command("why")(why)
app.command("masters")(masters)
app.command("plan")(plan)
app.command("assign")(assign)
app.command("unassign")(unassign)
app.command("refuse")(refuse)
app.command("describe")(describe)
app.command("train-changed")(train_changed)
app.command("check")(check)
app.command("sets")(sets)
app.command("build")(build)
app.command("distribute")(distribute)
app.command("export")(export)
app.command("clean")(clean)
