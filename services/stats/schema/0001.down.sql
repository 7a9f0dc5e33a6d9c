DROP VIEW stats.stage, stats.handled, stats.quarantined, stats.session_targets, stats.sessions, stats.capture_filters,
    stats.captures, stats.files;
DROP TABLE stats.inbox, stats.outbox, stats.target_filter, stats.target_session, stats.target, stats.session_target,
    stats.session_type, stats.session_camera, stats.session, stats.frame, stats.quarantine, stats.pending, stats.file;
