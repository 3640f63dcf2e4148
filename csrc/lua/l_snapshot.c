/* Templates and snapshots: what rows were when they were read or written, and how they differ from it now.
 * Called by l_rows.c (chunks of an answer) and, as core.changed, core.original ..., by the Lua side.
 *
 * A row's metatable is a copy of its model's template with the snapshot at [1]. A snapshot is a userdata that
 * holds everything inside itself (the rows' identities and their packed cells), has no finaliser and never
 * changes: updating a row gives it a new one of its own. Its environment is the table of its layout. A
 * metatable whose snapshot is of one row is that row's alone. */
#include "lua/binding.h"

#include <string.h>

typedef struct snapshot {
  size_t count;       /* rows */
  size_t size_bytes;  /* of the packed cells */
  const void *data[]; /* identities [count], then size_t offsets[count], then the packed cells */
} snapshot;

_Static_assert(sizeof(size_t) == sizeof(void *), "identities and offsets share an array");

/* The packed cells of a snapshot as the rn_rows they were. To be read only. */
static rn_rows snapshot_rows(const snapshot *s, size_t columns) {
  char *bytes = (char *)(uintptr_t)&s->data[2 * s->count];
  return (rn_rows){.bytes = {.data = bytes, .size = s->size_bytes, .capacity = s->size_bytes},
                   .offsets = (size_t *)(uintptr_t)&s->data[s->count],
                   .count = s->count,
                   .capacity = s->count,
                   .columns = columns};
}

void rn_lua_snapshot_pack(lua_State *L, const rn_rows *rows, const void *const *identities, int layout) {
  size_t head = sizeof(snapshot) + 2 * rows->count * sizeof(void *);
  snapshot *s = rn_lua_newuserdata(L, head + rows->bytes.size);
  s->count = rows->count;
  s->size_bytes = rows->bytes.size;
  memcpy(&s->data[0], identities, rows->count * sizeof(void *));
  memcpy((void *)&s->data[rows->count], rows->offsets, rows->count * sizeof(size_t));
  if (rows->bytes.size) memcpy((void *)&s->data[2 * rows->count], rows->bytes.data, rows->bytes.size);
  lua_pushvalue(L, lua_upvalueindex(RN_UP_SNAPSHOT));
  lua_setmetatable(L, -2);
  lua_pushvalue(L, layout);
  rn_lua_setenv(L, -2);
}

void rn_lua_snapshot_push(lua_State *L, rn_lua_scratch *scratch, int layout) {
  rn_lua_snapshot_pack(L, &scratch->rows, scratch->identities, layout);
}

void rn_lua_template_copy(lua_State *L, int index, int *fields) {
  lua_createtable(L, 1, *fields);
  int copy = lua_gettop(L), count = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, copy);
    lua_settop(L, copy + 1);
    count++;
  }
  *fields = count;
}

/* ---- where a row's snapshot is ---- */

typedef struct place {
  const snapshot *snapshot;
  const rn_lua_layout *layout;
  size_t row;
  int metatable, userdata, table; /* stack indices; table is the layout's */
} place;

static bool find_identity(const snapshot *s, const void *identity, size_t *row) {
  for (size_t i = 0; i < s->count; i++) {
    if (s->data[i] == identity) {
      *row = i;
      return true;
    }
  }
  return false;
}

/* [-0, +3] Metatable, snapshot and layout table of the row at index; false and nothing pushed when it is no
 * row. */
static bool locate(lua_State *L, int index, place *p) {
  int top = lua_gettop(L);
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return false;
  lua_rawgeti(L, top + 1, 1);
  p->snapshot = rn_lua_test(L, top + 2, RN_UP_SNAPSHOT);
  if (!p->snapshot || !find_identity(p->snapshot, lua_topointer(L, index), &p->row)) {
    lua_settop(L, top);
    return false;
  }
  rn_lua_getenv(L, top + 2);
  p->metatable = top + 1;
  p->userdata = top + 2;
  p->table = top + 3;
  p->layout = rn_lua_layout_of(L, p->table);
  return true;
}

static void check_row(lua_State *L, int index, place *p) {
  if (!locate(L, index, p)) luaL_argerror(L, index, "a row of rowan's expected");
}

/* [-1, +0] Makes the snapshot on top, which is of the row at index alone, that row's. p: where its snapshot
 * is now; NULL when it has none. */
static void install(lua_State *L, int index, const place *p) {
  int new_snapshot = lua_gettop(L);
  if (p && p->snapshot->count == 1) {
    lua_rawseti(L, p->metatable, 1);
    return;
  }
  int fields = 8;
  if (p) {
    rn_lua_template_copy(L, p->metatable, &fields);
  } else if (lua_getmetatable(L, index)) {
    rn_lua_template_copy(L, new_snapshot + 1, &fields);
  } else {
    lua_createtable(L, 1, 0);
  }
  lua_pushvalue(L, new_snapshot);
  lua_rawseti(L, -2, 1);
  lua_setmetatable(L, index);
  lua_settop(L, new_snapshot - 1);
}

/* ---- reading ---- */

/* [-0, +1] The cells of the row at p, borrowed from its snapshot. */
static const rn_value *read_cells(lua_State *L, const place *p, rn_value *room) {
  size_t count = p->layout->count;
  if (count > RN_LUA_VIEW_CELLS) {
    room = rn_lua_newuserdata(L, count * sizeof *room);
  } else {
    lua_pushnil(L);
  }
  rn_rows rows = snapshot_rows(p->snapshot, count);
  rn_rows_read(&rows, p->row, room);
  return room;
}

void rn_lua_view_open(lua_State *L, int index, rn_value *room, rn_lua_view *view) {
  place p;
  check_row(L, index, &p);
  view->layout = p.layout;
  view->table = p.table;
  view->cells = read_cells(L, &p, room);
}

/* A cell that a load function made a Lua value of, and one whose column is not typed when there is a table
 * now, is compared by the function at `equal`. */
bool rn_lua_view_differs(lua_State *L, const rn_lua_view *view, size_t c, int equal) {
  const rn_lua_column *column = &view->layout->columns[c];
  const rn_value *cell = &view->cells[c];
  bool opaque = column->load || (column->code == RN_CODE_ANY && lua_istable(L, -1) && !lua_isnil(L, equal));
  if (!opaque || cell->kind == RN_NULL || rn_lua_isnull(L, -1)) return !rn_lua_same(L, -1, cell);
  luaL_checktype(L, equal, LUA_TFUNCTION);
  int value = lua_gettop(L);
  lua_pushvalue(L, equal);
  lua_rawgeti(L, view->table, (int)c + 1);
  rn_lua_push(L, cell);
  lua_pushvalue(L, value);
  lua_call(L, 3, 1);
  bool same = lua_toboolean(L, -1);
  lua_settop(L, value);
  return !same;
}

/* core.changed(row, equal or nil) -> keys or nil */
static int core_changed(lua_State *L) {
  rn_lua_view view;
  rn_value room[RN_LUA_VIEW_CELLS];
  lua_settop(L, 2);
  rn_lua_view_open(L, 1, room, &view);
  lua_pushnil(L);
  int keys = lua_gettop(L), count = 0;
  for (size_t c = 0; c < view.layout->count; c++) {
    if (view.layout->columns[c].skip) continue;
    lua_rawgeti(L, view.table, (int)c + 1);
    lua_rawget(L, 1);
    if (rn_lua_view_differs(L, &view, c, 2)) {
      if (!count) {
        lua_newtable(L);
        lua_replace(L, keys);
      }
      lua_rawgeti(L, view.table, (int)c + 1);
      lua_rawseti(L, keys, ++count);
    }
    lua_settop(L, keys);
  }
  return 1;
}

/* core.original(row, key) -> value or nil, whether the snapshot has it */
static int core_original(lua_State *L) {
  place p;
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  check_row(L, 1, &p);
  int c = rn_lua_layout_find(L, p.table, p.layout, 2);
  if (c < 0) {
    lua_pushnil(L);
    lua_pushboolean(L, 0);
    return 2;
  }
  rn_rows rows = snapshot_rows(p.snapshot, p.layout->count);
  rn_value cell = rn_rows_cell(&rows, p.row, (size_t)c);
  int load = p.layout->columns[c].load;
  if (load && cell.kind != RN_NULL) {
    lua_rawgeti(L, p.table, -load);
    rn_lua_push(L, &cell);
    lua_call(L, 1, 1);
  } else {
    rn_lua_push(L, &cell);
  }
  lua_pushboolean(L, 1);
  return 2;
}

/* core.has(row, key) -> boolean */
static int core_has(lua_State *L) {
  place p;
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  check_row(L, 1, &p);
  lua_pushboolean(L, rn_lua_layout_find(L, p.table, p.layout, 2) >= 0);
  return 1;
}

/* core.isrow(v) -> boolean */
static int core_isrow(lua_State *L) {
  place p;
  luaL_checkany(L, 1);
  lua_pushboolean(L, locate(L, 1, &p));
  return 1;
}

/* ---- writing: bodies run guarded, because they pack into a scratch that their caller has to give back ----
 */

typedef struct writing {
  rn_lua_guarded guarded;
  rn_lua_scratch *scratch;
  place place; /* for update: where the row's snapshot is */
} writing;

/* The arguments of the core function follow the writing. */
enum { WRITING = 1, ROW = 2, VALUES = 3 };

/* Calls body with the arguments that are on the stack. Returns the number of its results. */
static int write_guarded(lua_State *L, lua_CFunction body, const place *p) {
  int args = lua_gettop(L);
  writing w = {.guarded.body = body, .scratch = rn_lua_scratch_take(L)};
  if (!w.scratch) return luaL_error(L, "out of memory");
  if (p) w.place = *p;
  int status = rn_lua_guarded_call(L, &w.guarded, args, 1);
  rn_lua_scratch_give(w.scratch);
  return status == 0 ? 1 : lua_error(L);
}

static rn_value *writing_cells(lua_State *L, size_t count) {
  writing *w = lua_touserdata(L, WRITING);
  if (!rn_lua_scratch_cells(w->scratch, count)) luaL_error(L, "out of memory");
  return w->scratch->cells;
}

/* [-0, +1] A snapshot of the row at ROW alone, of the scratch's cells in the layout whose table is at
 * `table`. */
static void push_single(lua_State *L, const rn_lua_layout *layout, int table) {
  rn_lua_scratch *scratch = ((writing *)lua_touserdata(L, WRITING))->scratch;
  scratch->rows.count = 0;
  scratch->rows.columns = layout->count;
  rn_buf_reset(&scratch->rows.bytes);
  if (rn_rows_add(&scratch->rows, scratch->cells) != RN_OK) luaL_error(L, "out of memory");
  scratch->identities[0] = lua_topointer(L, ROW);
  rn_lua_snapshot_push(L, scratch, table);
}

/* [-0, +0] A value of column c that does not simply enter its cell: raises for one that breaks a rule; one
 * that is NULL is no field of the row at `row` any more. */
static void odd_cell(lua_State *L, int row, int table, size_t c, const char *rule) {
  lua_rawgeti(L, table, (int)c + 1);
  if (rule) luaL_error(L, "%s %s", lua_tostring(L, -1), rule);
  lua_pushnil(L);
  lua_rawset(L, row);
}

/* [-0, +0] Reads the value at index, which is not nil, into the cell of column c. The text stays Lua's. */
static inline void bind_cell(lua_State *L, rn_lua_scratch *scratch, int row, int index, int table,
                             const rn_lua_layout *layout, size_t c) {
  const rn_lua_column *column = &layout->columns[c];
  rn_value *cell = &scratch->cells[c];
  const char *rule =
      rn_lua_bind(L, index, column->code, column->scale, RN_BIND_KNOWN, &scratch->params.arena, cell);
  if (RN_UNLIKELY(rule || cell->kind == RN_NULL)) odd_cell(L, row, table, c, rule);
}

/* [-0, +0] Reads what the table at `values` has into the cells of its columns, and leaves the others
 * alone. The text stays alive in that table. */
static void bind_cells(lua_State *L, int row, int values, int table, const rn_lua_layout *layout) {
  rn_lua_scratch *scratch = ((writing *)lua_touserdata(L, WRITING))->scratch;
  int top = lua_gettop(L);
  luaL_checkstack(L, (int)layout->count + LUA_MINSTACK, "too many columns");
  for (size_t c = 0; c < layout->count; c++) {
    if (layout->columns[c].skip) continue;
    lua_rawgeti(L, table, (int)c + 1);
    lua_rawget(L, values);
    if (!lua_isnil(L, -1)) bind_cell(L, scratch, row, -1, table, layout, c);
  }
  lua_settop(L, top);
}

/* [-0, +0] The same for all columns, from the few keys of the table at VALUES. Returns how many of them no
 * column has. */
static size_t bind_known(lua_State *L, int table, const rn_lua_layout *layout) {
  rn_lua_scratch *scratch = ((writing *)lua_touserdata(L, WRITING))->scratch;
  int key = lua_gettop(L) + 1;
  size_t lacking = 0;
  lua_pushnil(L);
  while (lua_next(L, VALUES)) {
    int c = rn_lua_layout_find(L, table, layout, key);
    if (RN_UNLIKELY(c < 0))
      lacking++;
    else
      bind_cell(L, scratch, ROW, key + 1, table, layout, (size_t)c);
    lua_settop(L, key);
  }
  return lacking;
}

/* The scratch's cells for a row that has nothing but the values. */
static void bind_row(lua_State *L, int row, int values, int table, const rn_lua_layout *layout) {
  rn_value *cells = writing_cells(L, layout->count);
  for (size_t c = 0; c < layout->count; c++) cells[c].kind = RN_NULL;
  bind_cells(L, row, values, table, layout);
}

/* (writing, row, values, template, layout) -> row */
static int adopt(lua_State *L) {
  enum { TEMPLATE = 4, LAYOUT = 5 };
  const rn_lua_layout *layout = rn_lua_layout_typed(L, LAYOUT);
  int table = lua_gettop(L);
  bind_row(L, ROW, VALUES, table, layout);
  rn_lua_template_copy(L, TEMPLATE, &((writing *)lua_touserdata(L, WRITING))->scratch->template_fields);
  push_single(L, layout, table);
  lua_rawseti(L, -2, 1);
  lua_setmetatable(L, ROW);
  lua_settop(L, ROW);
  return 1;
}

/* [-0, +0] Rows first..last (1-based) of the sequence at ROW become rows that share a metatable. */
static void adopt_chunk(lua_State *L, const rn_lua_layout *layout, int table, int template, int first,
                        int last) {
  rn_lua_scratch *scratch = ((writing *)lua_touserdata(L, WRITING))->scratch;
  int top = lua_gettop(L), meta = top + 1;
  scratch->rows.count = 0;
  scratch->rows.columns = layout->count;
  rn_buf_reset(&scratch->rows.bytes);
  rn_lua_template_copy(L, template, &scratch->template_fields);
  for (int r = first; r <= last; r++) {
    lua_rawgeti(L, ROW, r);
    lua_rawgeti(L, VALUES, r);
    if (!lua_istable(L, meta + 1) || !lua_istable(L, meta + 2))
      luaL_error(L, "row %d and its values must be tables", r);
    bind_row(L, meta + 1, meta + 2, table, layout);
    if (rn_rows_add(&scratch->rows, scratch->cells) != RN_OK) luaL_error(L, "out of memory");
    scratch->identities[r - first] = lua_topointer(L, meta + 1);
    lua_settop(L, meta);
  }
  rn_lua_snapshot_push(L, scratch, table);
  lua_rawseti(L, meta, 1);
  for (int r = first; r <= last; r++) {
    lua_rawgeti(L, ROW, r);
    lua_pushvalue(L, meta);
    lua_setmetatable(L, -2);
    lua_settop(L, meta);
  }
  lua_settop(L, top);
}

/* (writing, rows, values of each, template, layout) -> rows */
static int adopt_all(lua_State *L) {
  enum { TEMPLATE = 4, LAYOUT = 5 };
  const rn_lua_layout *layout = rn_lua_layout_typed(L, LAYOUT);
  int table = lua_gettop(L), count = (int)rn_lua_rawlen(L, ROW);
  for (int first = 1; first <= count; first += RN_LUA_CHUNK_ROWS) {
    int last = count - first < RN_LUA_CHUNK_ROWS ? count : first + RN_LUA_CHUNK_ROWS - 1;
    adopt_chunk(L, layout, table, TEMPLATE, first, last);
  }
  lua_settop(L, ROW);
  return 1;
}

static int adopt_with(lua_State *L, lua_CFunction body) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, rn_lua_statement_check(L, 3)->typed, 3, "a statement with columns expected");
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  lua_insert(L, 2); /* stack: row, values, template, layout */
  return write_guarded(L, body, NULL);
}

/* core.adopt(row, template, layout, values) -> row */
static int core_adopt(lua_State *L) {
  return adopt_with(L, adopt);
}

/* core.adopt_all(rows, template, layout, values of each) -> rows */
static int core_adopt_all(lua_State *L) {
  return adopt_with(L, adopt_all);
}

/* [-0, +1] The least key of the table at `values` that the layout lacks, so that their order is always the
 * same; false and nothing pushed when it lacks none. */
static bool push_missing(lua_State *L, int values, int table, const rn_lua_layout *layout) {
  lua_pushnil(L);
  int least = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, values)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "the keys of values must be strings");
    if (rn_lua_layout_find(L, table, layout, least + 1) < 0 &&
        (lua_isnil(L, least) || strcmp(lua_tostring(L, -2), lua_tostring(L, least)) < 0)) {
      lua_pushvalue(L, least + 1);
      lua_replace(L, least);
    }
    lua_settop(L, least + 1);
  }
  if (!lua_isnil(L, least)) return true;
  lua_settop(L, least - 1);
  return false;
}

/* [-0, +0] Widens the layout whose table is at `table` (and replaced there) by every key of values that it
 * lacks, seen as the statement at `typed` has it, or untyped. */
static const rn_lua_layout *widen(lua_State *L, int values, int table, const rn_lua_layout *layout,
                                  int typed) {
  static const rn_lua_column untyped = {.code = RN_CODE_ANY, .scale = -1};
  int top = lua_gettop(L);
  const rn_lua_layout *known = lua_isnil(L, typed) ? NULL : rn_lua_layout_typed(L, typed);
  int base = lua_gettop(L); /* the table of `known`, if any */
  while (push_missing(L, values, table, layout)) {
    const rn_lua_column *column = &untyped;
    int load = 0, c = known ? rn_lua_layout_find(L, base, known, base + 1) : -1;
    if (c >= 0) {
      column = &known->columns[c];
      if (column->load) {
        lua_rawgeti(L, base, -column->load);
        load = lua_gettop(L);
      }
    }
    layout = rn_lua_layout_widen(L, table, base + 1, column, load);
    lua_replace(L, table);
    lua_settop(L, base);
  }
  lua_settop(L, top);
  return layout;
}

/* (writing, row, values, layout or nil, and what locate pushed) -> nothing */
static int update(lua_State *L) {
  enum { LAYOUT = 4 };
  const place p = ((writing *)lua_touserdata(L, WRITING))->place;
  const rn_lua_layout *layout = p.layout;
  rn_rows rows = snapshot_rows(p.snapshot, layout->count);
  rn_rows_read(&rows, p.row, writing_cells(L, layout->count));
  size_t lacking = bind_known(L, p.table, layout);
  if (RN_UNLIKELY(lacking)) {
    rn_rows_read(&rows, p.row, writing_cells(L, layout->count + lacking));
    layout = widen(L, VALUES, p.table, layout, LAYOUT);
    bind_cells(L, ROW, VALUES, p.table, layout);
  }
  push_single(L, layout, p.table);
  install(L, ROW, &p);
  return 0;
}

/* core.update(row, values, layout or nil): layout, a statement, describes keys that the snapshot lacks. */
static int core_update(lua_State *L) {
  place p;
  lua_settop(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  if (!lua_isnil(L, 3)) {
    luaL_argcheck(L, rn_lua_statement_check(L, 3)->typed, 3, "a statement with columns expected");
  }
  check_row(L, 1, &p);
  /* In the body all arguments stand one place higher. */
  p.metatable++, p.userdata++, p.table++;
  write_guarded(L, update, &p);
  return 0;
}

/* (writing, row) -> snapshot */
static int copy_single(lua_State *L) {
  place p;
  locate(L, ROW, &p);
  rn_rows rows = snapshot_rows(p.snapshot, p.layout->count);
  rn_rows_read(&rows, p.row, writing_cells(L, p.layout->count));
  push_single(L, p.layout, p.table);
  return 1;
}

/* core.snapshot(row) -> userdata. Snapshots never change, so one that is the row's alone is its own copy. */
static int core_snapshot(lua_State *L) {
  place p;
  lua_settop(L, 1);
  check_row(L, 1, &p);
  lua_settop(L, p.userdata);
  if (p.snapshot->count == 1) return 1;
  lua_settop(L, 1);
  return write_guarded(L, copy_single, NULL);
}

/* core.restore(row, copy) */
static int core_restore(lua_State *L) {
  size_t row;
  luaL_checktype(L, 1, LUA_TTABLE);
  const snapshot *copy = rn_lua_check(L, 2, RN_UP_SNAPSHOT, "rowan.snapshot");
  luaL_argcheck(L, copy->count == 1 && find_identity(copy, lua_topointer(L, 1), &row), 2,
                "the snapshot is of another row");
  lua_settop(L, 2);
  place p;
  bool known = locate(L, 1, &p);
  lua_pushvalue(L, 2);
  install(L, 1, known ? &p : NULL);
  return 0;
}

const luaL_Reg rn_lua_snapshot_functions[] = {{"changed", core_changed}, {"original", core_original},
                                              {"has", core_has},         {"isrow", core_isrow},
                                              {"adopt", core_adopt},     {"adopt_all", core_adopt_all},
                                              {"update", core_update},   {"snapshot", core_snapshot},
                                              {"restore", core_restore}, {NULL, NULL}};
