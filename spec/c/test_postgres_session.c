/* The PostgreSQL driver's sessions against a real server (ROWAN_TEST_POSTGRES, see test_postgres.c):
 * preparing and healing, errors, scripts, transactions, lost and cancelled sessions, deadlines, fork. The
 * role must be allowed to end its own sessions. */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#include "ask.h"

static void ask_many(void *conn, const char *sql, int times, const char *want) {
  for (int i = 0; i < times; i++) CHECK_TEXT(say(conn, sql), want);
}

/* ---- preparing and healing ---- */

static void test_cache(void) {
  void *conn = open_session(3);
  const char *count = "SELECT count(*) FROM pg_prepared_statements";
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 20; i++) { /* each at least twice, so each is prepared */
      char sql[64], want[16];
      snprintf(sql, sizeof sql, "SELECT %d, $1::int", i);
      snprintf(want, sizeof want, "%d|5;", i);
      for (int time = 0; time < 3; time++) CHECK_TEXT(ask(conn, sql, "-i", (rn_value[]){v_int(5)}), want);
    }
  }
  /* three are kept; the count itself is unprepared, and was sent behind the last DEALLOCATEs */
  CHECK_TEXT(say(conn, count), "3;");
  /* texts seen once push nothing out and are not prepared */
  for (int i = 100; i < 120; i++) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT %d", i);
    say(conn, sql);
  }
  CHECK_TEXT(script(conn, count), "3;");
  /* inside a transaction nothing is deallocated: its failure would end the transaction */
  say(conn, "BEGIN");
  for (int i = 0; i < 10; i++) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT %d + 0", i);
    say(conn, sql);
    say(conn, sql);
  }
  CHECK_TEXT(script(conn, count), "13;");
  script(conn, "DEALLOCATE ALL; SAVEPOINT here");
  CHECK_TEXT(say(conn, "SELECT 9 + 0"), "9;");
  CHECK(driver->tx(conn) == RN_TX_OPEN);
  say(conn, "ROLLBACK");
  CHECK_TEXT(say(conn, "SELECT 9 + 0"), "9;");
  driver->close(conn, false);
  conn = open_session(1); /* DEALLOCATEs ahead are no transaction that VACUUM would find itself in */
  script(conn, "CREATE TEMP TABLE v (a int)");
  for (int i = 0; i < 3; i++) {
    ask_many(conn, "SELECT 1", 3, "1;");
    ask_many(conn, "VACUUM v", 3, "");
  }
  driver->close(conn, false);
}

static void test_healing(void) {
  void *conn = open_session(50);
  const char *star = "SELECT * FROM h", *gone = "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$";
  say(conn, "CREATE TEMP TABLE h (a int); ");
  say(conn, "INSERT INTO h VALUES (1)");
  ask_many(conn, star, 4, "1;");
  say(conn, "DO $$ BEGIN ALTER TABLE h ADD COLUMN b text DEFAULT 'x'; END $$"); /* not seen: 0A000 */
  ask_many(conn, star, 4, "1|x;");
  ask_many(conn, "SELECT a FROM h", 3, "1;");
  say(conn, "ALTER TABLE h ALTER COLUMN a TYPE bigint USING a * 5000000000"); /* seen */
  ask_many(conn, "SELECT a FROM h", 3, "5000000000;");
  /* from a binary answer back to text */
  say(conn, "DO $$ BEGIN ALTER TABLE h ALTER COLUMN a TYPE int[] USING ARRAY[1]; END $$");
  ask_many(conn, "SELECT a FROM h", 3, "{1};");
  say(conn, "DISCARD ALL"); /* seen by its tag */
  say(conn, "CREATE TEMP TABLE h (a int); ");
  ask_many(conn, star, 3, "");
  script(conn, gone); /* not seen: 26000 */
  ask_many(conn, star, 3, "");
  /* inside a transaction the error is reported, and the next transaction works */
  const char *changes[] = {gone, "DO $$ BEGIN ALTER TABLE h ADD COLUMN b int; END $$"}, *states[] = {"26000", "0A000"};
  for (int i = 0; i < 2; i++) {
    script(conn, "BEGIN");
    script(conn, changes[i]);
    CHECK_TEXT(fails(conn, star, "", NULL), states[i]);
    CHECK(driver->tx(conn) == RN_TX_FAILED);
    script(conn, "ROLLBACK");
    ask_many(conn, star, 3, "");
  }
  driver->close(conn, false);
}

/* Somebody else's statement has the name that comes next: "rn_<n>_<hash>". */
static void test_clash(void) {
  void *conn = open_session(50);
  call c;
  char sql[128];
  for (int i = 1; i <= 2; i++) {
    char text[32], want[16];
    snprintf(text, sizeof text, "SELECT %d * 10", i);
    snprintf(want, sizeof want, "%d;", i * 10);
    make_call(&c, text, "", NULL);
    snprintf(sql, sizeof sql, "PREPARE rn_%d_%016llx AS SELECT 666", i, (unsigned long long)c.statement.hash);
    script(conn, sql);
    if (i == 1) {
      ask_many(conn, text, 4, want);
      CHECK_TEXT(script(conn, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%10'"),
                 "1;");
      script(conn, "DEALLOCATE ALL");
    }
  }
  driver->close(conn, false);
  conn = open_session(50); /* inside a transaction */
  make_call(&c, "SELECT 30", "", NULL);
  snprintf(sql, sizeof sql, "PREPARE rn_1_%016llx AS SELECT 666", (unsigned long long)c.statement.hash);
  script(conn, sql);
  script(conn, "BEGIN");
  CHECK_TEXT(say(conn, "SELECT 30"), "30;");
  CHECK_TEXT(fails(conn, "SELECT 30", "", NULL), "42P05");
  script(conn, "ROLLBACK");
  ask_many(conn, "SELECT 30", 3, "30;");
  driver->close(conn, false);
}

/* The states that heal, raised by a statement that did run: it must run once a call. */
static void test_no_rerun(void) {
  void *conn = open_session(50);
  script(conn,
         "CREATE TEMP SEQUENCE runs; CREATE FUNCTION pg_temp.bad(state text) RETURNS int LANGUAGE plpgsql AS "
         "$$ BEGIN PERFORM nextval('runs'); RAISE EXCEPTION 'cached plan' USING ERRCODE = state; END $$");
  const char *states[] = {"26000", "0A000", "42P05"};
  for (int i = 0; i < 12; i++) {
    const rn_value state = v_text(states[i % 3]);
    CHECK_TEXT(fails(conn, "SELECT pg_temp.bad($1)", "-s", &state), states[i % 3]);
  }
  CHECK_TEXT(script(conn, "SELECT nextval('runs')"), "13;");
  for (int i = 0; i < 4; i++) CHECK_TEXT(fails(conn, "EXECUTE nothing", "", NULL), "26000");
  driver->close(conn, false);
}

/* ---- errors ---- */

static void test_errors(void) {
  void *conn = open_session(50);
  rn_error err = {0};
  call c;
  script(
      conn,
      "CREATE TEMP TABLE e (id int PRIMARY KEY, n int CONSTRAINT positive CHECK (n > 0), v text NOT NULL)");
  say(conn, "INSERT INTO e VALUES (1, 1, 'x')");
  for (int time = 0; time < 3; time++) {
    make_call(&c, "INSERT INTO e VALUES (1, 1, 'y')", "", NULL);
    CHECK(!run_call(conn, &c.statement, &c.params, &err));
    CHECK(err.kind == RN_E_DATABASE);
    CHECK_TEXT(err.sqlstate, "23505");
    CHECK_TEXT(err.constraint, "e_pkey");
    CHECK_TEXT(err.table, "e");
    CHECK_TEXT(err.detail, "Key (id)=(1) already exists.");
    CHECK(err.schema && !err.column && !err.hint && err.position == 0);
    rn_error_clear(&err);
  }
  make_call(&c, "INSERT INTO e (id) VALUES (2)", "", NULL);
  CHECK(!run_call(conn, &c.statement, &c.params, &err));
  CHECK_TEXT(err.sqlstate, "23502");
  CHECK_TEXT(err.column, "v");
  make_call(&c, "SELECT idd FROM e", "", NULL);
  CHECK(!run_call(conn, &c.statement, &c.params, &err));
  CHECK_TEXT(err.sqlstate, "42703");
  CHECK(err.position == 8 && err.hint && !err.column);
  rn_error_clear(&err);
  CHECK_TEXT(fails(conn, "SELECT 1; SELECT 2", "", NULL), "42601");
  for (int time = 0; time < 3; time++) {
    CHECK_TEXT(say(conn, "  -- nothing\n"), "error 8  empty statement");
    CHECK_TEXT(script(conn, ";"), "error 8  empty statement");
    CHECK_TEXT(say(conn, "SELECT 'fine'"), "fine;");
  }
  const rn_step step = driver->step(conn, &err);
  CHECK(step == RN_STEP_FAILED && err.kind == RN_E_USAGE);
  CHECK(!driver->take(conn, &err) && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  driver->close(conn, false);
}

static void test_copy(void) {
  const char *copies[] = {"COPY (SELECT 1) TO STDOUT", "COPY c FROM STDIN"};
  for (int i = 0; i < 4; i++) {
    void *conn = open_session(5);
    script(conn, "CREATE TEMP TABLE c (a int)");
    const char *got = i < 2 ? say(conn, copies[i]) : script(conn, copies[i - 2]);
    CHECK_TEXT(got, "error 8  COPY to or from the client cannot be run as a statement");
    CHECK(!driver->alive(conn) && driver->tx(conn) == RN_TX_UNKNOWN);
    CHECK(strncmp(say(conn, "SELECT 1"), "error 1 ", 8) == 0);
    driver->close(conn, false);
  }
}

static void test_scripts(void) {
  void *conn = open_session(5);
  CHECK_TEXT(script(conn, "CREATE TEMP TABLE s (a int); INSERT INTO s VALUES (1), (2)"), "[2]");
  CHECK_TEXT(script(conn, "SELECT a FROM s; SELECT 7; UPDATE s SET a = 3"), "7;");
  CHECK_TEXT(script(conn, "UPDATE s SET a = 4; SELECT 1/0; UPDATE s SET a = 5"),
             "error 5 22012 division by zero");
  CHECK_TEXT(say(conn, "SELECT DISTINCT a FROM s"), "3;"); /* one implicit transaction */
  CHECK_TEXT(script(conn, "BEGIN; UPDATE s SET a = 9; ROLLBACK"), "");
  call c;
  rn_error err = {0};
  make_call(&c, "SELECT $1", "-i", (rn_value[]){v_int(1)});
  c.statement.script = true;
  CHECK(driver->send(conn, &c.statement, &c.params, &err) == RN_FAIL && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  driver->close(conn, false);
}

static void test_transactions(void) {
  void *conn = open_session(50);
  const char *refused = "error 5 25P02 the transaction was rolled back instead of committed";
  const char *commits[] = {"COMMIT", "/* so /* be */ it */ END", "-- x\n commit work"};
  for (int i = 0; i < 9; i++) {
    CHECK(driver->tx(conn) == RN_TX_IDLE);
    CHECK_TEXT(say(conn, "BEGIN"), "");
    CHECK(driver->tx(conn) == RN_TX_OPEN);
    CHECK_TEXT(fails(conn, "SELECT 1/0", "", NULL), "22012");
    CHECK(driver->tx(conn) == RN_TX_FAILED);
    CHECK_TEXT(fails(conn, "SELECT 1", "", NULL), "25P02");
    CHECK_TEXT(say(conn, commits[i % 3]), refused);
  }
  CHECK_TEXT(script(conn, "BEGIN"), "");
  CHECK_TEXT(fails(conn, "SELECT 1/0", "", NULL), "22012");
  CHECK_TEXT(script(conn, "COMMIT; SELECT 5"), refused);
  for (int i = 0; i < 4; i++) {
    say(conn, "BEGIN");
    say(conn, "SAVEPOINT a");
    CHECK_TEXT(fails(conn, "SELECT 1/0", "", NULL), "22012");
    CHECK_TEXT(say(conn, " ROLLBACK TO a"), "");
    CHECK_TEXT(say(conn, "SELECT 8"), "8;");
    CHECK_TEXT(say(conn, "COMMIT"), "");
  }
  driver->close(conn, false);
}

/* ---- sessions that end or stop ---- */

static int backend_pid(void *conn) {
  return atoi(script(conn, "SELECT pg_backend_pid()"));
}

static void terminate(void *other, int pid) {
  char sql[64];
  snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", pid);
  CHECK_TEXT(script(other, sql), "true;");
}

static void test_lost(void) {
  void *other = open_session(5), *conn = open_session(5);
  rn_error err = {0};
  call c;
  CHECK(driver->alive(conn));
  terminate(other, backend_pid(conn)); /* while idle */
  CHECK(!driver->alive(conn) && driver->tx(conn) == RN_TX_UNKNOWN);
  CHECK(strncmp(say(conn, "SELECT 1"), "error 1 ", 8) == 0); /* RN_E_CONNECT: nothing was sent */
  driver->close(conn, false);

  conn = open_session(5);
  terminate(other, backend_pid(conn)); /* idle, and nobody looked */
  CHECK(strncmp(say(conn, "SELECT 1"), "error 2 ", 8) == 0);
  CHECK(!driver->alive(conn));
  driver->close(conn, false);

  for (int prepared = 0; prepared < 2; prepared++) { /* while it runs, inside a transaction */
    conn = open_session(5);
    const int pid = backend_pid(conn);
    say(conn, "BEGIN");
    make_call(&c, "SELECT pg_sleep($1)", "-d", (rn_value[]){v_double(prepared ? 0 : 30)});
    for (int time = 0; time < (prepared ? 3 : 0); time++) {
      rn_result *result = run_call(conn, &c.statement, &c.params, &err);
      CHECK(result != NULL);
      if (result) result->ops->free(result);
    }
    c.at[0].value = v_double(30);
    CHECK(driver->send(conn, &c.statement, &c.params, &err) == RN_OK);
    CHECK(driver->step(conn, &err) == RN_STEP_READ);
    terminate(other, pid);
    CHECK(wait_step(conn, &err) == RN_STEP_FAILED && err.kind == RN_E_LOST);
    CHECK(err.message && err.message[strlen(err.message) - 1] != '\n');
    CHECK(!driver->alive(conn) && driver->tx(conn) == RN_TX_UNKNOWN);
    rn_error_clear(&err);
    driver->close(conn, false);
  }
  driver->close(other, false);
}

static void *cancel_soon(void *conn) {
  usleep(100000);
  driver->cancel(conn);
  return NULL;
}

static void test_cancel(void) {
  void *conn = open_session(5);
  pthread_t thread;
  for (int time = 0; time < 3; time++) {
    const int64_t start = rn_clock_ms();
    CHECK(pthread_create(&thread, NULL, cancel_soon, conn) == 0);
    CHECK_TEXT(fails(conn, "SELECT pg_sleep(10)", "", NULL), "57014");
    CHECK(rn_clock_ms() - start < 5000);
    pthread_join(thread, NULL);
    CHECK(driver->alive(conn) && driver->tx(conn) == RN_TX_IDLE);
    CHECK_TEXT(say(conn, "SELECT 1"), "1;");
  }
  driver->close(conn, false);
}

static void test_notices(void) {
  void *conn = open_session(5), *other = open_session(5);
  fflush(stderr);
  int pipes[2];
  CHECK(pipe(pipes) == 0);
  const int before = dup(2);
  dup2(pipes[1], 2);
  for (int time = 0; time < 3; time++) say(conn, "DO $$ BEGIN RAISE WARNING 'not to be seen'; END $$");
  say(conn, "LISTEN rowan_test");
  dup2(before, 2);
  close(before);
  close(pipes[1]);
  char bytes[16];
  CHECK(read(pipes[0], bytes, sizeof bytes) == 0);
  close(pipes[0]);
  for (int time = 0; time < 3; time++) { /* what comes in while idle is harmless */
    say(other, "NOTIFY rowan_test");
    say(other, "SELECT pg_sleep(0.05)");
    CHECK(driver->alive(conn));
  }
  ask_many(conn, "NOTIFY rowan_test", 3, "");
  driver->close(other, false);
  driver->close(conn, false);
}

static void test_large(void) {
  void *conn = open_session(5);
  const size_t size = (size_t)24 << 20;
  char *bytes = malloc(size);
  for (size_t i = 0; i < size; i++) bytes[i] = (char)(i * 7 + i / 251);
  const rn_value blob = v_bytes(RN_BLOB, bytes, size);
  call c;
  rn_error err = {0};
  rn_value cell;
  for (int time = 0; time < 3; time++) { /* larger than any socket buffer, both ways */
    make_call(&c, "SELECT $1", "-x", &blob);
    rn_result *result = run_call(conn, &c.statement, &c.params, &err);
    CHECK(result && result->ops->next(result, &cell, &err) == RN_ROW);
    CHECK(cell.kind == RN_BLOB && cell.u.s.size == size && memcmp(cell.u.s.bytes, bytes, size) == 0);
    CHECK(result && result->ops->next(result, &cell, &err) == RN_END);
    if (result) result->ops->free(result);
  }
  free(bytes);
  for (int time = 0; time < 3; time++) {
    make_call(&c, "SELECT i, i * 1.5, 'row ' || i FROM generate_series(1, 100000) i", "", NULL);
    rn_result *result = run_call(conn, &c.statement, &c.params, &err);
    CHECK(result && result->rows == 100000);
    rn_value cells[3];
    int64_t sum = 0;
    while (result && result->ops->next(result, cells, &err) == RN_ROW) sum += cells[0].u.i;
    CHECK(sum == INT64_C(5000050000));
    if (result) result->ops->free(result);
  }
  /* an answer that outlives its session, and one that nobody takes */
  make_call(&c, "SELECT 'still here'", "", NULL);
  rn_result *result = run_call(conn, &c.statement, &c.params, &err);
  CHECK(driver->send(conn, &c.statement, &c.params, &err) == RN_OK && wait_step(conn, &err) == RN_STEP_DONE);
  CHECK_TEXT(say(conn, "SELECT 2"), "2;");
  CHECK(driver->send(conn, &c.statement, &c.params, &err) == RN_OK);
  CHECK(driver->send(conn, &c.statement, &c.params, &err) == RN_FAIL && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  driver->close(conn, false);
  CHECK_TEXT(show_result(result, &err), "still here;");
}

static void test_fork(void) {
  void *conn = open_session(5);
  ask_many(conn, "SELECT 1", 3, "1;");
  const pid_t child = fork();
  if (child == 0) {
    driver->close(conn, true);
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  ask_many(conn, "SELECT 1", 3, "1;");
  driver->close(conn, false);
}

/* ---- connecting ---- */

static void test_settings(void) {
  rn_error err = {0};
  setenv("PGTZ", "Asia/Tokyo", 1);
  setenv("PGDATESTYLE", "SQL, DMY", 1);
  setenv("PGOPTIONS", "-c search_path=from_env", 1);
  const char *keys[] = {"dbname", "options", NULL};
  const char *values[] = {conninfo, "-c timezone=Asia/Tokyo -c search_path=mine -c client_encoding=LATIN1",
                          NULL};
  const char *show = "SELECT current_setting('TimeZone'), current_setting('DateStyle') LIKE 'ISO%', "
                     "current_setting('search_path'), current_setting('client_encoding'), "
                     "current_setting('application_name')";
  void *conn = try_open(keys, values, 5, 10000, &err);
  CHECK(conn != NULL);
  CHECK_TEXT(say(conn, show), "UTC|true|mine|UTF8|rowan;");
  CHECK_TEXT(say(conn, "SET client_encoding TO LATIN1"), "error 8  client_encoding must stay UTF8");
  CHECK(!driver->alive(conn));
  driver->close(conn, false);
  keys[1] = NULL;
  conn = try_open(keys, values, 5, 10000, &err);
  CHECK_TEXT(say(conn, show), "UTC|true|from_env|UTF8|rowan;");
  driver->close(conn, false);
  unsetenv("PGTZ");
  unsetenv("PGDATESTYLE");
  unsetenv("PGOPTIONS");
}

static void check_no_connection(const char *dbname, const char *host, const char *port,
                                const char *sqlstate) {
  rn_error err = {0};
  const char *keys[] = {"dbname", "host", "port", NULL}, *values[] = {dbname, host, port, NULL};
  void *conn = try_open(keys, values, 5, 3000, &err);
  CHECK(!conn && err.kind == RN_E_CONNECT && err.message && err.message[0]);
  CHECK(err.message && !strstr(err.message, "s3cret"));
  CHECK_TEXT(err.sqlstate, sqlstate);
  rn_error_clear(&err);
}

static void test_refused_connections(void) {
  const char *urls[] = {
      "postgres://user:s3cret%zz@localhost/db",
      "postgres://user:x/s3cret@localhost/db",
      "postgres://u:p@s3cret@host/db",
      "postgres://user:s3cret/x@localhost/db",
      "postgres://[user:s3cret@host/db",
      "host=x password=s3cret y",
      "postgres://user:1/s3cret@localhost/db",
      "postgres://u:p@h:s3cret/db",
      "postgres://h/db?s3cret",
  };
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) check_no_connection(urls[i], NULL, NULL, "");
  check_no_connection("db", "127.0.0.1", "1", ""); /* nobody listens */
  check_no_connection("db", "localhost", "1", ""); /* the same through the resolver's thread */
  check_no_connection("db", "/nonexistent", NULL, "");
  check_no_connection("db", "no-such-host.invalid", NULL, "");
  rn_error err = {0};
  const char *keys[] = {"dbname", "dbname", NULL}, *values[] = {conninfo, "rowan no such database", NULL};
  CHECK(!try_open(keys, values, 5, 3000, &err));
  CHECK_TEXT(err.sqlstate, "3D000");
  CHECK(err.message && strstr(err.message, "FATAL: ") && !strstr(err.message, "3D000") &&
        !strstr(err.message, ".c:"));
  rn_error_clear(&err);
}

static int listen_on(int backlog, char *port, size_t n) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, backlog) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
  snprintf(port, n, "%d", ntohs(address.sin_port));
  return fd;
}

static void test_deadlines(void) {
  char port[16];
  const int fd = listen_on(16, port, sizeof port); /* accepts, and never says a word */
  const char *hosts[] = {"127.0.0.1", "localhost"};
  for (int i = 0; i < 2; i++) {
    rn_error err = {0};
    const char *keys[] = {"host", "port", "dbname", NULL}, *values[] = {hosts[i], port, "db", NULL};
    const int64_t start = rn_clock_ms();
    CHECK(!try_open(keys, values, 5, 300, &err) && err.kind == RN_E_CONNECT);
    const int64_t took_ms = rn_clock_ms() - start;
    CHECK(took_ms >= 290 && took_ms < 1500);
    rn_error_clear(&err);
  }
  usleep(100000); /* the resolver's thread ends by the same deadline */
  close(fd);
}

/* The first address swallows every packet (a listener whose queue is full); the second is the server. */
static void test_dead_address(void) {
  char dead[16], hosts[256], ports[64];
  int crowd[4];
  const int fd = listen_on(0, dead, sizeof dead);
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  getsockname(fd, (struct sockaddr *)&address, &size);
  for (int i = 0; i < 4; i++) {
    crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect(crowd[i], (struct sockaddr *)&address, size) == 0 || errno == EINPROGRESS);
  }
  PGconn *live = PQconnectdb(conninfo);
  snprintf(hosts, sizeof hosts, "127.0.0.1,%s", PQhost(live));
  snprintf(ports, sizeof ports, "%s,%s", dead, PQport(live));
  PQfinish(live);
  rn_error err = {0};
  const char *keys[] = {"dbname", "host", "port", NULL}, *values[] = {conninfo, hosts, ports, NULL};
  void *conn = try_open(keys, values, 5, 6000, &err);
  if (CHECK(conn != NULL)) CHECK_TEXT(say(conn, "SELECT 1"), "1;");
  rn_error_clear(&err);
  driver->close(conn, false);
  for (int i = 0; i < 4; i++) close(crowd[i]);
  close(fd);
}

int main(void) {
  if (!need_server()) return 0;
  test_cache();
  test_healing();
  test_clash();
  test_no_rerun();
  test_errors();
  test_copy();
  test_scripts();
  test_transactions();
  test_lost();
  test_cancel();
  test_notices();
  test_large();
  test_fork();
  test_settings();
  test_refused_connections();
  test_deadlines();
  test_dead_address();
  rn_buf_free(&shown);
  return check_done();
}
