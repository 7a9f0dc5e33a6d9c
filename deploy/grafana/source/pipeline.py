"""How the services are: rates, lag, errors and dead letters."""

from deploy.grafana.source.dashboard import Dashboard
from deploy.grafana.source.panels import (
    GREEN,
    RED,
    YELLOW,
    Column,
    Prom,
    Row,
    Sql,
    series,
    stat,
    table,
    thresholds,
    words,
)

EVENTS_PER_S, PER_S = "eps", "cps"
_READY = words({"0": ("not ready", RED), "1": ("ready", GREEN)})

DASHBOARD = Dashboard(
    name="pipeline",
    title="Pipeline",
    description="What the services handle, what waits, what fails. docs/runbook.md says what to do about it.",
    since="now-6h",
    refresh="30s",
    panels=(
        stat(
            "Services", "Whether each service can do its work. `nightbus status` says what one waits for.",
            Prom("min by (service) (nightbus_service_ready)", "{{service}}", instant=True), unit="none", width=24,
            mappings=[_READY], colors=thresholds((1, GREEN), base=RED), text="value_and_name",
        ),
        stat(
            "Files", "Contents that ever arrived and were not forgotten.",
            Sql('SELECT files AS "Files" FROM stats.counts'), unit="locale",
        ),
        stat(
            "Waiting for the scanner", "Files that arrived and are not read yet for the first time.",
            Sql('SELECT waiting AS "Files" FROM stats.counts'), unit="locale",
        ),
        stat(
            "Quarantined", "Files that no service can handle; `nightbus files` and the table below say why.",
            Sql('SELECT quarantined AS "Files" FROM stats.counts'), unit="locale", colors=thresholds((1, YELLOW)),
        ),
        stat(
            "Dead letters",
            "Messages that no retry could help and that wait for a person: `nightbus dead-letters list`.",
            Prom("sum(nightbus_dead_letters)", instant=True), unit="locale", colors=thresholds((1, RED)),
        ),
        stat(
            "Outbox", "Events that are committed and not yet in the stream.",
            Prom("sum(max by (service) (nightbus_outbox_waiting))", instant=True), unit="locale",
            colors=thresholds((1000, YELLOW)),
        ),
        stat(
            "Stream", "How full the stream of events is. At 80 % relays pause until the janitor has purged.",
            Prom("max(nightbus_stream_bytes) / (max(nightbus_stream_limit_bytes) > 0)", instant=True),
            unit="percentunit", colors=thresholds((0.6, YELLOW), (0.8, RED)),
        ),
        Row("Rates"),
        series(
            "Events handled", "Events that each service settled, by subject.",
            Prom(
                "sum by (service, subject) (rate(nightbus_events_handled_total[$__rate_interval]))",
                "{{service}} {{subject}}",
            ),
            unit=EVENTS_PER_S, smallest=0,
        ),
        series(
            "Events published", "Events of each service that the stream has stored.",
            Prom("sum by (service) (rate(nightbus_events_published_total[$__rate_interval]))", "{{service}}"),
            unit=EVENTS_PER_S, smallest=0,
        ),
        series(
            "Errors", "Events that were tried again (retried) or given up (dead).",
            Prom(
                'sum by (service, subject, outcome) (rate(nightbus_events_handled_total{outcome=~"retried|dead"}'
                "[$__rate_interval]))",
                "{{service}} {{subject}} {{outcome}}",
            ),
            unit=EVENTS_PER_S, smallest=0,
        ),
        series(
            "Time to handle a batch", "95 of 100 batches of events took at most so long, from receipt to settlement.",
            Prom(
                "histogram_quantile(0.95, sum by (le, service, subject) "
                "(rate(nightbus_batch_handling_seconds_bucket[$__rate_interval])))",
                "{{service}} {{subject}}",
            ),
            unit="s", smallest=0,
        ),
        Row("What waits"),
        series(
            "Lag", "Events in the stream that a service has not been given yet.",
            Prom("max by (service, subject) (nightbus_consumer_pending_events)", "{{service}} {{subject}}"),
            unit="locale", smallest=0,
        ),
        series(
            "In hand", "Events that a service has been given and has not settled yet.",
            Prom("max by (service, subject) (nightbus_consumer_unacknowledged_events)", "{{service}} {{subject}}"),
            unit="locale", smallest=0,
        ),
        series(
            "Outbox by service", "Events of each service that are committed and not yet in the stream.",
            Prom("max by (service) (nightbus_outbox_waiting)", "{{service}}"), unit="locale", smallest=0,
        ),
        series(
            "Stream", "Size of the stream of events, and how large it may grow.",
            Prom("max(nightbus_stream_bytes)", "size"), Prom("max(nightbus_stream_limit_bytes) > 0", "limit"),
            unit="decbytes", smallest=0,
        ),
        series(
            "Services wait for", "Things that a service waits for, such as its library. `nightbus status` names them.",
            Prom("sum by (service) (nightbus_waits)", "{{service}}"), unit="locale", smallest=0,
        ),
        series(
            "Jobs", "Attempts at jobs by kind, and the state that they left the job in.",
            Prom("sum by (kind, state) (rate(nightbus_jobs_total[$__rate_interval]))", "{{kind}} {{state}}"),
            unit=PER_S, smallest=0,
        ),
        series(
            "Clocks", "How far the clock of each service's host is ahead of that of Postgres.",
            Prom("max by (service) (nightbus_clock_offset_seconds)", "{{service}}"), unit="s",
        ),
        series(
            "Dead letters by service", "Messages that each service gave up on and that wait for a person.",
            Prom("sum by (service) (nightbus_dead_letters)", "{{service}}"), unit="locale", smallest=0,
        ),
        Row("What needs a person"),
        table(
            "Dead letters that wait", "The newest hundred. `nightbus dead-letters replay` publishes one again.",
            Sql(
                """
SELECT dead_letter_id AS "Number", buried_at AS "Since", service AS "Service", subject AS "Subject", reason AS "Reason",
       file_id AS "File"
FROM api.dead_letters WHERE state = 'waiting' ORDER BY dead_letter_id DESC LIMIT 100
"""
            ),
            width=12, columns=(Column("Since", "dateTimeAsIso"),),
        ),
        table(
            "Quarantined files",
            "The newest hundred. `nightbus reread` has one read anew, `nightbus dismiss` settles it.",
            Sql(
                """
SELECT occurred_at AS "Since", service AS "Service", concat_ws('/', root, path) AS "File", reason AS "Reason"
FROM stats.quarantined WHERE dismissed_at IS NULL ORDER BY occurred_at DESC LIMIT 100
"""
            ),
            width=12, columns=(Column("Since", "dateTimeAsIso"),),
        ),
    ),
)  # fmt: skip
