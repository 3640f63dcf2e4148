/* The SQLite driver through its vtable: values both ways, lists, what statements did, errors. Sessions,
 * files, locks and deadlines are tested in test_sqlite_session.c. */
#include <math.h>

#include "ask_sqlite.h"

/* ---- values ---- */

static void test_values(void *conn) {
  static const char every[] = "a\0b\xff", nul[] = "\0\0";
  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2, ?3", null_value(), boolean(true), boolean(false)), "null,1,0");
  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2, typeof(?2)", integer(INT64_MIN), integer(INT64_MAX)),
             "-9223372036854775808,9223372036854775807,'integer'");
  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2, ?3, typeof(?1)", number(0.1), number(-INFINITY), number(3)),
             "d0.1,d-Infinity,d3,'real'");
  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2, length(?1)", text("z\xc3\xa4hlt"), text("")), "'z\xc3\xa4hlt','',5");
  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2, ?3, typeof(?3)", bytes(RN_BLOB, every, 4), bytes(RN_BLOB, nul, 2),
                 bytes(RN_BLOB, NULL, 0)),
             "x610062ff,x0000,x,'blob'");
  CHECK_TEXT(ASK(conn, "SELECT ?1, typeof(?1)", bytes(RN_TEXT, NULL, 0)), "'','text'");
  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2", moment(1706745600000000), moment(1706745600123456)),
             "'2024-02-01 00:00:00','2024-02-01 00:00:00.123456'");
  CHECK_TEXT(ASK(conn, "SELECT ?2, ?1, ?2", integer(1), integer(2)), "2,1,2");

  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2", integer(1), number(NAN)), "cannot be NaN: SQLite stores NaN as NULL");
  CHECK(failed(RN_E_VALUE, "") && failure.param == 2);
  CHECK_TEXT(ASK(conn, "SELECT ?1", integer(5)), "5"); /* nothing is left of what failed */
}

static void test_columns(void *conn) {
  script(conn, "CREATE TABLE cols (id INTEGER PRIMARY KEY, ok BOOLEAN, at DATETIME, b bool);"
               "INSERT INTO cols VALUES (1, 1, '2024-02-01 00:00:00', NULL)");
  rn_result *result = begin(conn, "SELECT id, ok AS fine, at, b, 1 + 1 FROM cols", false, NULL, 0);
  CHECK(result && result->columns == 5 && !result->detached && result->rows == -1);
  CHECK(result && same(result->ops->name(result, 1), "fine"));
  CHECK(result && result->ops->code(result, 0) == '?' && result->ops->code(result, 1) == 'b');
  CHECK(result && result->ops->code(result, 2) == '?' && result->ops->code(result, 3) == 'b');
  CHECK(result && result->ops->code(result, 4) == '?');
  CHECK_TEXT(finish(result, SIZE_MAX), "1,1,'2024-02-01 00:00:00',null,2");
}

/* ---- what a statement did ---- */

static void test_effects(void *conn) {
  CHECK_TEXT(ask(conn, "CREATE TABLE eff (id INTEGER PRIMARY KEY, v UNIQUE)"), "");
  CHECK(answer.affected == 0 && answer.columns == 0 && answer.rows == 0);
  CHECK_TEXT(ask(conn, "INSERT INTO eff (id, v) VALUES (7, 'a'), (8, 'b')"), "");
  CHECK(answer.affected == 2 && answer.last_id == 8);
  CHECK_TEXT(ask(conn, "  -- says which\n UPDATE eff SET v = v || 'x'"), "");
  CHECK(answer.affected == 2 && answer.last_id == 0);
  CHECK_TEXT(ask(conn, "UPDATE eff SET v = 1 WHERE id = 99"), "");
  CHECK(answer.affected == 0);
  CHECK_TEXT(ask(conn, "SELECT id FROM eff ORDER BY id"), "7/8");
  CHECK(answer.affected == -1 && answer.last_id == 0);
  CHECK_TEXT(ask(conn, "SELECT id FROM eff WHERE id = 99"), "");
  CHECK(answer.affected == -1 && answer.rows == 0 && answer.columns == 1);
  CHECK_TEXT(ask(conn, "CREATE INDEX eff_v ON eff (v)"), "");
  CHECK(answer.affected == 0);
  CHECK_TEXT(ask(conn, "INSERT OR IGNORE INTO eff (id) VALUES (7)"), "");
  CHECK(answer.affected == 0 && answer.last_id == 0);
  CHECK_TEXT(ask(conn, "WITH n(x) AS (VALUES (20), (21)) INSERT INTO eff (id) SELECT x FROM n RETURNING id"),
             "20/21");
  CHECK(answer.affected == 2 && answer.last_id == 0 && answer.rows == 2); /* WITH may hide an UPDATE */
  CHECK_TEXT(ask(conn, "DELETE FROM eff WHERE id > 10"), "");
  CHECK(answer.affected == 2);

  /* Read in part, and not at all: done all the same, and known before the first row is read. */
  rn_result *result =
      begin(conn, "INSERT INTO eff (id, v) VALUES (30, 'p'), (31, x'00ff') RETURNING id, v", false, NULL, 0);
  CHECK(result && result->affected == 2 && result->last_id == 31 && result->rows == 2);
  CHECK_TEXT(finish(result, 1), "30,'p'");
  finish(begin(conn, "DELETE FROM eff WHERE id IN (30, 31) RETURNING *", false, NULL, 0), 0);
  CHECK(answer.affected == 2);
  CHECK_TEXT(ask(conn, "SELECT count(*) FROM eff"), "2");

  /* A second statement while a result is open is refused, and the open one goes on. */
  rn_result *open = begin(conn, "SELECT id FROM eff ORDER BY id", false, NULL, 0);
  CHECK(!begin(conn, "SELECT 1", false, NULL, 0) && failed(RN_E_USAGE, ""));
  CHECK_TEXT(finish(open, SIZE_MAX), "7/8");
  rn_error_clear(&failure);
  CHECK(!driver->take(conn, &failure) && failed(RN_E_USAGE, ""));
}

static void test_usage(void *conn) {
  CHECK_TEXT(ask(conn, ""), "the statement is empty");
  CHECK(failed(RN_E_USAGE, ""));
  CHECK_TEXT(ask(conn, " ; /* nothing */ -- here"), "the statement is empty");
  CHECK_TEXT(ask(conn, "SELECT 1; SELECT 2"),
             "only one statement can be sent at a time, unless it is a script");
  CHECK(failed(RN_E_USAGE, ""));
  CHECK_TEXT(ask(conn, "SELECT 1; gibberish"),
             "only one statement can be sent at a time, unless it is a script");
  CHECK_TEXT(ask(conn, ";; SELECT ';--' ; /* that ; is */ ; -- all"), "';--'");
  CHECK_TEXT(ask(conn, "SELECT ?1, ?2"), "the statement has 2 parameters, but 0 were given");
  CHECK(failed(RN_E_USAGE, ""));
  CHECK_TEXT(ASK(conn, "SELECT ?1, ?2", integer(1)), "the statement has 2 parameters, but 1 was given");
  CHECK_TEXT(ASK(conn, "SELECT ?1", integer(1), integer(2)),
             "the statement has 1 parameter, but 2 were given");
  CHECK_TEXT(ASK(conn, "SELECT 1", integer(1)), "the statement has 0 parameters, but 1 was given");

  rn_statement *statement = rn_statement_new("SELECT 1\0; DROP", 15, NULL, NULL, 0, NULL, 0, false, NULL);
  rn_error_clear(&failure);
  CHECK(driver->send(conn, statement, NULL, &failure) == RN_FAIL && failed(RN_E_USAGE, ""));
  rn_statement_release(statement);
}

static void test_script(void *conn) {
  CHECK_TEXT(
      script(conn,
             "CREATE TABLE s (a); INSERT INTO s VALUES (1), (2);\n-- then\nSELECT a FROM s ORDER BY a; "),
      "1/2");
  CHECK_TEXT(script(conn, "SELECT 1; INSERT INTO s VALUES (3); UPDATE s SET a = a + 1"), "");
  CHECK(answer.affected == 3);
  CHECK_TEXT(script(conn, "INSERT INTO s VALUES (9); SELECT nope FROM s; INSERT INTO s VALUES (10)"),
             "no such column: nope");
  CHECK(failed(RN_E_DATABASE, "42703") && same(failure.detail, "statement 2 of the script"));
  CHECK(failure.position == 34);
  CHECK_TEXT(ask(conn, "SELECT count(*), max(a) FROM s"), "4,9");
  CHECK_TEXT(script(conn, " -- nothing"), "the script is empty");
  CHECK_TEXT(script(conn, "SELECT 1; SELECT ?1"), "a script cannot have parameters");
  CHECK(failed(RN_E_USAGE, ""));
  CHECK_TEXT(script(conn, "BEGIN; INSERT INTO s VALUES (11); ROLLBACK; SELECT max(a) FROM s"), "9");
}

/* ---- lists ---- */

static void test_lists(void *conn) {
  static const char blob[] = "\0\xff";
  script(conn,
         "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB, at TEXT, price TEXT);"
         "INSERT INTO items VALUES (1, 'one', x'00ff', '2024-02-01 00:00:00', '1.50'),"
         "(2, 'two', NULL, NULL, '10'), (3, 'three', x'', '2024-02-01 00:00:00.5', NULL)");
  const char *by_id = "SELECT name FROM items WHERE id IN (SELECT c0 FROM rowan_rows(?1)) ORDER BY id";
  CHECK_TEXT(ASK(conn, by_id, LIST(integer(3), integer(1), integer(99))), "'one'/'three'");
  CHECK_TEXT(ASK(conn, by_id, list(NULL, 0)), "");
  CHECK_TEXT(ASK(conn, by_id, LIST(null_value(), integer(2))), "'two'");
  CHECK_TEXT(ASK(conn, "SELECT id FROM items WHERE data IN (SELECT c0 FROM rowan_rows(?1))",
                 LIST(bytes(RN_BLOB, blob, 2))),
             "1");
  CHECK_TEXT(ASK(conn, "SELECT id FROM items WHERE name IN (SELECT c0 FROM rowan_rows(?1)) ORDER BY id",
                 LIST(text("two"), text("one"))),
             "1/2");
  CHECK_TEXT(ASK(conn, "SELECT id FROM items WHERE at IN (SELECT c0 FROM rowan_rows(?1))",
                 LIST(moment(1706745600000000))),
             "1");
  CHECK_TEXT(ASK(conn,
                 "SELECT id FROM items WHERE price COLLATE ROWAN_DECIMAL IN (SELECT c0 FROM rowan_rows(?1))"
                 " ORDER BY id",
                 LIST(text("1.5"), text("10.00"))),
             "1/2");
  CHECK_TEXT(ASK(conn, "SELECT id FROM items WHERE id NOT IN (SELECT c0 FROM rowan_rows(?1)) ORDER BY id",
                 LIST(integer(2))),
             "1/3");
  CHECK_TEXT(
      ASK(conn, "SELECT id FROM items WHERE id NOT IN (SELECT c0 FROM rowan_rows(?1))", LIST(null_value())),
      "");
  CHECK_TEXT(ASK(conn, "SELECT typeof(c0), c0 FROM rowan_rows(?1)",
                 LIST(integer(1), number(1), text("1"), bytes(RN_BLOB, "1", 1), null_value(), boolean(true))),
             "'integer',1/'real',d1/'text','1'/'blob',x31/'null',null/'integer',1");
  CHECK_TEXT(ASK(conn, "SELECT c0, c1 FROM rowan_rows(?2, ?1) WHERE c0 > 1",
                 LIST(text("a"), text("b"), text("c")), LIST(integer(1), integer(2), integer(3))),
             "2,'b'/3,'c'");
  CHECK_TEXT(ASK(conn, "SELECT a.c0, b.c0 FROM rowan_rows(?1) a, rowan_rows(?2) b WHERE a.c0 = b.c0",
                 LIST(integer(1), integer(2)), LIST(integer(2), integer(3))),
             "2,2");
  CHECK_TEXT(ASK(conn, "SELECT i.id, r.rowid FROM rowan_rows(?1) r JOIN items i ON i.id = r.c0",
                 LIST(integer(2), integer(1))),
             "2,0/1,1");
  CHECK_TEXT(ASK(conn,
                 "INSERT INTO items (id, name, data) SELECT c0, c1, c2 FROM rowan_rows(?1, ?2, ?3) WHERE 1 "
                 "RETURNING id, name, data",
                 LIST(integer(10), integer(11)), LIST(text("ten"), text("")),
                 LIST(bytes(RN_BLOB, blob, 2), null_value())),
             "10,'ten',x00ff/11,'',null");
  CHECK(answer.affected == 2);
}

static void test_list_errors(void *conn) {
  CHECK_TEXT(
      ASK(conn, "SELECT c0, c1 FROM rowan_rows(?1, ?2)", LIST(integer(1)), LIST(integer(1), integer(2))),
      "rowan_rows: the lists differ in length (1 and 2)");
  CHECK(failed(RN_E_USAGE, ""));
  CHECK_TEXT(ASK(conn, "SELECT c0 FROM rowan_rows(?1)", integer(1)),
             "rowan_rows: argument 1 is not a list parameter");
  CHECK_TEXT(ASK(conn, "SELECT c0 FROM rowan_rows(?1)", null_value()),
             "rowan_rows: argument 1 is not a list parameter");
  CHECK_TEXT(ASK(conn, "SELECT c0 FROM rowan_rows(?1)",
                 bytes(RN_BLOB, "rowan_list\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32)),
             "rowan_rows: argument 1 is not a list parameter");
  CHECK_TEXT(ASK(conn, "SELECT c1 FROM rowan_rows(?1)", LIST(integer(1))),
             "rowan_rows has no list for its column c1");
  CHECK_TEXT(ask(conn, "SELECT c0 FROM rowan_rows"), "rowan_rows needs a list parameter for each column");
  CHECK(failed(RN_E_USAGE, ""));
  CHECK_TEXT(ASK(conn, "SELECT c0 FROM rowan_rows WHERE a1 = ?1", LIST(integer(1))),
             "rowan_rows has no argument a0");
  CHECK_TEXT(ASK(conn, "SELECT ?1, c0 FROM rowan_rows(?2)", integer(1), LIST(number(1), number(NAN))),
             "cannot be NaN: SQLite stores NaN as NULL");
  CHECK(failed(RN_E_VALUE, "") && failure.param == 2);
  /* A handle that was kept finds nothing later. */
  ASK(conn, "CREATE TEMP TABLE kept AS SELECT ?1 AS h", LIST(integer(1)));
  CHECK_TEXT(ASK(conn, "SELECT c0 FROM kept, rowan_rows(kept.h) WHERE ?1 IS NOT NULL", LIST(integer(1))),
             "rowan_rows: argument 1 is not a list parameter");
  CHECK(strncmp(ask(conn, "INSERT INTO rowan_rows (c0) VALUES (1)"), "table rowan_rows may not be modified",
                30) == 0);
}

/* SQLite takes a table's word for 16 constraints and compares the others itself: no list may be lost by that.
 */
static void test_many_lists(void *conn) {
  enum { MOST = 200 };
  static const int counts[] = {1, 15, 16, 17, 18, 33, 64, 65, MOST};
  rn_value items[2][MOST], values[MOST + 1];
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    int n = counts[k];
    rn_buf sql = {0};
    rn_value pairs[MOST][2];
    for (int i = 0; i < n; i++) {
      pairs[i][0] = items[0][i] = integer(i);
      pairs[i][1] = items[1][i] = integer(1000 + i);
      values[i] = list(pairs[i], 2);
      rn_buf_printf(&sql, "%sc%d", i ? "+" : "SELECT ", i);
    }
    for (int i = 0; i < n; i++) rn_buf_printf(&sql, "%s?%d", i ? "," : " FROM rowan_rows(", i + 1);
    rn_buf_char(&sql, ')');
    char wanted[64];
    int sum = n * (n - 1) / 2;
    snprintf(wanted, sizeof wanted, "%d/%d", sum, sum + 1000 * n);
    CHECK_TEXT(ask_values(conn, sql.data, values, (size_t)n), wanted);
    rn_buf_free(&sql);
  }
  rn_buf sql = {0};
  for (int i = 0; i < 20; i++)
    rn_buf_printf(&sql, "%sc0 >= %d", i ? " AND " : "SELECT c0 FROM rowan_rows(?1) WHERE ", -i);
  CHECK_TEXT(ASK(conn, sql.data, LIST(integer(5), integer(6))), "5/6");
  rn_buf_free(&sql);
}

static void test_plans(void *conn) {
  const char *plan =
      ASK(conn, "EXPLAIN QUERY PLAN SELECT * FROM items WHERE id IN (SELECT c0 FROM rowan_rows(?1))",
          LIST(integer(1)));
  CHECK(strstr(plan, "SEARCH items USING INTEGER PRIMARY KEY (rowid=?)") != NULL);
  plan = ASK(conn, "EXPLAIN QUERY PLAN SELECT * FROM items WHERE name IN (SELECT c0 FROM rowan_rows(?1))",
             LIST(text("one")));
  CHECK(strstr(plan, "SEARCH items USING INDEX sqlite_autoindex_items_1 (name=?)") != NULL);
  plan = ASK(conn, "EXPLAIN QUERY PLAN SELECT * FROM items JOIN rowan_rows(?1) ON id = c0", LIST(integer(1)));
  CHECK(strstr(plan, "SCAN rowan_rows VIRTUAL TABLE") &&
        strstr(plan, "SEARCH items USING INTEGER PRIMARY KEY"));
}

/* ---- errors ---- */

static bool names(const char *table, const char *column, const char *constraint) {
  return same(failure.table, table) && same(failure.column, column) && same(failure.constraint, constraint);
}

static void test_constraints(void *conn) {
  script(conn, "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INTEGER UNIQUE, c INTEGER,"
               " CONSTRAINT positive CHECK (c > 0), UNIQUE (a, b));"
               "CREATE UNIQUE INDEX t_expr ON t (lower(a));"
               "CREATE TABLE child (t_id INTEGER REFERENCES t (id), r_id INTEGER REFERENCES t (id) ON DELETE "
               "RESTRICT);"
               "CREATE TABLE \"odd.name\" (\"a.b\" UNIQUE, x, \"c, odd.name.y\", UNIQUE (x, \"a.b\"));"
               "CREATE TABLE pair (x, y, PRIMARY KEY (x, y)) WITHOUT ROWID;"
               "INSERT INTO t (id, a, b) VALUES (1, 'one', 10); INSERT INTO \"odd.name\" VALUES (1, 1, 1)");
  ask(conn, "INSERT INTO t (a, b) VALUES ('x', 10)");
  CHECK(failed(RN_E_DATABASE, "23505") && names("t", "b", NULL) && failure.code == 2067);
  ask(conn, "INSERT INTO t (id, a) VALUES (1, 'x')");
  CHECK(failed(RN_E_DATABASE, "23505") && names("t", "id", NULL) && failure.code == 1555);
  script(conn, "INSERT INTO pair VALUES (1, 2)");
  ask(conn, "INSERT INTO pair VALUES (1, 2)");
  CHECK(failed(RN_E_DATABASE, "23505") && names("pair", "x, y", NULL));
  ask(conn, "INSERT INTO t (a) VALUES ('ONE')");
  CHECK(failed(RN_E_DATABASE, "23505") && names(NULL, NULL, "t_expr"));
  ask(conn, "INSERT INTO \"odd.name\" VALUES (1, 2, 3)");
  CHECK(failed(RN_E_DATABASE, "23505") && names("odd.name", "a.b", NULL));
  ask(conn, "INSERT INTO t (a) VALUES (NULL)");
  CHECK(failed(RN_E_DATABASE, "23502") && names("t", "a", NULL));
  ask(conn, "INSERT INTO t (a, c) VALUES ('x', 0)");
  CHECK(failed(RN_E_DATABASE, "23514") && names(NULL, NULL, "positive"));
  ask(conn, "INSERT INTO child (t_id) VALUES (99)");
  CHECK(failed(RN_E_DATABASE, "23503") && names(NULL, NULL, NULL));
  script(conn, "INSERT INTO child (r_id) VALUES (1)");
  ask(conn, "DELETE FROM t WHERE id = 1");
  CHECK(failed(RN_E_DATABASE, "23503"));
  script(
      conn,
      "CREATE TRIGGER no_nine BEFORE INSERT ON t WHEN new.c = 9 BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint"
      " failed: t.b'); END");
  ask(conn, "INSERT INTO t (a, c) VALUES ('nine', 9)");
  CHECK(failed(RN_E_DATABASE, "P0001") && names(NULL, NULL, NULL)); /* a trigger's words are not SQLite's */
  script(conn, "CREATE TABLE strict_one (n INTEGER) STRICT");
  ask(conn, "INSERT INTO strict_one VALUES ('text')");
  CHECK(failed(RN_E_DATABASE, "42804"));
  ask(conn, "INSERT INTO t (id, a) VALUES ('text', 'y')");
  CHECK(failed(RN_E_DATABASE, "42804"));
}

static void test_errors(void *conn) {
  CHECK_TEXT(ask(conn, "SELECT \"nope\""),
             "no such column: nope"); /* no text in double quotes, in DML and in DDL */
  CHECK(failed(RN_E_DATABASE, "42703") && failure.position == 8);
  ask(conn, "CREATE INDEX t_dqs ON t (\"nope\")");
  CHECK(failed(RN_E_DATABASE, "42703"));
  CHECK_TEXT(ask(conn, "SELECT '\xc3\xa4\xc3\xa4' FROMM nope WHERE"), "near \"nope\": syntax error");
  CHECK(failed(RN_E_DATABASE, "42601") && failure.position == 19);
  CHECK_TEXT(ask(conn, "SELECT 1 FROM nope"), "no such table: nope");
  CHECK(failed(RN_E_DATABASE, "42P01") && failure.code == 1);
  CHECK_TEXT(ask(conn, "CREATE TABLE t (x)"), "table t already exists");
  CHECK(failed(RN_E_DATABASE, "42P07"));
  ask(conn, "SELECT nope()");
  CHECK(failed(RN_E_DATABASE, "42883"));
  ask(conn, "COMMIT");
  CHECK(failed(RN_E_DATABASE, "25P01"));
  ask(conn, "SELECT zeroblob(2000000000)");
  CHECK(failed(RN_E_DATABASE, "54000"));
  ask(conn, "SELECT abs(-9223372036854775808)");
  CHECK(failed(RN_E_DATABASE, "22003"));
  /* An error in the middle of reading: the rows before it were given, and the connection goes on. */
  CHECK(strncmp(ask(conn, "SELECT abs(column1) FROM (VALUES (1), (-9223372036854775808))"), "1!", 2) == 0);
  CHECK_TEXT(ask(conn, "SELECT 1"), "1");
  CHECK(driver->send(conn, &(rn_statement){.text = (char *)"SELECT", .size = 6}, NULL, NULL) == RN_FAIL);
}

static void test_collation(void *conn) {
  CHECK_TEXT(
      ask(conn,
          "SELECT group_concat(column1) FROM (SELECT column1 FROM (VALUES ('10'), ('9.5'), ('-3'), ('9.50'))"
          " ORDER BY column1 COLLATE ROWAN_DECIMAL)"),
      "'-3,9.5,9.50,10'");
  CHECK_TEXT(ask(conn, "SELECT '1.50' = '1.5' COLLATE ROWAN_DECIMAL, '1.50' < '1.5'"), "1,0");
}

int main(void) {
  void *conn = open_memory();
  if (!CHECK(conn != NULL)) return done();
  test_values(conn);
  test_columns(conn);
  test_effects(conn);
  test_usage(conn);
  test_script(conn);
  test_lists(conn);
  test_list_errors(conn);
  test_many_lists(conn);
  test_plans(conn);
  test_constraints(conn);
  test_errors(conn);
  test_collation(conn);
  driver->close(conn, false);
  return done();
}
