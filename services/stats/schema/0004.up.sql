-- A session whose night is over is closing, and no longer called open.

CREATE OR REPLACE VIEW stats.sessions AS
SELECT session_id, night, rig,
       (SELECT min(camera) FROM stats.session_camera c
        WHERE c.night = s.night AND c.session_id = s.session_id AND camera <> '') AS camera,
       files, size_bytes, exposures, integration_ms / 1000.0::double precision AS integration_s,
       CASE WHEN NOT open THEN 'finished' WHEN revision > 0 THEN 'reopened' WHEN ends_at < now() THEN 'closing' ELSE 'open' END
           AS state,
       revision, finished_at, ends_at, last_arrived_at,
       (SELECT jsonb_object_agg(frame_type, y.files) FROM stats.session_type y WHERE y.session_id = s.session_id AND y.files > 0)
           AS files_by_type,
       (SELECT array_agg(DISTINCT catalog_id ORDER BY catalog_id) FROM stats.session_target x
        WHERE x.session_id = s.session_id AND x.exposures > 0 AND catalog_id <> '') AS catalog_ids
FROM stats.session s
WHERE files > 0;
COMMENT ON VIEW stats.sessions IS 'Contract: sessions with their counts; state is open, closing (its night is over, and it waits to be quiet), finished or reopened.';

CREATE OR REPLACE VIEW stats.stage AS
SELECT (SELECT count(*) FROM stats.file) AS files,
       (SELECT count(*) FROM stats.frame) AS scanned,
       (SELECT count(*) FROM stats.quarantine q
        WHERE q.dismissed_at IS NULL AND EXISTS (SELECT FROM stats.file f WHERE f.file_id = q.quarantine_key)
          AND NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = q.quarantine_key)) AS quarantined,
       (SELECT count(*) FROM stats.pending p
        WHERE NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = p.file_id)
          AND NOT EXISTS (SELECT FROM stats.quarantine q WHERE q.quarantine_key = p.file_id)) AS waiting,
       (SELECT count(*) FROM stats.session WHERE open AND files > 0) AS open_sessions,
       (SELECT count(*) FROM stats.outbox) AS outbox_waiting,
       (SELECT count(*) FROM stats.quarantine q
        WHERE q.dismissed_at IS NOT NULL AND EXISTS (SELECT FROM stats.file f WHERE f.file_id = q.quarantine_key)
          AND NOT EXISTS (SELECT FROM stats.frame fr WHERE fr.file_id = q.quarantine_key)) AS dismissed,
       (SELECT count(*) FROM stats.session WHERE open AND files > 0 AND ends_at < now()) AS closing_sessions;
