/* The PostgreSQL session: connect, send, step, take, cancel, close, behind the vtable rn_postgres_driver.
 * Called by core/ and exec/ only. A session belongs to one thread at a time, but for cancel().
 *
 * A statement text goes out unprepared when a session sees it first. The second time it is prepared,
 * described and run in one flight (a pipeline, so that learning the types costs no round trip); from then on
 * it runs by name, with binary results where every column has a binary decoder. What falls out of the store
 * is DEALLOCATEd ahead of a later statement, outside transactions only, where its failure could not hurt.
 *
 * A statement is run again by itself in one case alone: its prepared form turned out to be unusable before it
 * could start (26000, 42P05, a stale plan), and no transaction was open. */
#include "driver/postgres.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A name that is gone (26000) may be followed by one that is taken (42P05), and then names are random. */
#define HEALINGS_MOST 2
/* DEALLOCATEs sent ahead of one statement, so that it is not held up. */
#define CLOSINGS_AT_ONCE 16
/* With more than this waiting for a long transaction to end, nothing more is prepared. */
#define CLOSINGS_MOST 256

typedef enum { BY_SCRIPT, BY_TEXT, BY_PREPARING, BY_NAME } way;

/* What the next result answers. */
typedef enum {
  PHASE_NONE,
  PHASE_COPY_ROWS, /* nothing is answered; they have to be flushed */
  PHASE_CLOSE,
  PHASE_PREPARE,
  PHASE_DESCRIBE,
  PHASE_EXECUTE,
  PHASE_SYNC,
  PHASE_END
} phase;

typedef enum { CURE_NONE, CURE_AGAIN, CURE_GONE, CURE_RENAME } cure;

typedef struct session {
  PGconn *conn;
  PGcancel *cancel;     /* made at open, never changed: cancel() may come from any thread */
  struct session *next; /* in the list of leave_to_parent */
  bool lost;            /* the connection is of no use any more */
  rn_pg_store store;
  rn_pg_args args;

  /* the statement under way */
  const rn_statement *statement;
  way way;
  phase phase;
  PGTransactionStatusType before; /* when it was sent */
  rn_pg_prepared *pending;        /* being prepared; owned until the store has it */
  const rn_pg_prepared *named;    /* what runs BY_NAME: the store's, which does not change meanwhile */
  rn_pg_layout *layout;           /* of the prepared statement that runs; one reference */
  PGresult *answer;
  rn_error failure;
  cure cure;
  size_t syncs; /* answers to DEALLOCATEs still to come */
  int nothing;  /* NULLs in a row that ended no command */
  bool pipeline, fresh, answered, pending_known, wiped, altered;
  bool copying; /* between the statements that begin and end a COPY */
  rn_buf rows;  /* of a COPY, on their way */
  int again;    /* how often the statement was sent again */
} session;

/* Puts what was prepared where the next call finds it, or gives it back. */
static void settle_pending(session *s) {
  rn_pg_prepared *p = s->pending;
  s->pending = NULL;
  if (!p) return;
  if (s->pending_known && !s->wiped) {
    rn_pg_store_keep(&s->store, s->statement, p);
  } else {
    rn_pg_prepared_free(p);
  }
}

/* ---- sending ---- */

static void choose_way(session *s) {
  const rn_statement *statement = s->statement;
  s->way = statement->script ? BY_SCRIPT : BY_TEXT;
  if (statement->script || statement->role != RN_ROLE_PLAIN || !s->store.cache) return;
  const rn_pg_prepared *p = rn_pg_store_find(&s->store, statement);
  if (p) {
    if (!rn_pg_prepared_fits(p, statement)) return;
    s->way = BY_NAME;
    s->named = p;
    s->layout = rn_pg_layout_retain(p->layout);
    return;
  }
  if (!s->again && rn_pg_store_first_sight(&s->store, statement)) return;
  if (s->store.closing_count > CLOSINGS_MOST && s->before != PQTRANS_IDLE) return;
  s->pending = rn_pg_prepared_new(&s->store, statement);
  if (s->pending) s->way = BY_PREPARING;
}

static bool send_closings(session *s) {
  const size_t waiting = s->store.closing_count;
  const size_t count = waiting < CLOSINGS_AT_ONCE ? waiting : CLOSINGS_AT_ONCE;
  for (size_t i = 0; i < count; i++) {
    char sql[RN_PG_NAME_BYTES + 16];
    snprintf(sql, sizeof sql, "DEALLOCATE %s", s->store.closing[i]);
    /* a sync each: they fail alone, and take no part in the statement's own transaction */
    if (!PQsendQueryParams(s->conn, sql, 0, NULL, NULL, NULL, NULL, 0) || !PQpipelineSync(s->conn))
      return false;
  }
  rn_pg_store_closed(&s->store, count);
  s->syncs = count;
  return true;
}

static bool send_statement(session *s) {
  const rn_statement *statement = s->statement;
  const rn_pg_args *a = &s->args;
  const char *name;
  switch (s->way) {
  case BY_SCRIPT: return PQsendQuery(s->conn, statement->text);
  case BY_TEXT:
    return PQsendQueryParams(s->conn, statement->text, a->count, a->types, a->values, a->lengths, a->formats,
                             0);
  case BY_PREPARING:
    name = s->pending->name;
    return PQsendPrepare(s->conn, name, statement->text, a->count, a->types) &&
           PQsendDescribePrepared(s->conn, name) &&
           PQsendQueryPrepared(s->conn, name, a->count, a->values, a->lengths, a->formats, 0);
  case BY_NAME: break;
  }
  return PQsendQueryPrepared(s->conn, s->named->name, a->count, a->values, a->lengths, a->formats,
                             rn_pg_layout_binary(s->layout));
}

static phase first_phase(const session *s) {
  return s->way == BY_PREPARING ? PHASE_PREPARE : PHASE_EXECUTE;
}

/* Sends the statement by the way that was chosen. A failure leaves the connection unusable. */
static rn_status transmit(session *s, rn_error *err) {
  const bool close = s->store.closing_count > 0 && s->before == PQTRANS_IDLE && s->way != BY_SCRIPT &&
                     s->statement->role == RN_ROLE_PLAIN;
  s->pipeline = close || s->way == BY_PREPARING;
  s->syncs = 0;
  s->nothing = 0;
  s->answered = s->pending_known = s->wiped = s->altered = false;
  s->cure = CURE_NONE;
  s->fresh = true;
  s->phase = close ? PHASE_CLOSE : first_phase(s);
  if (s->pipeline && !PQenterPipelineMode(s->conn)) goto failed;
  if (close && !send_closings(s)) goto failed;
  if (!send_statement(s)) goto failed;
  if (s->pipeline && !PQpipelineSync(s->conn)) goto failed;
  return RN_OK;
failed:
  s->lost = true;
  rn_pg_error_conn(err, RN_E_LOST, s->conn);
  return RN_FAIL;
}

/* Forgets the statement under way. */
static void reset(session *s) {
  rn_pg_prepared_free(s->pending);
  s->pending = NULL;
  rn_pg_layout_release(s->layout);
  s->layout = NULL;
  PQclear(s->answer);
  s->answer = NULL;
  rn_error_clear(&s->failure);
  rn_pg_args_reset(&s->args);
  s->statement = NULL;
  s->named = NULL;
  s->phase = PHASE_NONE;
}

static rn_step lose(session *s, rn_error *err);
/* Rows of a COPY that is under way, or its end. */
static rn_status send_copy(session *s, const rn_statement *statement, const rn_params *params,
                           rn_error *err) {
  const bool rows = statement->role == RN_ROLE_COPY_ROWS;
  if (!s->copying) return rn_error_set(err, RN_E_USAGE, "%s", "no COPY is under way on this connection");
  if (rows && rn_pg_copy_encode(&s->rows, params, err) != RN_OK) return RN_FAIL;
  s->statement = statement;
  s->again = HEALINGS_MOST;
  s->answered = s->pipeline = s->wiped = s->altered = false;
  s->cure = CURE_NONE;
  s->phase = rows ? PHASE_COPY_ROWS : PHASE_EXECUTE;
  s->copying = rows;
  const char *given_up = statement->role == RN_ROLE_COPY_ABORT ? "given up by the client" : NULL;
  const int sent = rows ? PQputCopyData(s->conn, s->rows.data ? s->rows.data : "", (int)s->rows.size)
                        : PQputCopyEnd(s->conn, given_up);
  if (sent == 1) return RN_OK;
  (void)lose(s, err);
  return RN_FAIL;
}

static rn_status pg_send(void *conn, const rn_statement *statement, const rn_params *params, rn_error *err) {
  session *s = conn;
  if (s->lost || PQstatus(s->conn) != CONNECTION_OK) {
    s->lost = true;
    return rn_error_set(err, RN_E_CONNECT, "%s", "the connection was lost before the statement was sent");
  }
  if (s->phase != PHASE_NONE && s->phase != PHASE_END) {
    return rn_error_set(err, RN_E_USAGE, "%s", "a statement is under way on this connection");
  }
  reset(s);
  if (statement->role > RN_ROLE_COPY) return send_copy(s, statement, params, err);
  if (s->copying)
    return rn_error_set(err, RN_E_USAGE, "%s",
                        "a COPY is under way on this connection: nothing else can run on it");
  if (memchr(statement->text, '\0', statement->size)) {
    return rn_error_set(err, RN_E_USAGE, "%s", "the statement's text holds a NUL");
  }
  if (rn_pg_bind(&s->args, statement, params, err) != RN_OK) return RN_FAIL;
  if (statement->script && s->args.count > 0) {
    return rn_error_set(err, RN_E_USAGE, "%s", "a script takes no parameters");
  }
  s->statement = statement;
  s->again = 0;
  s->before = PQtransactionStatus(s->conn);
  choose_way(s);
  if (transmit(s, err) == RN_OK) return RN_OK;
  reset(s);
  return RN_FAIL;
}

/* ---- results ---- */

/* No SQLSTATE: libpq made it up because the connection broke, even while PQstatus still says OK. */
static bool ends_session(const session *s, const PGresult *result) {
  return PQstatus(s->conn) != CONNECTION_OK || !PQresultErrorField(result, PG_DIAG_SQLSTATE) ||
         rn_pg_field_is(result, PG_DIAG_SEVERITY_NONLOCALIZED, "FATAL") ||
         rn_pg_field_is(result, PG_DIAG_SEVERITY_NONLOCALIZED, "PANIC");
}

/* Whether an error says that the prepared form could not be used, and the statement itself never started. An
 * error with a context came from inside a function, so something did run. */
static cure find_cure(const session *s, const PGresult *result) {
  if (PQresultErrorField(result, PG_DIAG_CONTEXT)) return CURE_NONE;
  if (s->phase == PHASE_PREPARE) {
    return rn_pg_field_is(result, PG_DIAG_SQLSTATE, "42P05") ? CURE_RENAME : CURE_NONE;
  }
  if (s->phase != PHASE_EXECUTE || s->way != BY_NAME) return CURE_NONE;
  if (rn_pg_plan_is_stale(result)) return CURE_AGAIN;
  /* The user's own EXECUTE or DEALLOCATE may raise 26000 as well: it must be our name that is missing. */
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const bool ours = message && strstr(message, s->named->name);
  return ours && rn_pg_field_is(result, PG_DIAG_SQLSTATE, "26000") ? CURE_GONE : CURE_NONE;
}

static void note_error(session *s, const PGresult *result) {
  if (ends_session(s, result)) {
    s->lost = true;
    rn_pg_error_result(&s->failure, RN_E_LOST, result);
    return;
  }
  if (s->phase == PHASE_CLOSE || s->failure.kind != RN_E_NONE) return;
  s->cure = find_cure(s, result);
  rn_pg_error_result(&s->failure, RN_E_DATABASE, result);
}

/* Takes a result of the statement itself. Of a script's answers the last one with rows counts, else the last.
 */
static void note_answer(session *s, PGresult *result) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_EMPTY_QUERY) {
    rn_error_set(&s->failure, RN_E_USAGE, "%s", "empty statement");
  } else if (status == PGRES_COMMAND_OK && rn_pg_commit_refused(s->statement, result)) {
    rn_error_set(&s->failure, RN_E_DATABASE, "%s", "the transaction was rolled back instead of committed");
    memcpy(s->failure.sqlstate, "25P02", 6);
  } else if (status == PGRES_COMMAND_OK) {
    const char *tag = PQcmdStatus(result);
    if (strcmp(tag, "DEALLOCATE ALL") == 0 || strcmp(tag, "DISCARD ALL") == 0) s->wiped = true;
    if (rn_pg_alters_columns(tag)) s->altered = true;
  }
  if (status == PGRES_TUPLES_OK || !s->answer || PQresultStatus(s->answer) != PGRES_TUPLES_OK) {
    PQclear(s->answer);
    s->answer = result;
  } else {
    PQclear(result);
  }
}

/* Takes a result that is not NULL. */
static void note_result(session *s, PGresult *result) {
  switch (PQresultStatus(result)) {
  case PGRES_TUPLES_OK:
  case PGRES_COMMAND_OK:
  case PGRES_EMPTY_QUERY:
    s->answered = true;
    if (s->phase == PHASE_EXECUTE) {
      note_answer(s, result);
      return;
    }
    if (s->phase == PHASE_PREPARE) s->pending_known = true;
    if (s->phase == PHASE_DESCRIBE) {
      s->pending->layout = rn_pg_layout_new(result);
      s->layout = rn_pg_layout_retain(s->pending->layout);
    }
    break;
  case PGRES_PIPELINE_SYNC:
    s->nothing = 0;
    if (s->phase == PHASE_CLOSE && --s->syncs == 0) {
      s->phase = first_phase(s);
    } else if (s->phase == PHASE_SYNC) {
      s->phase = PHASE_END;
    }
    break;
  case PGRES_PIPELINE_ABORTED: s->answered = true; break;
  case PGRES_COPY_IN:
    if (s->statement->role == RN_ROLE_COPY) {
      s->copying = true;
      s->answer = PQmakeEmptyPGresult(s->conn, PGRES_COMMAND_OK);
      s->phase = PHASE_END;
      break;
    }
    /* fall through */
  case PGRES_COPY_OUT:
  case PGRES_COPY_BOTH: /* nothing but COPY data can follow: the session is given up */
    s->lost = true;
    rn_error_set(&s->failure, RN_E_USAGE, "%s", "COPY to or from the client cannot be run as a statement");
    break;
  default:
    s->answered = true;
    note_error(s, result);
    break;
  }
  PQclear(result);
}

/* A NULL from PQgetResult: the command that was answered is over. */
static void note_end(session *s) {
  if (!s->answered) {
    /* a pipeline shows empty ones in between; more would mean that libpq and we disagree about what is under
     * way */
    if (!s->pipeline || ++s->nothing > 2) s->lost = true;
    return;
  }
  s->answered = false;
  s->nothing = 0;
  if (!s->pipeline) {
    s->phase = PHASE_END;
  } else if (s->phase >= PHASE_PREPARE && s->phase <= PHASE_EXECUTE) {
    s->phase++;
  }
}

/* ---- stepping ---- */

static rn_step lose(session *s, rn_error *err) {
  s->lost = true;
  if (s->failure.kind == RN_E_NONE) rn_pg_error_conn(&s->failure, RN_E_LOST, s->conn);
  rn_error_move(err, &s->failure);
  reset(s);
  return RN_STEP_FAILED;
}

/* Notifications nobody asked for would pile up. */
static void drop_notifications(PGconn *conn) {
  PGnotify *notify;
  while ((notify = PQnotifies(conn)) != NULL) PQfreemem(notify);
}

/* Forgets the prepared form that failed; true when the statement was sent again. */
static bool heal(session *s) {
  if (s->cure == CURE_RENAME) {
    s->store.random_names = true;
  } else {
    rn_pg_store_forget(&s->store, s->statement, s->cure == CURE_GONE);
  }
  if (s->again == HEALINGS_MOST || s->before != PQTRANS_IDLE || PQtransactionStatus(s->conn) != PQTRANS_IDLE)
    return false;
  s->again++;
  rn_error_clear(&s->failure);
  PQclear(s->answer);
  s->answer = NULL;
  rn_pg_layout_release(s->layout);
  s->layout = NULL;
  choose_way(s);
  return transmit(s, &s->failure) == RN_OK;
}

static rn_step pg_step(void *conn, rn_error *err);

/* All results are in. */
static rn_step finish(session *s, rn_error *err) {
  if (s->pipeline && !PQexitPipelineMode(s->conn)) return lose(s, err);
  drop_notifications(s->conn);
  settle_pending(s);
  if (s->wiped) rn_pg_store_wiped(&s->store);
  if (s->altered) rn_pg_store_close_all(&s->store); /* parameters keep the types of what columns were */
  if (s->cure != CURE_NONE && heal(s)) return pg_step(s, err);
  if (s->lost) return lose(s, err);
  if (s->failure.kind == RN_E_DATABASE && s->statement->role == RN_ROLE_COPY_ABORT) { /* as it was asked to */
    rn_error_clear(&s->failure);
    s->answer = PQmakeEmptyPGresult(s->conn, PGRES_COMMAND_OK);
  }
  if (s->failure.kind == RN_E_NONE && s->answer) return RN_STEP_DONE;
  if (s->failure.kind == RN_E_NONE) return lose(s, err);
  rn_error_move(err, &s->failure);
  reset(s);
  return RN_STEP_FAILED;
}

/* Until the rows are the kernel's. What the server says to them comes when the COPY ends. */
static rn_step flush_rows(session *s, rn_error *err) {
  const int unsent = PQflush(s->conn);
  if (unsent < 0 || !PQconsumeInput(s->conn)) return lose(s, err);
  if (unsent > 0) return RN_STEP_READ_WRITE;
  s->answer = PQmakeEmptyPGresult(s->conn, PGRES_COMMAND_OK);
  if (!s->answer) return lose(s, err);
  s->phase = PHASE_END;
  return RN_STEP_DONE;
}

static rn_step pg_step(void *conn, rn_error *err) {
  session *s = conn;
  if (s->phase == PHASE_COPY_ROWS) return flush_rows(s, err);
  if (s->phase == PHASE_END) return RN_STEP_DONE;
  if (s->phase == PHASE_NONE) {
    rn_error_set(err, RN_E_USAGE, "%s", "no statement is under way on this connection");
    return RN_STEP_FAILED;
  }
  int unsent = PQflush(s->conn);
  if (unsent < 0) return lose(s, err);
  if (s->fresh) { /* nothing can have come back yet: no need to ask the kernel */
    s->fresh = false;
    return unsent > 0 ? RN_STEP_READ_WRITE : RN_STEP_READ;
  }
  const bool intact = PQconsumeInput(s->conn); /* if not, what came before may still say why */
  if (unsent > 0 && intact) unsent = PQflush(s->conn);
  while (!PQisBusy(s->conn)) {
    PGresult *result = PQgetResult(s->conn);
    if (result) {
      note_result(s, result);
    } else {
      note_end(s);
    }
    if (s->lost) return lose(s, err);
    if (s->phase == PHASE_END) return finish(s, err);
  }
  if (!intact || unsent < 0) return lose(s, err);
  return unsent > 0 ? RN_STEP_READ_WRITE : RN_STEP_READ;
}

static rn_result *pg_take(void *conn, rn_error *err) {
  session *s = conn;
  PGresult *answer = s->answer;
  s->answer = NULL;
  rn_result *result = NULL;
  if (s->phase != PHASE_END || !answer) {
    PQclear(answer);
    rn_error_set(err, RN_E_USAGE, "%s", "there is no answer to take");
    return NULL;
  }
  if (strcmp(pg_encoding_to_char(PQclientEncoding(s->conn)), "UTF8") != 0) {
    s->lost = true; /* text of this answer, and of all that follow, would be read wrongly */
    PQclear(answer);
    rn_error_set(err, RN_E_USAGE, "%s", "client_encoding must stay UTF8");
  } else {
    result = rn_pg_result_new(answer, s->layout, err);
  }
  reset(s);
  return result;
}

/* ---- the connection ---- */

/* While a session is idle an error can only be the server's farewell; libpq shows it as a notice. */
static void on_notice(void *context, const PGresult *notice) {
  session *s = context;
  if (rn_pg_field_is(notice, PG_DIAG_SEVERITY_NONLOCALIZED, "FATAL") ||
      rn_pg_field_is(notice, PG_DIAG_SEVERITY_NONLOCALIZED, "PANIC") ||
      rn_pg_field_is(notice, PG_DIAG_SEVERITY_NONLOCALIZED, "ERROR")) {
    s->lost = true;
  }
}

static void free_contents(session *s) {
  reset(s);
  rn_pg_store_free(&s->store);
  rn_pg_args_free(&s->args);
  rn_buf_free(&s->rows);
  PQfreeCancel(s->cancel);
}

/* PQfinish would send a Terminate (and a TLS farewell) on the parent's connection and end its session. So
 * only our copy of the descriptor goes. The PGconn is leaked on purpose, once for each connection the fork
 * inherited; the list keeps it within the sight of leak checkers. */
static void leave_to_parent(session *s) {
  static _Atomic(session *) inherited;
  if (PQsocket(s->conn) >= 0) close(PQsocket(s->conn));
  free_contents(s);
  s->next = atomic_load(&inherited);
  while (!atomic_compare_exchange_weak(&inherited, &s->next, s)) continue;
}

static void pg_close(void *conn, bool forked) {
  session *s = conn;
  if (!s) return;
  if (forked) {
    leave_to_parent(s);
    return;
  }
  PQfinish(s->conn);
  free_contents(s);
  free(s);
}

static void *pg_open(const rn_settings *settings, rn_deadline deadline, rn_error *err) {
  if (rn_pq_load(err) != RN_OK) return NULL;
  session *s = calloc(1, sizeof *s);
  if (!s) {
    rn_error_set(err, RN_E_MEMORY, "out of memory");
    return NULL;
  }
  const rn_deadline own = rn_deadline_after(settings->connect_timeout_ms);
  if (own && (!deadline || own < deadline)) deadline = own;
  s->conn = rn_pg_connect(settings, deadline, err);
  if (!s->conn) goto failed;
  PQsetNoticeReceiver(s->conn, on_notice, s);
  if (rn_pg_settle(s->conn, deadline, err) != RN_OK) goto failed;
  s->cancel = PQgetCancel(s->conn);
  if (s->cancel && rn_pg_store_init(&s->store, settings->statement_cache) == RN_OK) return s;
  rn_error_set(err, RN_E_MEMORY, "out of memory");
failed:
  PQfinish(s->conn);
  free_contents(s);
  free(s);
  return NULL;
}

static int pg_fd(void *conn) {
  return PQsocket(((session *)conn)->conn);
}

static rn_tx pg_tx(void *conn) {
  const session *s = conn;
  if (s->lost) return RN_TX_UNKNOWN;
  switch (PQtransactionStatus(s->conn)) {
  case PQTRANS_IDLE: return RN_TX_IDLE;
  case PQTRANS_INTRANS: return RN_TX_OPEN;
  case PQTRANS_INERROR: return RN_TX_FAILED;
  default: return RN_TX_UNKNOWN;
  }
}

static void pg_cancel(void *conn) {
  char ignored[256];
  PQcancel(((session *)conn)->cancel, ignored, sizeof ignored);
}

static bool pg_alive(void *conn) {
  session *s = conn;
  char byte;
  /* An idle session may have been sent notices, notifications or changed parameters: twice is patience
   * enough. */
  for (int looks = 0; looks < 3; looks++) {
    if (s->lost || PQstatus(s->conn) != CONNECTION_OK) return false;
    const ssize_t n = recv(PQsocket(s->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (n == 0) break;
    if (s->phase != PHASE_NONE && s->phase != PHASE_END) return true; /* that is its answer coming in */
    if (!PQconsumeInput(s->conn) || PQisBusy(s->conn)) break;
    drop_notifications(s->conn);
  }
  s->lost = true;
  return false;
}

static void pg_limit(void *conn, rn_deadline deadline) {
  (void)conn;
  (void)deadline;
}

const rn_driver rn_postgres_driver = {
    .name = "postgres",
    .has_socket = true,
    .open = pg_open,
    .close = pg_close,
    .fd = pg_fd,
    .send = pg_send,
    .step = pg_step,
    .take = pg_take,
    .tx = pg_tx,
    .cancel = pg_cancel,
    .alive = pg_alive,
    .limit = pg_limit,
};
