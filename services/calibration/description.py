"""What calibration is to the other services."""

from shared.description import Reads, ServiceDescription

DESCRIPTION = ServiceDescription(
    name="calibration",
    has_tables=True,
    has_outbox=True,
    reads=(
        Reads("file.scanned", batch_size=500, max_ack_pending=4000, past=True),
        Reads("file.removed", batch_size=500, max_ack_pending=4000),
    ),
    publishes=("calibration.matched", "calibration.missing", "master.built"),
    commands=(
        "cmd.calibration.assign", "cmd.calibration.unassign", "cmd.calibration.describe", "cmd.calibration.refuse",
        "cmd.calibration.train-changed", "cmd.calibration.check", "cmd.calibration.explain", "cmd.calibration.plan",
        "cmd.calibration.distribute", "cmd.calibration.clean", "cmd.calibration.build", "cmd.calibration.cancel-build",
    ),
    sends=("cmd.ingest.move", "cmd.ingest.place", "cmd.ingest.remove"),
    quiet=False,
    last_active="SELECT max(answered_at) FROM calibration.requirements",
)  # fmt: skip
