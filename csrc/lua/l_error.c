/* rn_error -> the error table that Lua sees (and turns into an error object). The only file that knows its
 * fields. */
#include "lua/binding.h"

static const char *kind_name(rn_error_kind kind) {
  switch (kind) {
  case RN_E_CONNECT: return "connect";
  case RN_E_LOST: return "lost";
  case RN_E_ACQUIRE: return "acquire";
  case RN_E_TIMEOUT: return "timeout";
  case RN_E_DATABASE: return "database";
  case RN_E_VALUE: return "value";
  case RN_E_CLOSED: return "closed";
  case RN_E_USAGE: return "usage";
  case RN_E_NONE:
  case RN_E_MEMORY: break;
  }
  return "memory";
}

/* [-0, +0] Sets a field of the table on top, unless the text is missing or empty. */
static void field_text(lua_State *L, const char *name, const char *text) {
  if (!text || !*text) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void field_number(lua_State *L, const char *name, int number) {
  if (!number) return;
  lua_pushinteger(L, number);
  lua_setfield(L, -2, name);
}

typedef struct failing {
  rn_lua_guarded guarded;
  const rn_error *err;
} failing;

/* (failing) -> table */
static int push_error(lua_State *L) {
  const rn_error *err = ((failing *)lua_touserdata(L, 1))->err;
  lua_createtable(L, 0, 8);
  lua_pushstring(L, kind_name(err->kind));
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, err->message ? err->message : "out of memory");
  lua_setfield(L, -2, "message");
  field_text(L, "sqlstate", err->sqlstate);
  field_number(L, "code", err->code);
  field_number(L, "param", err->param);
  field_number(L, "column", err->column_index);
  field_number(L, "position", err->position);
  field_number(L, "row", err->row);
  field_text(L, "detail", err->detail);
  field_text(L, "hint", err->hint);
  field_text(L, "schema", err->schema);
  field_text(L, "table", err->table);
  field_text(L, "column_name", err->column);
  field_text(L, "constraint", err->constraint);
  return 1;
}

/* Pushing raises when memory is short, and err owns its texts; so it is guarded. */
int rn_lua_fail(lua_State *L, rn_error *err) {
  failing f = {.guarded.body = push_error, .err = err};
  lua_pushnil(L);
  int status = rn_lua_guarded_call(L, &f.guarded, 0, 1);
  rn_error_clear(err);
  return status == 0 ? 2 : lua_error(L);
}

int rn_lua_fail_kind(lua_State *L, rn_error_kind kind, const char *message) {
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  lua_pushstring(L, kind_name(kind));
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  return 2;
}

int rn_lua_refuse(lua_State *L, const rn_lua_refusal *refusal) {
  if (!refusal->rule) return rn_lua_fail_kind(L, RN_E_MEMORY, "out of memory");
  rn_lua_fail_kind(L, RN_E_VALUE, refusal->rule);
  if (refusal->item) {
    lua_pushfstring(L, "item %d %s", (int)refusal->item, refusal->rule);
    lua_setfield(L, -2, "message");
  }
  lua_pushinteger(L, (lua_Integer)refusal->param);
  lua_setfield(L, -2, "param");
  return 2;
}
