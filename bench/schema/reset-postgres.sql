-- Back to the generated rows after a workload that writes; untimed, run by every peer. Without the vacuum the next
-- repetition's unique check would have to look at every dead row of the same email.
DELETE FROM users WHERE id > 10000
--;
UPDATE users SET age = 18 + (id * 37 + id / 62) % 62, updated_at = created_at WHERE updated_at <> created_at
--;
SELECT setval(pg_get_serial_sequence('users', 'id'), 10000)
--;
VACUUM (INDEX_CLEANUP ON) users
