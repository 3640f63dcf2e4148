/* What the files of the PostgreSQL driver share; nobody else includes it. See driver.h for the contract.
 *
 *   postgres_library.c  libpq itself, loaded when it is needed
 *   postgres_connect.c  settings -> an authenticated PGconn, by a deadline
 *   postgres.c          the session: sending, stepping, closing
 *   postgres_prepared.c the store of prepared statements
 *   postgres_bind.c     parameters -> libpq's arrays
 *   postgres_copy.c     rows for COPY
 *   postgres_result.c   PGresult -> cells
 *   postgres_error.c    diagnostics -> rn_error
 *
 * A session belongs to one thread at a time; only its PGcancel may be used from another. */
#ifndef RN_DRIVER_POSTGRES_H
#define RN_DRIVER_POSTGRES_H

#include "base/arena.h"
#include "base/buf.h"
#include "driver/driver.h"
#include "driver/postgres_library.h"

/* ---- postgres_error.c ---- */

/* Fills err with what the server (or libpq) says in a result. */
void rn_pg_error_result(rn_error *err, rn_error_kind kind, const PGresult *result);
/* Fills err with the connection's own message, for trouble that came without a result. */
void rn_pg_error_conn(rn_error *err, rn_error_kind kind, const PGconn *conn);
/* As above for a failed PQconnectPoll under PQERRORS_VERBOSE: takes the SQLSTATE out of the message. */
void rn_pg_error_connect(rn_error *err, const PGconn *conn);
bool rn_pg_field_is(const PGresult *result, int field, const char *text);
/* Whether an error of a prepared statement says that it did not go with its tables any more, before it ran.
 */
bool rn_pg_plan_is_stale(const PGresult *result);
/* Whether a command of this tag may give columns other types. */
bool rn_pg_alters_columns(const char *tag);
/* A COMMIT in a failed transaction succeeds with the tag of a ROLLBACK. */
bool rn_pg_commit_refused(const rn_statement *statement, PGresult *result);

/* ---- postgres_connect.c ---- */

/* A connection that is authenticated and non-blocking, owned by the caller; NULL and RN_E_CONNECT. Blocks,
 * but not beyond the deadline: names are resolved on a thread of their own, which a late resolver keeps for
 * itself. */
PGconn *rn_pg_connect(const rn_settings *settings, rn_deadline deadline, rn_error *err);
/* Sets what would change values, and what a server or pooler did not take from the startup packet: one round
 * trip. */
rn_status rn_pg_settle(PGconn *conn, rn_deadline deadline, rn_error *err) RN_MUSTCHECK;

/* ---- postgres_bind.c ---- */

/* The parameter arrays libpq wants, reused from statement to statement. Owned by a session. */
typedef struct rn_pg_args {
  int count;
  int capacity;
  const char **values; /* one block holds the four arrays; it starts here */
  Oid *types;
  int *lengths, *formats;
  rn_arena arena; /* encoded values; large values of bytes stay where the caller has them */
} rn_pg_args;

/* Encodes the parameters of one call. RN_E_VALUE (with `param`) or RN_E_USAGE when they cannot be sent. */
rn_status rn_pg_bind(rn_pg_args *args, const rn_statement *statement, const rn_params *params,
                     rn_error *err) RN_MUSTCHECK;
void rn_pg_args_reset(rn_pg_args *args); /* gives back what a large statement took */
void rn_pg_args_free(rn_pg_args *args);

/* ---- postgres_copy.c ---- */

/* Rows of list parameters, one a column, as COPY wants them. RN_E_VALUE with `param` when one cannot be sent.
 */
rn_status rn_pg_copy_encode(rn_buf *out, const rn_params *params, rn_error *err) RN_MUSTCHECK;

/* ---- postgres_result.c ---- */

/* How the columns of one answer are read: decoders found by OID once. Reference counted, because an answer
 * may outlive the cache entry it came from; not thread-safe. */
typedef struct rn_pg_layout rn_pg_layout;

/* From a description or an answer. One reference, owned by the caller; NULL when memory ran out. */
rn_pg_layout *rn_pg_layout_new(const PGresult *result);
rn_pg_layout *rn_pg_layout_retain(rn_pg_layout *layout); /* NULL is legal */
void rn_pg_layout_release(rn_pg_layout *layout);         /* NULL is legal */
/* Every column has a binary decoder. */
bool rn_pg_layout_binary(const rn_pg_layout *layout);

/* Takes result whatever happens. layout may be NULL or outdated: then it is made from the result. */
rn_result *rn_pg_result_new(PGresult *result, rn_pg_layout *layout, rn_error *err);

/* ---- postgres_prepared.c ---- */

/* "rn_", a counter, the statement's hash, and a random part after a clash: 3 + 20 + 1 + 16 + 1 + 8 + NUL. The
 * hash makes sure that behind a pooler that mixes sessions up a name stands for the same text, if for any. */
#define RN_PG_NAME_BYTES 52

typedef struct rn_pg_prepared {
  char name[RN_PG_NAME_BYTES];
  rn_pg_layout *layout; /* NULL until it was described */
  size_t count;
  rn_code *codes; /* codes, then one byte for each list flag: guards against equal hashes */
} rn_pg_prepared;

/* What a session has prepared, and the texts that it has seen once: both are bounded, the least recently used
 * goes first. The names of what went wait in `closing`, for the session to DEALLOCATE. Part of a session. */
typedef struct rn_pg_store {
  struct rn_lru *seen, *cache; /* NULL when nothing is to be prepared */
  uint64_t names;              /* statements named so far */
  bool random_names;           /* a name clashed: somebody else names statements on this connection */
  bool dropping;               /* entries are being dropped whose names the server has forgotten */
  char (*closing)[RN_PG_NAME_BYTES];
  size_t closing_count, closing_capacity;
} rn_pg_store;

/* For zeroed memory that stays where it is; capacity 0: nothing is prepared. RN_FAIL when memory ran out. */
rn_status rn_pg_store_init(rn_pg_store *store, size_t capacity) RN_MUSTCHECK;
void rn_pg_store_free(rn_pg_store *store); /* tells nobody */
/* The store's own, valid until it changes; NULL. */
const rn_pg_prepared *rn_pg_store_find(rn_pg_store *store, const rn_statement *statement);
/* Whether the text is met for the first time; remembers it. True as well when memory ran out. */
bool rn_pg_store_first_sight(rn_pg_store *store, const rn_statement *statement);
/* Takes p in any case: what cannot be kept is to be closed. */
void rn_pg_store_keep(rn_pg_store *store, const rn_statement *statement, rn_pg_prepared *p);
/* gone: the server does not have it any more. */
void rn_pg_store_forget(rn_pg_store *store, const rn_statement *statement, bool gone);
void rn_pg_store_wiped(rn_pg_store *store);     /* the server has none of ours any more */
void rn_pg_store_close_all(rn_pg_store *store); /* none is to be used again */
/* The first `count` names of `closing` were sent. */
void rn_pg_store_closed(rn_pg_store *store, size_t count);

/* One with a name of its own, owned by the caller until it is kept; NULL when memory ran out. */
rn_pg_prepared *rn_pg_prepared_new(rn_pg_store *store, const rn_statement *statement);
void rn_pg_prepared_free(rn_pg_prepared *p); /* NULL is legal */
bool rn_pg_prepared_fits(const rn_pg_prepared *p, const rn_statement *statement);

#endif
