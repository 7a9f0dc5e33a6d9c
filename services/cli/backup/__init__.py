"""`backup`: what is archived where, what is not, and having it archived now. Each verb has a module of its own."""

from services.cli.backup.archives import list_archives
from services.cli.backup.costs import estimate_costs
from services.cli.backup.database import database
from services.cli.backup.lifecycle import app as lifecycle
from services.cli.backup.restore import restore
from services.cli.backup.restore_everything import restore_everything
from services.cli.backup.retention import retention
from services.cli.backup.run import retry, run
from services.cli.backup.setup import setup
from services.cli.backup.status import status
from services.cli.backup.verify import verify
from services.cli.lazy import group
from services.cli.usage import help_alone

app = group(help="Archives of finished sessions: what lies where, what is unprotected, and archiving it now.")
app.callback(invoke_without_command=True)(help_alone)
app.command("setup")(setup)
app.command("status")(status)
app.command("list")(list_archives)
app.command("run")(run)
app.command("retry")(retry)
app.command("verify")(verify)
app.command("restore")(restore)
app.command("restore-everything")(restore_everything)
app.command("database")(database)
app.command("retention")(retention)
app.command("estimate-costs")(estimate_costs)
app.add_typer(lifecycle, name="lifecycle")
