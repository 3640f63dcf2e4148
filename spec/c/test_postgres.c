/* The PostgreSQL driver's values against a real server: ROWAN_TEST_POSTGRES holds its conninfo; without it
 * the test says that it is skipped. Leaves nothing behind but temporary tables of its sessions. Sessions
 * themselves are tested in test_postgres_session.c. */
#define _GNU_SOURCE 1
#include "driver/postgres.h"

#include "ask.h"

/* ---- reading ---- */

/* clang-format off */
static const struct { const char *sql, *code, *want; } readings[] = {
  { "true, false, null::bool", "b", "true|false|NULL;" },
  { "1::int2, (-32768)::int2, 32767::int2", "i", "1|-32768|32767;" },
  { "0, -2147483647 - 1, 2147483647", "i", "0|-2147483648|2147483647;" },
  { "'-9223372036854775808'::int8, 9223372036854775807", "I", "-9223372036854775808|9223372036854775807;" },
  { "4294967295::oid", "I", "4294967295;" },
  { "0.1::float4, 'NaN'::float4, '-Infinity'::float4, 3.4028235e38::float4, 1e-45::float4, '-0'::float4", "d",
    "0.1|NaN|-Infinity|3.4028235e+38|1e-45|-0;" },
  { "0.1::float8, 'Infinity'::float8, 1.7976931348623157e308::float8, 5e-324::float8, 1e15::float8", "d",
    "0.1|Infinity|1.7976931348623157e+308|5e-324|1000000000000000;" },
  { "0::numeric, 1.50, -0.00012, 10000::numeric, 12345678901234567890.123456789, 1e-20::numeric, "
    "0.10::numeric(10,4)", "n",
    "0|1.50|-0.00012|10000|12345678901234567890.123456789|0.00000000000000000001|0.1000;" },
  { "1e30::numeric, 'NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric, 100000000::numeric, 0.0001",
    "n", "1000000000000000000000000000000|NaN|Infinity|-Infinity|100000000|0.0001;" },
  { "'a\xc3\xa9\xf0\x9f\x98\x80'::text, ''::varchar, 'ab'::char(4), 'n'::name, E'a\\nb\\\\'", "s",
    "a\xc3\xa9\xf0\x9f\x98\x80||ab  |n|a\nb\\;" },
  { "'x'::\"char\", ''::\"char\", '<a/>'::xml", "s", "x||<a/>;" },
  { "'{\"a\": [1, 2]}'::json, null::json", "j", "{\"a\": [1, 2]}|NULL;" },
  { "'{\"a\":  1}'::jsonb, '1'::jsonb", "J", "{\"a\": 1}|1;" },
  { "'\\x00ff5c27'::bytea, ''::bytea, 'a\\\\b\\000'::bytea", "x", "x'00ff5c27'|x''|x'615c6200';" },
  { "'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "u", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11;" },
  { "'2024-02-29'::date, '0001-01-01'::date, '0044-03-15 BC'::date, '5874897-12-31'::date, "
    "'4714-11-24 BC'::date", "D",
    "2024-02-29|0001-01-01|0044-03-15 BC|5874897-12-31|4714-11-24 BC;" },
  { "'infinity'::date, '-infinity'::date, '1999-12-31'::date, '2000-03-01'::date, '1900-02-28'::date", "D",
    "infinity|-infinity|1999-12-31|2000-03-01|1900-02-28;" },
  { "'00:00'::time, '23:59:59.999999'::time, '24:00'::time, '12:34:56.5'::time", "T",
    "00:00:00|23:59:59.999999|24:00:00|12:34:56.5;" },
  { "'1970-01-01 00:00+00'::timestamptz, '2024-02-01 12:00:00.123456+05:30'::timestamptz, "
    "'1969-12-31 23:59:59.5+00'::timestamptz", "t", "@0|@1706769000123456|@-500000;" },
  { "'infinity'::timestamptz, '-infinity'::timestamp, '1970-01-02'::timestamp", "t",
    "infinity|-infinity|@86400000000;" },
  { "'0001-01-01 00:00'::timestamp, '0001-12-31 00:00 BC'::timestamp, '4714-11-24 00:00 BC'::timestamp, "
    "'12345-06-07 08:09:10.000001+00'::timestamptz, '294246-12-31 23:59:59'::timestamp", "t",
    "@-62135596800000000|@-62135683200000000|@-210866803200000000|@327416976550000001|"
    "@9223371244799000000;" },
  { "pg_sleep(0)", "?", ";" },
  { "'{1,NULL,3}'::int[], '{\"a,b\",c}'::text[]", "ais", "{1,NULL,3}|{\"a,b\",c};" },
  { "'1 day 2:00'::interval, '10.0.0.1'::inet, '12:00+02'::timetz", "?", "P1DT2H|10.0.0.1|12:00:00+02;" },
};
/* clang-format on */

/* The decoders themselves, in both formats: a PGconn of the test's own, because sessions choose the
 * format. */
static void test_decoders(void) {
  rn_error missing = {0};
  if (!CHECK(rn_pq_load(&missing) == RN_OK)) return;
  PGconn *conn = PQconnectdb(conninfo);
  CHECK(PQstatus(conn) == CONNECTION_OK);
  PQclear(PQexec(
      conn, "SET timezone = 'America/St_Johns'; SET client_encoding = 'UTF8'; SET intervalstyle = iso_8601"));
  for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT %s", readings[i].sql);
    const bool array = *readings[i].code == 'a';
    const bool text_only = array || i + 1 == sizeof readings / sizeof *readings;
    for (int format = 0; format <= !text_only; format++) {
      rn_error err = {0};
      rn_pg_layout *layout = NULL;
      PGresult *raw = PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, format);
      CHECK(PQresultStatus(raw) == PGRES_TUPLES_OK);
      layout = rn_pg_layout_new(raw);
      CHECK(rn_pg_layout_binary(layout) == !text_only);
      rn_result *result = rn_pg_result_new(raw, layout, &err);
      rn_pg_layout_release(layout);
      CHECK(result && result->rows == 1 && result->affected == -1 && result->detached);
      for (size_t k = 0; result && k < result->columns; k++)
        CHECK(result->ops->code(result, k) == (array ? rn_code_array_of(readings[i].code[1 + k]) : *readings[i].code));
      CHECK_TEXT(show_result(result, &err), readings[i].want);
    }
  }
  PQclear(PQexec(conn, "SET bytea_output = escape"));
  rn_error err = {0};
  PGresult *raw = PQexec(conn, "SELECT '\\x00ff5c2741'::bytea, ''::bytea");
  CHECK_TEXT(show_result(rn_pg_result_new(raw, NULL, &err), &err), "x'00ff5c2741'|x'';");
  raw = PQexec(conn, "SELECT 1, '294276-12-31 23:59:59'::timestamp");
  rn_result *result = rn_pg_result_new(raw, NULL, &err);
  rn_value cells[2];
  CHECK(result->ops->next(result, cells, &err) == RN_ROW_FAILED && err.kind == RN_E_VALUE &&
        err.column_index == 2);
  result->ops->free(result);
  rn_error_clear(&err);
  PQfinish(conn);
}

/* The same answers through sessions: unprepared, while preparing, prepared (binary where possible), never
 * prepared. */
static void test_readings(void) {
  void *caching = open_session(50), *plain = open_session(0);
  for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT %s", readings[i].sql);
    for (int time = 0; time < 4; time++) CHECK_TEXT(say(caching, sql), readings[i].want);
    CHECK_TEXT(say(plain, sql), readings[i].want);
  }
  CHECK_TEXT(say(plain, "SELECT count(*) FROM pg_prepared_statements"), "0;");
  char count[16];
  snprintf(count, sizeof count, "%zu;", sizeof readings / sizeof *readings);
  CHECK_TEXT(say(caching, "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'rn\\_%'"), count);
  /* what shows the formats apart: text loses digits here, binary does not */
  say(caching, "SET extra_float_digits = -10");
  const char *sql = "SELECT 0.123456789::float8";
  CHECK_TEXT(say(caching, sql), "0.12346;");
  CHECK_TEXT(say(caching, sql), "0.12346;");
  CHECK_TEXT(say(caching, sql), "0.123456789;");
  sql = "SELECT 0.123456789::float8, '{}'::int[]";
  for (int time = 0; time < 4; time++) CHECK_TEXT(say(caching, sql), "0.12346|{};");
  CHECK_TEXT(say(caching, "CREATE TEMP TABLE t (a int, b text)"), "");
  CHECK_TEXT(say(caching, "INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, '') RETURNING a"), "1;2;3;[3]");
  CHECK_TEXT(say(caching, "UPDATE t SET a = a WHERE a > 1"), "[2]");
  CHECK_TEXT(say(caching, "SELECT a, b FROM t ORDER BY a"), "1|x;2|NULL;3|;");
  CHECK_TEXT(say(caching, "DELETE FROM t WHERE a = 77"), "[0]");
  CHECK_TEXT(say(caching, "SELECT FROM t"), ";;;");
  for (int time = 0; time < 3; time++) CHECK_TEXT(say(caching, "SELECT a FROM t WHERE a > 9"), "");
  driver->close(caching, false);
  driver->close(plain, false);
}

/* ---- binding ---- */

static void test_scalars(void) {
  void *conn = open_session(50);
  const rn_value infinity = v_text("infinity");
  /* clang-format off */
  const struct { const char *code, *type, *want; rn_value value; } cases[] = {
    { "-i", "integer", "-2147483648;", v_int(INT32_MIN) },
    { "-I", "bigint", "-9223372036854775808;", v_int(INT64_MIN) },
    { "-b", "boolean", "true;", v_bool(true) },
    { "-d", "double precision", "0.1;", v_double(0.1) },
    { "-n", "numeric", "-12.340;", v_text("-12.340") },
    { "-x", "bytea", "x'00ff5c27';", v_bytes(RN_BLOB, "\0\xff\\'", 4) },
    { "-x", "bytea", "x'';", v_bytes(RN_BLOB, NULL, 0) },
    { "-t", "timestamp with time zone", "@-62135596800000000;", v_time(-INT64_C(62135596800000000)) },
    { "-t", "timestamp with time zone", "@1706769000123456;", v_time(INT64_C(1706769000123456)) },
    { "-t", "timestamp with time zone", "infinity;", infinity },
    { "-t", "timestamp with time zone", "-infinity;", v_time(INT64_MIN) },
    { "-D", "date", "2024-02-29;", v_text("2024-02-29") },
    { "-T", "time without time zone", "12:00:00.5;", v_text("12:00:00.5") },
    { "-u", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11;", v_text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") },
    { "-j", "json", "{\"a\":1};", v_text("{\"a\":1}") },
    { "-J", "jsonb", "{\"a\": 1};", v_text("{\"a\":1}") },
    { "-s", "text", "it's \"\\;", v_text("it's \"\\") },
    { "-c", "text", ";", v_text("") },
    { "-e", "text", "red;", v_text("red") },
    { "-a", "text", "{1,2};", v_text("{1,2}") },
    { "-?", "text", "true;", v_bool(true) },
    { "-?", "text", "-42;", v_int(-42) },
    { "-?", "text", "0.1;", v_double(0.1) },
    { "-?", "text", "x;", v_text("x") },
    { "-?", "text", "y;", v_bytes(RN_BLOB, "y", 1) },
  };
  /* clang-format on */
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char type[64];
    snprintf(type, sizeof type, "%s|true;", cases[i].type);
    const char *echo = strcmp(cases[i].type, "text") == 0 ? "SELECT $1::text" : "SELECT $1";
    const char *look = strcmp(cases[i].type, "text") == 0
                           ? "SELECT pg_typeof($1::text)::text, $2::text IS NULL"
                           : "SELECT pg_typeof($1)::text, $2 IS NULL";
    char both[5];
    snprintf(both, sizeof both, "%s%s", cases[i].code, cases[i].code);
    for (int time = 0; time < 3; time++) {
      CHECK_TEXT(ask(conn, echo, cases[i].code, &cases[i].value), cases[i].want);
      CHECK_TEXT(ask(conn, look, both, (rn_value[]){cases[i].value, v_null}), type);
    }
  }
  /* the same text under other codes is another statement */
  CHECK_TEXT(ask(conn, "SELECT $1", "-i", (rn_value[]){v_int(7)}), "7;");
  CHECK_TEXT(ask(conn, "SELECT $1", "-b", (rn_value[]){v_bool(false)}), "false;");
  /* a blob whose type the server infers */
  say(conn, "CREATE TEMP TABLE b (x bytea)");
  const rn_value bytes = v_bytes(RN_BLOB, "\0\xff", 2);
  CHECK_TEXT(ask(conn, "INSERT INTO b VALUES ($1) RETURNING x", "-?", &bytes), "x'00ff';[1]");
  driver->close(conn, false);
}

static void test_lists(void) {
  void *conn = open_session(50);
  /* clang-format off */
  const struct { const char *code, *type, *want; rn_value items[3]; } cases[] = {
    { "[i", "int[]", "{1,NULL,-2};", { v_int(1), v_null, v_int(-2) } },
    { "[I", "int8[]", "{1,NULL,-9223372036854775808};", { v_int(1), v_null, v_int(INT64_MIN) } },
    { "[b", "bool[]", "{t,NULL,f};", { v_bool(true), v_null, v_bool(false) } },
    { "[d", "float8[]", "{0.1,NULL,NaN};", { v_double(0.1), v_null, v_double(0.0 / 0.0) } },
    { "[n", "numeric[]", "{1.50,NULL,-3};", { v_text("1.50"), v_null, v_text("-3") } },
    { "[x", "bytea[]", "{\"\\\\x00ff\",NULL,\"\\\\x\"};",
      { v_bytes(RN_BLOB, "\0\xff", 2), v_null, v_bytes(RN_BLOB, NULL, 0) } },
    { "[t", "timestamptz[]", "{\"1970-01-01 00:00:00+00\",NULL,\"1969-12-31 23:59:59.999999+00\"};",
      { v_time(0), v_null, v_time(-1) } },
    { "[D", "date[]", "{2024-02-29,NULL,0001-01-01};",
      { v_text("2024-02-29"), v_null, v_text("0001-01-01") } },
    { "[T", "time[]", "{12:00:00,NULL,00:00:00};",
      { v_text("12:00"), v_null, v_text("00:00:00") } },
    { "[u", "uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12};",
      { v_text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), v_null,
        v_text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12") } },
    { "[j", "json[]", "{\"{\\\"a\\\": \\\"\\\\\\\\\\\"}\",NULL,1};",
      { v_text("{\"a\": \"\\\\\"}"), v_null, v_text("1") } },
    { "[J", "jsonb[]", "{\"{\\\"a\\\": 1}\",NULL,[]};", { v_text("{\"a\":1}"), v_null, v_text("[]") } },
    { "[s", "text[]", "{\"a\\\"b\\\\c,{}\",NULL,\"NULL\"};",
      { v_text("a\"b\\c,{}"), v_null, v_text("NULL") } },
    { "[c", "text[]", "{\" \",NULL,\"\"};", { v_text(" "), v_null, v_text("") } },
    { "[e", "text[]", "{red,NULL,blue};", { v_text("red"), v_null, v_text("blue") } },
    { "[?", "float8[]", "{1,NULL,0.25};", { v_int(1), v_null, v_double(0.25) } },
    { "[?", "text[]", "{t,NULL,x};", { v_bool(true), v_null, v_text("x") } },
    { "[?", "bytea[]", "{\"\\\\x00ff\",NULL,\"\\\\x61\"};",
      { v_bytes(RN_BLOB, "\0\xff", 2), v_null, v_bytes(RN_BLOB, "a", 1) } },
  };
  /* clang-format on */
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char sql[128], look[128];
    snprintf(sql, sizeof sql, "SELECT $1::%s", cases[i].type);
    snprintf(look, sizeof look, "SELECT cardinality($1::%s), $2::%s IS NULL", cases[i].type, cases[i].type);
    char both[5];
    snprintf(both, sizeof both, "%s%s", cases[i].code, cases[i].code);
    const rn_value list = v_list(cases[i].items, 3), none = v_list(NULL, 0);
    for (int time = 0; time < 3; time++) {
      CHECK_TEXT(ask(conn, sql, cases[i].code, &list), cases[i].want);
      CHECK_TEXT(ask(conn, sql, cases[i].code, &none), "{};");
      CHECK_TEXT(ask(conn, look, both, (rn_value[]){none, v_null}), "0|true;");
    }
  }
  const rn_value ids[] = {v_int(2), v_int(3), v_int(9)}, names[] = {v_text("b"), v_text("'")};
  const rn_value both[] = {v_list(ids, 3), v_list(names, 2)};
  say(conn, "CREATE TEMP TABLE l (id int, name varchar(5))");
  say(conn, "INSERT INTO l VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, '''')");
  for (int time = 0; time < 3; time++) {
    CHECK_TEXT(ask(conn, "SELECT id FROM l WHERE id = ANY($1) OR name = ANY($2) ORDER BY id", "[i[s", both),
               "2;3;4;");
  }
  driver->close(conn, false);
}

static void check_refused(void *conn, const char *spec, rn_value value, rn_error_kind kind, int param) {
  call c;
  rn_error err = {0};
  make_call(&c, "SELECT $1, $2", spec, (rn_value[]){v_null, value});
  CHECK(driver->send(conn, &c.statement, &c.params, &err) == RN_FAIL);
  CHECK(err.kind == kind && err.param == param && err.message);
  rn_error_clear(&err);
}

static void test_refused_values(void) {
  void *conn = open_session(5);
  const rn_value nul = v_bytes(RN_TEXT, "a\0b", 3), wide = v_int(INT64_C(1) << 31), one = v_int(1);
  check_refused(conn, "-s-s", nul, RN_E_VALUE, 2);
  check_refused(conn, "-s[s", v_list(&nul, 1), RN_E_VALUE, 2);
  check_refused(conn, "-s-i", wide, RN_E_VALUE, 2);
  check_refused(conn, "-s[i", v_list(&wide, 1), RN_E_VALUE, 2);
  check_refused(conn, "-s-t", v_time(INT64_MIN + 1), RN_E_VALUE, 2);
  check_refused(conn, "-s-s", one, RN_E_USAGE, 2);
  check_refused(conn, "-s-i", v_text("1"), RN_E_USAGE, 2);
  check_refused(conn, "-s-x", v_text("1"), RN_E_USAGE, 2);
  check_refused(conn, "-s-i", v_list(&one, 1), RN_E_USAGE, 2);
  check_refused(conn, "-s[i", one, RN_E_USAGE, 2);
  const size_t many = 65536;
  rn_code *codes = malloc(many);
  bool *lists = calloc(many, 1);
  rn_param *at = calloc(many, sizeof *at);
  rn_buf sql = {0};
  rn_buf_printf(&sql, "SELECT cardinality(ARRAY[$1::int4");
  for (size_t i = 0; i < many; i++) {
    codes[i] = 'i';
    at[i] = (rn_param){'i', v_int((int)i)};
    if (i > 0 && i < many - 1) rn_buf_printf(&sql, ",$%zu", i + 1);
  }
  rn_buf_printf(&sql, "])");
  rn_statement statement = {
      .text = sql.data, .size = sql.size, .param_codes = codes, .param_lists = lists, .param_count = many};
  rn_params params = {.at = at, .count = many};
  rn_error err = {0};
  CHECK(driver->send(conn, &statement, &params, &err) == RN_FAIL && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  statement.param_count = many - 1; /* and now the counts differ */
  CHECK(driver->send(conn, &statement, &params, &err) == RN_FAIL && err.kind == RN_E_USAGE);
  rn_error_clear(&err);
  params.count = many - 1;
  CHECK_TEXT(show_result(run_call(conn, &statement, &params, &err), &err), "65535;");
  free(codes);
  free(lists);
  free(at);
  rn_buf_free(&sql);
  driver->close(conn, false);
}

int main(void) {
  if (!need_server()) return 0;
  CHECK(rn_pq_load(NULL) == RN_OK);
  test_decoders();
  test_readings();
  test_scalars();
  test_lists();
  test_refused_values();
  rn_buf_free(&shown);
  return check_done();
}
