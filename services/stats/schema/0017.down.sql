DELETE FROM stats.upkeep WHERE task = 'check' AND NOT asked AND state = 'waiting';
