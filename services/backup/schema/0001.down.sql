DROP VIEW backup.counts, backup.coverages, backup.destinations, backup.left_out_file, backup.archived_file, backup.archives,
    backup.archive_progress;
DROP TABLE backup.outbox, backup.inbox, backup.coverage, backup.part, backup.member, backup.archive, backup.destination,
    backup.installation;
