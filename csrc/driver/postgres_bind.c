/* Parameters as libpq wants them: OIDs by type code (the table in value/value.h), numbers, booleans,
 * timestamps and bytes in binary, all else as text; lists as one array. Called by postgres.c before anything
 * is sent. Encoded values live in the arena of rn_pg_args until the next bind. */
#define _GNU_SOURCE 1 /* htobe32 */
#include "driver/postgres.h"

#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "value/text.h"

/* The protocol counts parameters in 16 bits. */
#define PARAMS_MAX 65535
/* What an idle session keeps for the next statement's parameters. */
#define ARENA_KEPT_BYTES ((size_t)1 << 20)
/* 2000-01-01, PostgreSQL's epoch, in microseconds since 1970-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)

typedef struct oids {
  Oid scalar, list; /* 0: the server infers the type */
  int width;        /* bytes of the binary form; 0: text; -1: bytes as they are */
} oids;

/* clang-format off */
static const oids by_code[128] = {
  ['i'] = { 23, 1007, 4 },   ['I'] = { 20, 1016, 8 },   ['b'] = { 16, 1000, 1 },   ['d'] = { 701, 1022, 8 },
  ['t'] = { 1184, 1185, 8 }, ['x'] = { 17, 1001, -1 },  ['n'] = { 1700, 1231, 0 }, ['D'] = { 1082, 1182, 0 },
  ['T'] = { 1083, 1183, 0 }, ['u'] = { 2950, 2951, 0 }, ['j'] = { 114, 199, 0 },   ['J'] = { 3802, 3807, 0 },
};
/* clang-format on */

static rn_status refuse(rn_error *err, int index, const char *rule) {
  rn_error_set(err, RN_E_VALUE, "%s", rule);
  if (err) err->param = index + 1;
  return RN_FAIL;
}

static rn_status mismatch(rn_error *err, int index, rn_code code) {
  rn_error_set(err, RN_E_USAGE, "parameter %d: the kind of the value does not fit its type code '%c'",
               index + 1, code);
  if (err) err->param = index + 1;
  return RN_FAIL;
}

static rn_status no_memory(rn_error *err) {
  return rn_error_set(err, RN_E_MEMORY, "out of memory");
}

static char *put32(char *at, uint32_t v) {
  const uint32_t wire = htobe32(v);
  memcpy(at, &wire, sizeof wire);
  return at + sizeof wire;
}

static char *put64(char *at, uint64_t v) {
  const uint64_t wire = htobe64(v);
  memcpy(at, &wire, sizeof wire);
  return at + sizeof wire;
}

/* Writes the binary form of a value whose code has a fixed width. */
static rn_status put_fixed(char **at, rn_code code, const rn_value *v, int index, rn_error *err) {
  switch (code) {
  case 'i':
    if (v->kind != RN_INT) return mismatch(err, index, code);
    if (v->u.i < INT32_MIN || v->u.i > INT32_MAX) {
      return refuse(err, index, "must be an integer between -2147483648 and 2147483647");
    }
    *at = put32(*at, (uint32_t)v->u.i);
    return RN_OK;
  case 'I':
    if (v->kind != RN_INT) return mismatch(err, index, code);
    *at = put64(*at, (uint64_t)v->u.i);
    return RN_OK;
  case 'b':
    if (v->kind != RN_BOOL) return mismatch(err, index, code);
    *(*at)++ = v->u.i != 0;
    return RN_OK;
  case 'd': {
    uint64_t bits;
    if (v->kind != RN_DOUBLE) return mismatch(err, index, code);
    memcpy(&bits, &v->u.d, sizeof bits);
    *at = put64(*at, bits);
    return RN_OK;
  }
  default: { /* 't' */
    int64_t us = v->u.i;
    if (v->kind != RN_TIMESTAMP) return mismatch(err, index, code);
    if (us == INT64_MAX || us == INT64_MIN) { /* infinity, to both sides */
      *at = put64(*at, (uint64_t)us);
      return RN_OK;
    }
    if (__builtin_sub_overflow(v->u.i, PG_EPOCH_US, &us) || us == INT64_MIN) {
      return refuse(err, index, "is out of the range of timestamps");
    }
    *at = put64(*at, (uint64_t)us);
    return RN_OK;
  }
  }
}

/* ---- one value ---- */

static rn_status set_text(rn_pg_args *args, int index, const char *bytes, size_t n, rn_error *err) {
  /* libpq takes text up to its first NUL: what stands behind would be lost without a word. */
  if (n > 0 && memchr(bytes, '\0', n)) return refuse(err, index, "must be valid UTF-8 without NUL");
  if (n >= INT_MAX) return refuse(err, index, "is too large");
  args->values[index] = rn_arena_copy(&args->arena, n > 0 ? bytes : "", n);
  return args->values[index] ? RN_OK : no_memory(err);
}

static rn_status set_bytes(rn_pg_args *args, int index, const char *bytes, size_t n, rn_error *err) {
  if (n >= INT_MAX) return refuse(err, index, "is too large");
  args->values[index] = n > 0 ? bytes : "";
  args->lengths[index] = (int)n;
  args->formats[index] = 1;
  return RN_OK;
}

static rn_status bind_fixed(rn_pg_args *args, int index, rn_code code, const rn_value *v, rn_error *err) {
  char *start = rn_arena_alloc(&args->arena, 8);
  if (!start) return no_memory(err);
  char *end = start;
  if (put_fixed(&end, code, v, index, err) != RN_OK) return RN_FAIL;
  return set_bytes(args, index, start, (size_t)(end - start), err);
}

/* A value whose type the server infers. */
static rn_status bind_untyped(rn_pg_args *args, int index, const rn_value *v, rn_error *err) {
  char text[RN_DOUBLE_TEXT_MAX > RN_INT_TEXT_MAX ? RN_DOUBLE_TEXT_MAX : RN_INT_TEXT_MAX];
  switch (v->kind) {
  case RN_BOOL: return set_text(args, index, v->u.i ? "true" : "false", v->u.i ? 4 : 5, err);
  case RN_INT: return set_text(args, index, text, rn_int_to_text(v->u.i, text), err);
  case RN_DOUBLE: return set_text(args, index, text, rn_double_to_text(v->u.d, text), err);
  case RN_TEXT: return set_text(args, index, v->u.s.bytes, v->u.s.size, err);
  case RN_BLOB: return set_bytes(args, index, v->u.s.bytes, v->u.s.size, err);
  default: return mismatch(err, index, RN_CODE_ANY);
  }
}

static rn_status bind_scalar(rn_pg_args *args, int index, rn_code code, const rn_value *v, rn_error *err) {
  if (code == RN_CODE_ANY) return bind_untyped(args, index, v, err);
  const oids *type = &by_code[(unsigned char)code & 127];
  if (type->width > 0 && !(code == 't' && v->kind == RN_TEXT)) return bind_fixed(args, index, code, v, err);
  if (type->width < 0) {
    if (v->kind != RN_BLOB) return mismatch(err, index, code);
    return set_bytes(args, index, v->u.s.bytes, v->u.s.size, err);
  }
  if (v->kind != RN_TEXT) return mismatch(err, index, code); /* 't' gets here too, with "infinity" */
  return set_text(args, index, v->u.s.bytes, v->u.s.size, err);
}

/* ---- lists ---- */

/* Upper bound of one item's size in an array, or 0 when it does not fit a sum that INT_MAX holds. */
static size_t item_room(const rn_value *item, bool binary) {
  if (item->kind != RN_TEXT && item->kind != RN_BLOB) return binary ? 4 + 8 : RN_DOUBLE_TEXT_MAX + 1;
  if (item->u.s.size >= INT_MAX / 2) return 0;
  return binary ? 4 + item->u.s.size : 2 * item->u.s.size + 8;
}

static char *list_alloc(rn_pg_args *args, int index, const rn_value *list, bool binary, rn_error *err) {
  size_t room = 32;
  for (size_t i = 0; i < list->u.list.count; i++) {
    const size_t item = item_room(&list->u.list.items[i], binary);
    if (item == 0 || room + item >= INT_MAX) {
      refuse(err, index, "is too large");
      return NULL;
    }
    room += item;
  }
  char *at = rn_arena_alloc(&args->arena, room);
  if (!at) no_memory(err);
  return at;
}

/* PostgreSQL's binary array: dimensions, "has NULLs", element type, then length, lower bound, items. */
static rn_status bind_binary_list(rn_pg_args *args, int index, rn_code code, const rn_value *list,
                                  rn_error *err) {
  char *const start = list_alloc(args, index, list, true, err);
  if (!start) return RN_FAIL;
  const oids *type = &by_code[(unsigned char)code & 127];
  const size_t count = list->u.list.count;
  bool nulls = false;
  char *at = start + 12;
  if (count > 0) at = put32(put32(at, (uint32_t)count), 1);
  for (size_t i = 0; i < count; i++) {
    const rn_value *item = &list->u.list.items[i];
    if (item->kind == RN_NULL) {
      nulls = true;
      at = put32(at, UINT32_MAX);
    } else if (type->width > 0) {
      at = put32(at, (uint32_t)type->width);
      if (put_fixed(&at, code, item, index, err) != RN_OK) return RN_FAIL;
    } else {
      if (item->kind != RN_BLOB) return mismatch(err, index, code);
      at = put32(at, (uint32_t)item->u.s.size);
      if (item->u.s.size > 0) memcpy(at, item->u.s.bytes, item->u.s.size);
      at += item->u.s.size;
    }
  }
  put32(put32(put32(start, count > 0), nulls), type->scalar);
  return set_bytes(args, index, start, (size_t)(at - start), err);
}

static char *put_quoted(char *at, const char *bytes, size_t n) {
  *at++ = '"';
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] == '"' || bytes[i] == '\\') *at++ = '\\';
    *at++ = bytes[i];
  }
  *at++ = '"';
  return at;
}

/* bytea's hex form: the backslash is doubled inside an array's quotes. */
static char *put_hex(char *at, const char *bytes, size_t n) {
  static const char digits[] = "0123456789abcdef";
  memcpy(at, "\"\\\\x", 4);
  at += 4;
  for (size_t i = 0; i < n; i++) {
    *at++ = digits[(unsigned char)bytes[i] >> 4];
    *at++ = digits[(unsigned char)bytes[i] & 15];
  }
  *at++ = '"';
  return at;
}

static rn_status put_item(char **at, rn_code code, const rn_value *item, int index, rn_error *err) {
  if (item->kind == RN_NULL) {
    memcpy(*at, "NULL", 4); /* quoted it would be text */
    *at += 4;
    return RN_OK;
  }
  if (item->kind == RN_TEXT) {
    const size_t n = item->u.s.size;
    if (n > 0 && memchr(item->u.s.bytes, '\0', n))
      return refuse(err, index, "must be valid UTF-8 without NUL");
    *at = put_quoted(*at, item->u.s.bytes, n);
    return RN_OK;
  }
  if (code != RN_CODE_ANY) return mismatch(err, index, code);
  switch (item->kind) {
  case RN_BOOL: *(*at)++ = item->u.i ? 't' : 'f'; return RN_OK;
  case RN_INT: *at += rn_int_to_text(item->u.i, *at); return RN_OK;
  case RN_DOUBLE: *at += rn_double_to_text(item->u.d, *at); return RN_OK;
  case RN_BLOB: *at = put_hex(*at, item->u.s.bytes, item->u.s.size); return RN_OK;
  default: return mismatch(err, index, code);
  }
}

static rn_status bind_literal_list(rn_pg_args *args, int index, rn_code code, const rn_value *list,
                                   rn_error *err) {
  char *const start = list_alloc(args, index, list, false, err);
  if (!start) return RN_FAIL;
  char *at = start;
  *at++ = '{';
  for (size_t i = 0; i < list->u.list.count; i++) {
    if (i > 0) *at++ = ',';
    if (put_item(&at, code, &list->u.list.items[i], index, err) != RN_OK) return RN_FAIL;
  }
  *at++ = '}';
  *at = '\0';
  args->values[index] = start;
  return RN_OK;
}

/* ---- all of them ---- */

static rn_status reserve(rn_pg_args *args, int count, rn_error *err) {
  if (count <= args->capacity) return RN_OK;
  const int capacity = count < 16 ? 16 : count;
  const size_t n = (size_t)capacity;
  char *block = malloc(n * (sizeof *args->values + sizeof *args->types + 2 * sizeof(int)));
  if (!block) return no_memory(err);
  free(args->values);
  args->values = (const char **)block;
  args->types = (Oid *)(block + n * sizeof *args->values);
  args->lengths = (int *)(args->types + n);
  args->formats = args->lengths + n;
  args->capacity = capacity;
  return RN_OK;
}

static rn_status bind_one(rn_pg_args *args, int index, const rn_statement *statement, const rn_value *v,
                          rn_error *err) {
  const rn_code code = statement->param_codes[index];
  const bool list = statement->param_lists && statement->param_lists[index];
  const oids *type = &by_code[(unsigned char)code & 127];
  args->types[index] = list ? type->list : type->scalar;
  args->values[index] = NULL;
  args->lengths[index] = 0;
  args->formats[index] = 0;
  if (v->kind == RN_NULL) return RN_OK;
  if (list != (v->kind == RN_LIST)) return mismatch(err, index, code);
  if (!list) return bind_scalar(args, index, code, v, err);
  return type->width != 0 ? bind_binary_list(args, index, code, v, err)
                          : bind_literal_list(args, index, code, v, err);
}

rn_status rn_pg_bind(rn_pg_args *args, const rn_statement *statement, const rn_params *params,
                     rn_error *err) {
  const size_t count = params ? params->count : 0;
  args->count = 0;
  if (args->arena.blocks) rn_arena_reset(&args->arena);
  if (count != statement->param_count) {
    return rn_error_set(err, RN_E_USAGE, "the statement has %zu parameters but %zu values were given",
                        statement->param_count, count);
  }
  if (count > PARAMS_MAX) {
    return rn_error_set(err, RN_E_USAGE, "%zu parameters: PostgreSQL takes at most %d", count, PARAMS_MAX);
  }
  if (reserve(args, (int)count, err) != RN_OK) return RN_FAIL;
  for (int i = 0; i < (int)count; i++) {
    if (bind_one(args, i, statement, &params->at[i].value, err) != RN_OK) return RN_FAIL;
  }
  args->count = (int)count;
  return RN_OK;
}

void rn_pg_args_reset(rn_pg_args *args) {
  args->count = 0;
  if (rn_arena_bytes(&args->arena) > ARENA_KEPT_BYTES) rn_arena_free(&args->arena);
}

void rn_pg_args_free(rn_pg_args *args) {
  free(args->values);
  rn_arena_free(&args->arena);
  *args = (rn_pg_args){0};
}
