-- Gives every process the table as it was generated, in its first order and without dead rows.
CLUSTER users USING users_pkey
--;
VACUUM ANALYZE users
--;
CHECKPOINT
