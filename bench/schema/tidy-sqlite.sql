-- Gives every process an empty write-ahead log.
PRAGMA wal_checkpoint(TRUNCATE)
