-- One number over all that a workload wrote, except the times themselves: both databases, every peer.
SELECT CAST(SUM(id * 7 + age * 5 + length(first_name) + 2 * length(last_name) + 3 * length(email) + score * 8
  + CASE WHEN is_active THEN 1 ELSE 0 END + COALESCE(length(bio), 3)
  + CASE WHEN updated_at >= created_at THEN 11 ELSE 0 END) AS double precision) AS v
FROM users WHERE id > 10000 OR updated_at <> created_at
