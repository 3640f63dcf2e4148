/* core.statement: the text, its parameters' codes, and the layouts by which its answers become rows. Called
 * by module.c; layouts by l_rows.c and l_snapshot.c.
 *
 * The statement userdata owns one reference of the rn_statement. Its environment: [1] the layout's table
 * (absent until a statement without columns has met its first answer), [2] the load functions by code ("j";
 * "ai" for an array of 'i'), or nothing, [3] the parameters' names, or nothing, [4] for a statement without
 * columns, how columns of some names are read, or nothing. */
#include "lua/binding.h"

#include <string.h>

#include "core/statement.h"

enum { ENV_LAYOUT = 1, ENV_LOADS = 2, ENV_NAMES = 3, ENV_KNOWN = 4 };

/* Widest answer: PostgreSQL has 1664 columns, SQLite 32767 at most. */
#define COLUMNS_MAX 32767

rn_lua_statement *rn_lua_statement_check(lua_State *L, int index) {
  rn_lua_statement *statement = rn_lua_check(L, index, RN_UP_STATEMENT, RN_LUA_STATEMENT);
  luaL_argcheck(L, statement->statement, index, "the statement was collected");
  return statement;
}

/* ---- layouts ---- */

/* [-0, +1] A layout and its table, with no keys yet; the table is on top. */
static rn_lua_layout *layout_new(lua_State *L, size_t count, int loads, size_t names_size) {
  lua_createtable(L, (int)count, loads + 1);
  size_t head = sizeof(rn_lua_layout) + count * sizeof(rn_lua_column);
  rn_lua_layout *layout = rn_lua_new(L, head + names_size, RN_UP_LAYOUT);
  layout->count = count;
  layout->names = names_size ? (char *)layout + head : NULL;
  lua_rawseti(L, -2, 0);
  return layout;
}

static void column_set(rn_lua_column *column, rn_code code, int scale, int load) {
  column->code = code;
  column->scale = scale;
  column->load = load;
  column->direct = (uint16_t)rn_lua_direct_kinds(code);
}

/* Marks columns whose key comes again: a row can hold the last one only. The layout's table is at `table`. */
static void mark_duplicates(lua_State *L, int table, rn_lua_layout *layout) {
  lua_newtable(L);
  int seen = lua_gettop(L);
  for (size_t c = layout->count; c-- > 0;) {
    lua_rawgeti(L, table, (int)c + 1);
    lua_pushvalue(L, -1);
    lua_rawget(L, seen);
    layout->columns[c].skip = lua_toboolean(L, -1);
    lua_settop(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, seen);
  }
  lua_settop(L, seen - 1);
}

const rn_lua_layout *rn_lua_layout_slice(lua_State *L, int from, const rn_lua_layout *old, int first,
                                         int count) {
  rn_lua_layout *layout = layout_new(L, (size_t)count, 0, 0);
  int table = lua_gettop(L);
  for (int c = 0; c < count; c++) {
    rn_lua_column *column = &layout->columns[c];
    *column = old->columns[first + c];
    lua_rawgeti(L, from, first + c + 1);
    lua_rawseti(L, table, c + 1);
    if (!column->load) continue;
    lua_rawgeti(L, from, -column->load);
    column->load = ++layout->loads;
    lua_rawseti(L, table, -column->load);
  }
  mark_duplicates(L, table, layout);
  return layout;
}

const rn_lua_layout *rn_lua_layout_of(lua_State *L, int index) {
  lua_rawgeti(L, index, 0);
  const rn_lua_layout *layout = lua_touserdata(L, -1);
  lua_settop(L, -2);
  return layout;
}

/* [-0, +1] Key -> column (from 1) of a layout; made when it is first asked for. */
static void push_places(lua_State *L, int table, const rn_lua_layout *layout) {
  int at = (int)layout->count + 1;
  lua_rawgeti(L, table, at);
  if (RN_LIKELY(!lua_isnil(L, -1))) return;
  lua_settop(L, -2);
  lua_createtable(L, 0, (int)layout->count);
  for (size_t c = 0; c < layout->count; c++) {
    if (layout->columns[c].skip) continue;
    lua_rawgeti(L, table, (int)c + 1);
    rn_lua_pushexact(L, (int64_t)c + 1);
    lua_rawset(L, -3);
  }
  lua_pushvalue(L, -1);
  lua_rawseti(L, table, at);
}

int rn_lua_layout_find(lua_State *L, int table, const rn_lua_layout *layout, int key) {
  int64_t place = 0;
  push_places(L, table, layout);
  lua_pushvalue(L, key);
  lua_rawget(L, -2);
  rn_lua_tointeger(L, -1, &place);
  lua_settop(L, -3);
  return (int)place - 1;
}

/* Whether the layout that an untyped statement has is the one for this answer. */
static bool layout_fits(const rn_lua_layout *layout, const rn_result *result) {
  if (layout->count != result->columns) return false;
  const char *name = layout->names;
  for (size_t c = 0; c < layout->count; c++) {
    if (layout->columns[c].own != result->ops->code(result, c)) return false;
    if (strcmp(name, result->ops->name(result, c)) != 0) return false;
    name += strlen(name) + 1;
  }
  return true;
}

static rn_code column_code(lua_State *L, int column) {
  lua_getfield(L, column, "code");
  rn_code code = RN_CODE_ANY;
  if (!lua_isnil(L, -1)) {
    size_t size = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
    if (size != 1 || !rn_code_known(text[0])) luaL_argerror(L, 3, "a column's code must be a known letter");
    code = text[0];
  }
  lua_settop(L, -2);
  return code;
}

static int column_scale(lua_State *L, int column) {
  lua_getfield(L, column, "scale");
  int64_t scale = -1;
  if (!lua_isnil(L, -1) && (!rn_lua_tointeger(L, -1, &scale) || scale < -1 || scale > 16383)) {
    luaL_argerror(L, 3, "a column's scale must be a small integer");
  }
  lua_settop(L, -2);
  return (int)scale;
}

/* Gives column c of a layout whose table is at `table` the load function on top, which is popped. */
static void add_load(lua_State *L, int table, rn_lua_layout *layout, size_t c) {
  if (lua_isfunction(L, -1)) {
    layout->columns[c].load = ++layout->loads;
    lua_rawseti(L, table, -layout->loads);
  } else {
    lua_settop(L, -2);
  }
}

/* Reads column c as `known` says, which is at the top and popped. */
static void column_known(lua_State *L, int table, rn_lua_layout *layout, size_t c) {
  int known = lua_gettop(L);
  lua_getfield(L, known, "code");
  if (!lua_isnil(L, -1)) column_set(&layout->columns[c], column_code(L, known), column_scale(L, known), 0);
  lua_getfield(L, known, "key");
  lua_rawseti(L, table, (int)c + 1);
  lua_getfield(L, known, "load");
  add_load(L, table, layout, c);
  lua_settop(L, known - 1);
}

/* [-0, +1] A layout with the answer's own names and codes, but for columns that are known by their names.
 * `env` is the index of the statement's environment. */
static rn_lua_layout *layout_from_answer(lua_State *L, const rn_result *result, int env) {
  size_t size = 0;
  for (size_t c = 0; c < result->columns; c++) size += strlen(result->ops->name(result, c)) + 1;
  lua_rawgeti(L, env, ENV_LOADS);
  lua_rawgeti(L, env, ENV_KNOWN);
  int loads = lua_gettop(L) - 1, known = loads + 1;
  rn_lua_layout *layout = layout_new(L, result->columns, 0, size);
  int table = lua_gettop(L);
  char *name = (char *)layout + sizeof *layout + layout->count * sizeof(rn_lua_column);
  for (size_t c = 0; c < layout->count; c++) {
    rn_code code = result->ops->code(result, c);
    const char *text = result->ops->name(result, c);
    size_t length = strlen(text) + 1;
    memcpy(name, text, length);
    name += length;
    lua_pushlstring(L, text, length - 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, table, (int)c + 1);
    const bool array = rn_code_is_array_of(code);
    column_set(&layout->columns[c], array ? 'a' : code, -1, 0);
    layout->columns[c].own = code;
    if (lua_istable(L, known)) {
      lua_rawget(L, known);
      if (lua_istable(L, -1)) {
        column_known(L, table, layout, c);
        layout->columns[c].own = code;
        continue;
      }
    }
    lua_settop(L, table);
    if (!lua_istable(L, loads)) continue;
    const char key[2] = {array ? 'a' : code, rn_code_items(code)}; /* "j", or "ai" */
    lua_pushlstring(L, key, array ? 2 : 1);
    lua_rawget(L, loads);
    add_load(L, table, layout, c);
  }
  mark_duplicates(L, table, layout);
  lua_replace(L, loads);
  lua_settop(L, loads);
  return layout;
}

const rn_lua_layout *rn_lua_layout_push(lua_State *L, int index, const rn_result *result) {
  const rn_lua_statement *statement = lua_touserdata(L, index);
  rn_lua_getenv(L, index);
  int env = lua_gettop(L);
  lua_rawgeti(L, env, ENV_LAYOUT);
  const rn_lua_layout *layout = lua_isnil(L, -1) ? NULL : rn_lua_layout_of(L, env + 1);
  if (!statement->typed && (!layout || !layout_fits(layout, result))) {
    lua_settop(L, env);
    layout = layout_from_answer(L, result, env);
    lua_pushvalue(L, -1);
    lua_rawseti(L, env, ENV_LAYOUT);
  }
  lua_replace(L, env);
  lua_settop(L, env);
  return layout;
}

const rn_lua_layout *rn_lua_layout_typed(lua_State *L, int index) {
  const rn_lua_statement *statement = lua_touserdata(L, index);
  if (!statement->typed) return NULL;
  rn_lua_getenv(L, index);
  lua_rawgeti(L, -1, ENV_LAYOUT);
  lua_replace(L, -2);
  return rn_lua_layout_of(L, lua_gettop(L));
}

bool rn_lua_statement_key(lua_State *L, int index, int column) {
  int top = lua_gettop(L);
  rn_lua_getenv(L, index);
  lua_rawgeti(L, -1, ENV_LAYOUT);
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, column);
    if (lua_type(L, -1) == LUA_TSTRING) {
      lua_replace(L, top + 1);
      lua_settop(L, top + 1);
      return true;
    }
  }
  lua_settop(L, top);
  return false;
}

/* Whether the layout in the table on top is the widened one that is wanted. */
static const rn_lua_layout *widened_fits(lua_State *L, const rn_lua_column *column, int load) {
  if (!lua_istable(L, -1)) return NULL;
  const rn_lua_layout *layout = rn_lua_layout_of(L, lua_gettop(L));
  const rn_lua_column *last = &layout->columns[layout->count - 1];
  if (last->code != column->code || last->scale != column->scale || !last->load != !load) return NULL;
  if (!load) return layout;
  lua_rawgeti(L, -1, -last->load);
  bool same = lua_rawequal(L, -1, load);
  lua_settop(L, -2);
  return same ? layout : NULL;
}

const rn_lua_layout *rn_lua_layout_widen(lua_State *L, int from, int key, const rn_lua_column *column,
                                         int load) {
  const rn_lua_layout *old = rn_lua_layout_of(L, from);
  lua_pushliteral(L, "wider");
  lua_rawget(L, from);
  if (lua_isnil(L, -1)) {
    lua_settop(L, -2);
    lua_newtable(L);
    lua_pushliteral(L, "wider");
    lua_pushvalue(L, -2);
    lua_rawset(L, from);
  }
  int wider = lua_gettop(L);
  lua_pushvalue(L, key);
  lua_rawget(L, wider);
  const rn_lua_layout *found = widened_fits(L, column, load);
  if (!found) {
    lua_settop(L, wider);
    rn_lua_layout *layout = layout_new(L, old->count + 1, old->loads + (load != 0), 0);
    memcpy(layout->columns, old->columns, old->count * sizeof *old->columns);
    layout->loads = old->loads + (load != 0);
    column_set(&layout->columns[old->count], column->code, column->scale, load ? layout->loads : 0);
    for (int i = -old->loads; i <= (int)old->count; i++) {
      if (i == 0) continue;
      lua_rawgeti(L, from, i);
      lua_rawseti(L, wider + 1, i);
    }
    lua_pushvalue(L, key);
    lua_rawseti(L, wider + 1, (int)layout->count);
    if (load) {
      lua_pushvalue(L, load);
      lua_rawseti(L, wider + 1, -layout->loads);
    }
    lua_pushvalue(L, key);
    lua_pushvalue(L, wider + 1);
    lua_rawset(L, wider);
    found = layout;
  }
  lua_replace(L, wider);
  lua_settop(L, wider);
  return found;
}

/* ---- core.statement ---- */

/* [-0, +1] The layout's table for the columns at index 3. */
static rn_lua_layout *layout_from_columns(lua_State *L) {
  size_t count = rn_lua_rawlen(L, 3);
  luaL_argcheck(L, count <= COLUMNS_MAX, 3, "too many columns");
  rn_lua_layout *layout = layout_new(L, count, 0, 0);
  int table = lua_gettop(L);
  for (size_t c = 0; c < count; c++) {
    lua_rawgeti(L, 3, (int)c + 1);
    luaL_argcheck(L, lua_istable(L, -1), 3, "every column must be a table");
    column_set(&layout->columns[c], column_code(L, table + 1), column_scale(L, table + 1), 0);
    lua_getfield(L, table + 1, "key");
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 3, "every column must have a key that is a string");
    lua_rawseti(L, table, (int)c + 1);
    lua_getfield(L, table + 1, "load");
    if (!lua_isnil(L, -1)) {
      luaL_argcheck(L, lua_isfunction(L, -1), 3, "a column's load must be a function");
      layout->columns[c].load = ++layout->loads;
      lua_rawseti(L, table, -layout->loads);
    }
    lua_settop(L, table);
  }
  mark_duplicates(L, table, layout);
  rn_lua_segments_read(L, 3, table, layout);
  return layout;
}

/* Reads "-i[s-?" into codes and lists. */
static void read_codes(lua_State *L, const char *text, size_t count, rn_code *codes, bool *lists) {
  for (size_t i = 0; i < count; i++) {
    char form = text[2 * i];
    luaL_argcheck(L, form == '-' || form == '[', 2, "every code must begin with '-' or '['");
    luaL_argcheck(L, rn_code_known(text[2 * i + 1]), 2, "unknown type code");
    lists[i] = form == '[';
    codes[i] = text[2 * i + 1];
  }
}

/* [-0, +1] An array that Lua frees. */
static void *scratch_array(lua_State *L, size_t count, size_t size) {
  return rn_lua_newuserdata(L, count ? count * size : 1);
}

/* Whether `text` names how a column is read: a code, or 'a' with the code of an array's items. */
static bool load_name(const char *text, size_t size) {
  if (size == 2 && text[0] == 'a') return rn_code_known(text[1]);
  return size == 1 && rn_code_known(text[0]);
}

/* Puts the load functions by code of a statement without columns into its environment: the table itself,
 * which many statements share. */
static void read_loads(lua_State *L, rn_lua_statement *self, int env) {
  if (lua_isnoneornil(L, 5)) return;
  luaL_checktype(L, 5, LUA_TTABLE);
  luaL_argcheck(L, !self->typed, 5, "load functions by code are for statements without columns");
  lua_pushnil(L);
  while (lua_next(L, 5)) {
    size_t size = 0;
    const char *code = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &size) : NULL;
    luaL_argcheck(L, code && load_name(code, size), 5, "load functions are by type code");
    luaL_argcheck(L, lua_isfunction(L, -1), 5, "every load must be a function");
    lua_settop(L, -2);
  }
  lua_pushvalue(L, 5);
  lua_rawseti(L, env, ENV_LOADS);
}

/* Puts the names of a keyed statement's parameters into its environment. Lists and others do not mix: the
 * first are fields of every table of a sequence, the others of one table. */
static void read_names(lua_State *L, rn_lua_statement *self, int env, size_t count, const bool *lists) {
  if (lua_isnoneornil(L, 6)) return;
  luaL_checktype(L, 6, LUA_TTABLE);
  luaL_argcheck(L, rn_lua_rawlen(L, 6) == count, 6, "every parameter must have a name");
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    luaL_argcheck(L, lists[i] == lists[0], 6, "named parameters must all be lists, or none");
    lua_rawgeti(L, 6, (int)i + 1);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 6, "names must be strings");
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_rawseti(L, env, ENV_NAMES);
  self->keyed = true;
}

/* Puts what is known of columns by their names into the environment of a statement without columns. */
static void read_known(lua_State *L, rn_lua_statement *self, int env) {
  if (lua_isnoneornil(L, 7)) return;
  luaL_checktype(L, 7, LUA_TTABLE);
  luaL_argcheck(L, !self->typed, 7, "columns are known by name for statements without columns");
  lua_pushvalue(L, 7);
  lua_rawseti(L, env, ENV_KNOWN);
}

void rn_lua_statement_names(lua_State *L, int index) {
  rn_lua_getenv(L, index);
  lua_rawgeti(L, -1, ENV_NAMES);
  lua_replace(L, -2);
}

/* Reads what the statement is to its connection: its role, and the number and rows of a cursor. */
static void read_role(lua_State *L, rn_statement *statement) {
  static const char *const names[] = {"plain", "once", "open",     "fetch",      "close",
                                      "copy",  "rows", "copy_end", "copy_abort", NULL};
  statement->role = (rn_role)luaL_checkoption(L, 8, "plain", names);
  bool cursor = statement->role >= RN_ROLE_OPEN && statement->role <= RN_ROLE_CLOSE;
  bool known = !cursor || (rn_lua_tointeger(L, 9, &statement->cursor) && statement->cursor >= 0);
  luaL_argcheck(L, known, 9, "must be the number of a cursor");
  known = statement->role != RN_ROLE_FETCH ||
          (rn_lua_tointeger(L, 10, &statement->fetch) && statement->fetch > 0);
  luaL_argcheck(L, known, 10, "must be a number of rows");
}

/* (text, codes or nil, columns or nil, script or nil, loads or nil, names or nil, known or nil, role or nil,
 * cursor or nil, fetch or nil) -> statement */
int rn_lua_statement_new(lua_State *L) {
  size_t size, code_size;
  const char *text = luaL_checklstring(L, 1, &size);
  const char *code_text = luaL_optlstring(L, 2, "", &code_size);
  luaL_argcheck(L, memchr(text, 0, size) == NULL, 1, "the text must not hold NUL");
  luaL_argcheck(L, code_size % 2 == 0, 2, "must have two characters for each parameter");
  bool script = lua_toboolean(L, 4);
  luaL_argcheck(L, !script || code_size == 0, 2, "a script has no parameters");
  if (!lua_isnoneornil(L, 3)) luaL_checktype(L, 3, LUA_TTABLE);
  enum { STATEMENT = 11, ENV = 12 };
  lua_settop(L, STATEMENT - 1);

  rn_lua_statement *self = rn_lua_new(L, sizeof *self, RN_UP_STATEMENT);
  lua_createtable(L, 4, 0);
  lua_pushvalue(L, ENV);
  rn_lua_setenv(L, STATEMENT);
  size_t count = code_size / 2, column_count = 0;
  rn_code *codes = scratch_array(L, count, sizeof *codes);
  bool *lists = scratch_array(L, count, sizeof *lists);
  read_codes(L, code_text, count, codes, lists);
  rn_column *columns = NULL;
  if (!lua_isnil(L, 3) && rn_lua_rawlen(L, 3) > 0) {
    const rn_lua_layout *layout = layout_from_columns(L);
    lua_rawseti(L, ENV, ENV_LAYOUT);
    self->typed = true;
    column_count = layout->count;
    columns = scratch_array(L, column_count, sizeof *columns);
    for (size_t c = 0; c < column_count; c++) {
      columns[c].code = layout->columns[c].code;
      columns[c].scale = layout->columns[c].scale;
    }
  }
  read_loads(L, self, ENV);
  read_names(L, self, ENV, count, lists);
  read_known(L, self, ENV);
  rn_error err = {0};
  self->statement = rn_statement_new(text, size, codes, lists, count, columns, column_count, script, &err);
  if (!self->statement) return rn_lua_fail(L, &err);
  read_role(L, self->statement);
  lua_settop(L, STATEMENT);
  return 1;
}

static int statement_collect(lua_State *L) {
  rn_lua_statement *self = rn_lua_check(L, 1, RN_UP_STATEMENT, RN_LUA_STATEMENT);
  rn_statement_release(self->statement);
  self->statement = NULL;
  return 0;
}

static int statement_text(lua_State *L) {
  const rn_statement *statement = rn_lua_statement_check(L, 1)->statement;
  lua_pushlstring(L, statement->text, statement->size);
  return 1;
}

static int statement_tostring(lua_State *L) {
  const rn_lua_statement *self = rn_lua_check(L, 1, RN_UP_STATEMENT, RN_LUA_STATEMENT);
  lua_pushfstring(L, RN_LUA_STATEMENT ": %s", self->statement ? self->statement->text : "(collected)");
  return 1;
}

const luaL_Reg rn_lua_statement_methods[] = {
    {"text", statement_text}, {"__tostring", statement_tostring}, {"__gc", statement_collect}, {NULL, NULL}};
