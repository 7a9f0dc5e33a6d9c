"""Work that takes longer than seconds: rows in the schema of the service that owns it.

1. A table becomes a table of jobs by one line of a schema file: ``-- template: jobs table=archive``
   (``shared.db.templates``).
2. Committing a row commits the work: it happens at least once, whatever is killed. `Runner` claims rows that are due
   with ``FOR UPDATE SKIP LOCKED``, several side by side within the limit of their kind, and runs a function for each.
3. Each claim has the next attempt number. Whatever its holder writes names that number: once the job was taken over,
   such a write changes nothing and raises `Lost`, so the holder stops.
4. Heartbeats renew the lease, save progress, and bring a person's wish to cancel: `Stopped` is raised where the work
   next asks. A process that dies lets its lease run out, and another claim takes over.
5. What the work raises decides: ``Transient`` waits with growing pauses for as long as it takes; ``Permanent`` and
   ``UserError`` fail at once with their sentence; anything else, and the death of the process, is unexpected, and the
   third in a row makes the job dead, so that no job restarts a service for ever.

::

    JOBS = JobTable("archive", "job_id")                    # a value of the column kind where a table has several

    async def archive(job: Job) -> None:
        job.reports(lambda: {"done": upload.parts_done})    # saved with each heartbeat
        for part in upload.parts(job["session_id"]):
            job.check()                                     # raises Stopped: cancelled, or lost to another holder
            await upload.send(part)
        await job.save(size_bytes=upload.size_bytes)        # columns of your own; raises Lost
    service.background(Runner(pool, JOBS, archive, at_once=2).run())

The view ``<table>_progress`` is the contract: state, attempt, reason, times. Columns of your own are added to it at the
end by ``CREATE OR REPLACE VIEW``.
"""
