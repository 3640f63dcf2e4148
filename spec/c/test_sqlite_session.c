/* The SQLite driver's sessions, against real files: transactions, schema changes, the cache, opening, locks,
 * deadlines, cancelling, threads, fork. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask_sqlite.h"

static char folder[] = "/tmp/rowan-test-XXXXXX";

/* Good until the fourth call after it. */
static const char *path_of(const char *name) {
  static char paths[4][64];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
  return paths[turn];
}

/* ---- transactions ---- */

static void test_transactions(void *conn) {
  script(conn, "CREATE TABLE tx (id INTEGER PRIMARY KEY, v UNIQUE)");
  CHECK(driver->tx(conn) == RN_TX_IDLE);
  ask(conn, "BEGIN");
  CHECK(driver->tx(conn) == RN_TX_OPEN);
  ask(conn, "INSERT INTO tx VALUES (1, 1)");
  ask(conn, "INSERT INTO tx VALUES (2, 1)");
  CHECK(failed(RN_E_DATABASE, "23505") && driver->tx(conn) == RN_TX_OPEN && !failure.detail);
  ask(conn, "INSERT OR ROLLBACK INTO tx VALUES (3, 1)");
  CHECK(failed(RN_E_DATABASE, "23505") && driver->tx(conn) == RN_TX_IDLE);
  CHECK(same(failure.detail, "SQLite has rolled back the whole transaction"));
  CHECK_TEXT(ask(conn, "SELECT count(*) FROM tx"), "0");

  /* A commit that fails is the statement's failure, though its row could have been read before. */
  script(conn,
         "CREATE TABLE late (id INTEGER PRIMARY KEY, p REFERENCES tx (id) DEFERRABLE INITIALLY DEFERRED)");
  finish(begin(conn, "INSERT INTO late (p) VALUES (404) RETURNING id", false, NULL, 0), 1);
  CHECK(failed(RN_E_DATABASE, "23503"));
  CHECK_TEXT(ask(conn, "SELECT count(*) FROM late"), "0");
  script(conn, "BEGIN; INSERT INTO late (p) VALUES (404)");
  ask(conn, "COMMIT");
  CHECK(failed(RN_E_DATABASE, "23503") && driver->tx(conn) == RN_TX_OPEN && !failure.detail);
  ask(conn, "ROLLBACK");
  CHECK(driver->tx(conn) == RN_TX_IDLE);
}

static void test_full(void) {
  void *conn = open_with(path_of("full.db"), "rwc", 10, 0);
  script(conn, "CREATE TABLE f (b); PRAGMA max_page_count = 20; BEGIN");
  for (int i = 0; i < 100 && driver->tx(conn) == RN_TX_OPEN; i++)
    ask(conn, "INSERT INTO f VALUES (zeroblob(8000))");
  CHECK(failed(RN_E_DATABASE, "53100"));
  /* Whether SQLite gave the transaction up depends on how it was hit; tx() and the error agree. */
  CHECK((driver->tx(conn) == RN_TX_IDLE) == (failure.detail != NULL));
  driver->close(conn, false);
}

/* ---- schema changes ---- */

static void test_schema_change(void) {
  void *a = open_with(path_of("schema.db"), "rwc", 10, 1000),
       *b = open_with(path_of("schema.db"), "rw", 10, 1000);
  script(a, "CREATE TABLE g (x); INSERT INTO g VALUES (1)");
  CHECK_TEXT(ask(a, "SELECT * FROM g"), "1");
  CHECK_TEXT(ask(b, "SELECT * FROM g"), "1");
  script(a, "ALTER TABLE g ADD COLUMN y DEFAULT 'new'");
  CHECK_TEXT(ask(a, "SELECT * FROM g"), "1,'new'"); /* cached, and wider than when it was prepared */
  CHECK_TEXT(ask(b, "SELECT * FROM g"), "1,'new'");
  CHECK_TEXT(ask(b, "INSERT INTO g (x) VALUES (2) RETURNING *"), "2,'new'");
  script(a, "ALTER TABLE g DROP COLUMN y");
  CHECK_TEXT(ask(b, "INSERT INTO g (x) VALUES (3) RETURNING *"), "3");
  script(a, "DROP TABLE g"); /* nothing un-reset keeps it locked */
  ask(b, "SELECT * FROM g");
  CHECK(failed(RN_E_DATABASE, "42P01"));
  driver->close(a, false);
  driver->close(b, false);
}

/* ---- the cache ---- */

static void test_cache(void) {
  for (size_t size = 0; size <= 2; size++) {
    void *conn = open_with(":memory:", "rwc", size, 0);
    script(conn, "CREATE TABLE k (id INTEGER PRIMARY KEY)");
    for (int round = 0; round < 3; round++)
      for (int i = 0; i < 4; i++) {
        char sql[64], wanted[8];
        snprintf(sql, sizeof sql, "SELECT ?1 + %d", i);
        snprintf(wanted, sizeof wanted, "%d", i + round);
        CHECK_TEXT(ASK(conn, sql, integer(round)), wanted);
      }
    /* What the parameters borrowed is forgotten: a NULL is one, not the value of the last time. */
    CHECK_TEXT(ASK(conn, "SELECT ?1", text("x")), "'x'");
    CHECK_TEXT(ASK(conn, "SELECT ?1", null_value()), "null");
    driver->close(conn, false);
  }
}

/* ---- files ---- */

static void test_files(void) {
  const char *path = path_of("plain.db");
  void *conn = open_with(path, "rw", 10, 0);
  CHECK(!conn && failed(RN_E_CONNECT, "") && strstr(failure.message, path) && failure.code == 14);
  conn = open_with(path, "rwc", 10, 0);
  CHECK_TEXT(ask(conn, "PRAGMA journal_mode"), "'wal'");
  CHECK_TEXT(ask(conn, "PRAGMA synchronous"), "1");
  CHECK_TEXT(ask(conn, "PRAGMA foreign_keys"), "1");
  CHECK_TEXT(ask(conn, "PRAGMA trusted_schema"), "1");
  script(conn, "CREATE TABLE p (x); INSERT INTO p VALUES (1)");
  CHECK(driver->alive(conn) && driver->fd(conn) == -1);

  void *reader = open_with(path, "ro", 10, 0);
  CHECK_TEXT(ask(reader, "SELECT x FROM p"), "1");
  ask(reader, "INSERT INTO p VALUES (2)");
  CHECK(failed(RN_E_DATABASE, "25006"));
  driver->close(reader, false);
  driver->close(conn, false);

  char uri[96];
  snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
  conn = open_with(uri, "ro", 10, 0);
  CHECK_TEXT(ask(conn, "SELECT x FROM p"), "1");
  driver->close(conn, false);
  snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
  conn = open_with(uri, "rw", 10, 0);
  CHECK_TEXT(ask(conn, "SELECT x FROM p"), "1");
  driver->close(conn, false);

  CHECK(!open_with(path_of("no/such/folder.db"), "rwc", 10, 0) && failed(RN_E_CONNECT, ""));
  CHECK(strstr(failure.message, "no/such\" does not exist") != NULL);
  CHECK(!open_with(folder, "rwc", 10, 0) && failed(RN_E_CONNECT, "") &&
        strstr(failure.message, "it is a folder"));
  const char *other = path_of("text.db");
  FILE *file = fopen(other, "w");
  for (int i = 0; i < 100; i++) fputs("this is no database, it only looks like a file\n", file);
  fclose(file);
  CHECK(!open_with(other, "rwc", 10, 0) && failed(RN_E_CONNECT, "") &&
        strstr(failure.message, "not a database"));
  CHECK(!open_with(other, "ro", 10, 0) && failed(RN_E_CONNECT, ""));
}

static void test_settings(void) {
  CHECK(!open_with("x", "sideways", 10, 0) && failed(RN_E_USAGE, ""));
  CHECK(!open_with("", "rwc", 10, 0) && failed(RN_E_USAGE, ""));
  CHECK(!open_with(NULL, "rwc", 10, 0) && failed(RN_E_USAGE, ""));
  const char *keys[] = {"pth", NULL}, *values[] = {"x", NULL};
  rn_error_clear(&failure);
  CHECK(!driver->open(&(rn_settings){.driver = "sqlite", .keys = keys, .values = values}, 0, &failure));
  CHECK(failed(RN_E_USAGE, "") && strstr(failure.message, "\"pth\""));
  void *conn = open_with(NULL, "memory", 10, 0);
  CHECK_TEXT(ask(conn, "PRAGMA journal_mode"), "'memory'");
  CHECK_TEXT(ask(conn, "PRAGMA foreign_keys"), "1");
  driver->close(conn, false);
  driver->close(NULL, false);
}

/* ---- locks, deadlines, cancelling ---- */

static void test_busy(void) {
  const char *path = path_of("busy.db");
  void *a = open_with(path, "rwc", 10, 150), *b = open_with(path, "rwc", 10, 60000);
  script(a, "CREATE TABLE w (x); BEGIN IMMEDIATE; INSERT INTO w VALUES (1)");

  int64_t began_ms = rn_clock_ms();
  driver->limit(b, rn_deadline_after(60)); /* far shorter than the busy timeout */
  ask(b, "INSERT INTO w VALUES (2)");
  int64_t took_ms = rn_clock_ms() - began_ms;
  CHECK(failed(RN_E_TIMEOUT, "57014") && took_ms >= 50 && took_ms < 1000);
  CHECK(strstr(failure.message, "waited for a lock") != NULL);
  ask(b, "SELECT 1");
  CHECK(failed(RN_E_TIMEOUT, "57014")); /* the deadline is over: nothing starts */
  driver->limit(b, 0);
  CHECK_TEXT(ask(b, "SELECT count(*) FROM w"), "0"); /* reading does not wait for the writer */
  ask(a, "COMMIT");

  script(b, "BEGIN IMMEDIATE");
  began_ms = rn_clock_ms();
  ask(a, "INSERT INTO w VALUES (3)");
  took_ms = rn_clock_ms() - began_ms;
  CHECK(failed(RN_E_DATABASE, "55P03") && took_ms >= 140 && took_ms < 2000);
  script(b, "COMMIT");

  /* A reader that wants to write after someone else has: only a new transaction can do it. */
  script(a, "BEGIN; SELECT * FROM w");
  script(b, "INSERT INTO w VALUES (4)");
  ask(a, "INSERT INTO w VALUES (5)");
  CHECK(failed(RN_E_DATABASE, "40001") && driver->tx(a) == RN_TX_OPEN);
  ask(a, "ROLLBACK");
  CHECK_TEXT(ask(a, "SELECT group_concat(x) FROM w"), "'1,4'");
  driver->close(a, false);
  driver->close(b, false);
}

static const char endless[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0";

static void test_deadline(void *conn) {
  int64_t began_ms = rn_clock_ms();
  driver->limit(conn, rn_deadline_after(50));
  CHECK_TEXT(ask(conn, endless), "the statement was cancelled: its deadline passed");
  int64_t took_ms = rn_clock_ms() - began_ms;
  CHECK(failed(RN_E_TIMEOUT, "57014") && took_ms >= 45 && took_ms < 1000);
  driver->limit(conn, rn_deadline_after(50));
  began_ms = rn_clock_ms();
  script(conn, "SELECT 1; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM "
               "n; SELECT 2");
  CHECK(failed(RN_E_TIMEOUT, "57014") && rn_clock_ms() - began_ms < 1000);
  driver->limit(conn, 0);
  CHECK_TEXT(ask(conn, "SELECT 1"), "1");
}

typedef struct canceller {
  void *conn;
  useconds_t after_us;
} canceller;

static void *cancel_later(void *context) {
  const canceller *c = context;
  usleep(c->after_us);
  driver->cancel(c->conn);
  return NULL;
}

static void test_cancel(void *conn) {
  pthread_t thread;
  canceller c = {conn, 30000};
  pthread_create(&thread, NULL, cancel_later, &c);
  CHECK_TEXT(ask(conn, endless), "the statement was cancelled");
  CHECK(failed(RN_E_TIMEOUT, "57014"));
  pthread_join(thread, NULL);
  CHECK_TEXT(ask(conn, "SELECT 1"), "1");

  driver->cancel(conn); /* too late for the one before, and not meant for the next one */
  CHECK_TEXT(ask(conn, "SELECT 2"), "2");

  /* Between sending and the first step, where SQLite itself would forget it. */
  rn_error_clear(&failure);
  rn_statement *statement = rn_statement_new("SELECT 3", 8, NULL, NULL, 0, NULL, 0, false, NULL);
  CHECK(driver->send(conn, statement, NULL, &failure) == RN_OK);
  driver->cancel(conn);
  CHECK(!driver->take(conn, &failure) && failed(RN_E_TIMEOUT, "57014"));
  rn_statement_release(statement);

  /* While rows are read. */
  rn_result *result = begin(conn, "SELECT column1 FROM (VALUES (1), (2), (3))", false, NULL, 0);
  driver->cancel(conn);
  CHECK_TEXT(finish(result, SIZE_MAX), "1!the statement was cancelled");

  /* A wait for a lock hears it as well. */
  void *a = open_with(path_of("cancel.db"), "rwc", 10, 0),
       *b = open_with(path_of("cancel.db"), "rwc", 10, 60000);
  script(a, "CREATE TABLE w (x); BEGIN IMMEDIATE");
  c = (canceller){b, 30000};
  pthread_create(&thread, NULL, cancel_later, &c);
  int64_t began_ms = rn_clock_ms();
  ask(b, "INSERT INTO w VALUES (1)");
  CHECK(failed(RN_E_TIMEOUT, "57014") && rn_clock_ms() - began_ms < 2000);
  pthread_join(thread, NULL);
  driver->close(a, false);
  driver->close(b, false);
}

/* A session may pass from thread to thread. */
static void *ask_elsewhere(void *conn) {
  CHECK_TEXT(ask(conn, "SELECT count(*) FROM tx"), "0");
  return NULL;
}

static void test_threads(void *conn) {
  pthread_t thread;
  CHECK_TEXT(ask(conn, "SELECT count(*) FROM tx"), "0");
  pthread_create(&thread, NULL, ask_elsewhere, conn);
  pthread_join(thread, NULL);
  CHECK_TEXT(ask(conn, "SELECT count(*) FROM tx"), "0");
}

/* A child may not close what its parent works with. */
static void test_fork(void) {
  void *conn = open_with(path_of("fork.db"), "rwc", 10, 0);
  script(conn, "CREATE TABLE f (x); BEGIN; INSERT INTO f VALUES (1)");
  pid_t child = fork();
  if (child == 0) {
    driver->close(conn, true);
    execl("/bin/true", "true", (char *)NULL); /* what is left behind on purpose is no leak of the test */
    _exit(127);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK_TEXT(ask(conn, "COMMIT"), "");
  CHECK(access(path_of("fork.db-wal"), F_OK) == 0);
  CHECK_TEXT(ask(conn, "SELECT x FROM f"), "1");
  driver->close(conn, false);
}

/* Both find the file without WAL and with nothing in it. */
static void *open_new(void *path) {
  const char *keys[] = {"path", NULL}, *values[] = {path, NULL};
  const rn_settings settings = {.driver = "sqlite", .keys = keys, .values = values, .busy_timeout_ms = 5000};
  void *conn = driver->open(&settings, rn_deadline_after(10000), NULL);
  if (conn) driver->close(conn, false);
  return conn;
}

static void test_open_at_once(void) {
  enum { THREADS = 4, ROUNDS = 10 };
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t threads[THREADS];
    const char *path = path_of("new.db");
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, open_new, (void *)path);
    for (int i = 0; i < THREADS; i++) {
      void *opened = NULL;
      pthread_join(threads[i], &opened);
      CHECK(opened != NULL);
    }
    unlink(path);
  }
}

static void remove_files(void) {
  static const char *const ends[] = {"", "-wal", "-shm"};
  static const char *const files[] = {"full.db", "schema.db", "plain.db", "text.db",
                                      "busy.db", "cancel.db", "fork.db",  "new.db"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++) {
      char path[96];
      snprintf(path, sizeof path, "%s/%s%s", folder, files[i], ends[j]);
      unlink(path);
    }
  CHECK(rmdir(folder) == 0); /* and nothing else was left there */
}

int main(void) {
  if (!CHECK(mkdtemp(folder) != NULL)) return done();
  void *conn = open_memory();
  if (!CHECK(conn != NULL)) return done();
  test_transactions(conn);
  test_deadline(conn);
  test_cancel(conn);
  test_threads(conn);
  driver->close(conn, false);
  test_full();
  test_schema_change();
  test_cache();
  test_files();
  test_settings();
  test_busy();
  test_fork();
  test_open_at_once();
  remove_files();
  return done();
}
