-- Back to the generated rows after a workload that writes; untimed, run by every peer.
DELETE FROM users WHERE id > 10000
--;
UPDATE users SET age = 18 + (id * 37 + id / 62) % 62, updated_at = created_at WHERE updated_at <> created_at
