/* Hydration: an answer -> Lua tables, with snapshots where a template is given. Called by l_pool.c (pool:run)
 * and l_ticket.c (ticket:take). This is the hot loop of reading: what is constant for an answer is on the Lua
 * stack before its first row, and each cell costs one push, one key and one rawset. */
#include "lua/binding.h"

#include <limits.h>

#include "value/text.h"

enum {
  STATEMENT = RN_AT_STATEMENT,
  TEMPLATE = RN_AT_TEMPLATE,
  LAYOUT = RN_AT_LAYOUT,
  ROWS = RN_AT_ROWS,
  META = RN_AT_META,
  TIME = RN_AT_TIME
};

typedef rn_lua_reader reader;

/* What two loops share: the plain one here must not pay for the other, in l_segments.c. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

void rn_lua_rest_collector(lua_State *L, rn_lua_frame *frame) {
  /* -1 inside a finaliser of 5.4, where it is stopped anyway */
  if (lua_gc(L, LUA_GCISRUNNING, 0) != 1) return;
  lua_gc(L, LUA_GCSTOP, 0);
  frame->stopped = true;
}

/* [-0, +1] Rows often repeat a time (createdAt and updatedAt, rows written together): the last text is kept.
 */
ALWAYS_INLINE void push_timestamp(reader *r, int64_t us) {
  lua_State *L = r->L;
  if (r->has_time && r->time_us == us) {
    lua_pushvalue(L, TIME);
    return;
  }
  char text[RN_TIMESTAMP_TEXT_MAX];
  lua_pushlstring(L, text, rn_timestamp_iso(us, text));
  lua_pushvalue(L, -1);
  lua_replace(L, TIME);
  r->time_us = us;
  r->has_time = true;
}

ALWAYS_INLINE bool convert_cell(reader *r, size_t c) {
  const rn_lua_column *column = &r->layout->columns[c];
  rn_error *err = &r->frame->err;
  r->scribbled = true;
  if (rn_value_convert(&r->cells[c], column->code, column->scale, &r->frame->scratch->text, err) == RN_OK)
    return true;
  err->column_index = (int)c + 1;
  return false;
}

/* As rn_lua_read_cells. */
ALWAYS_INLINE bool set_fields(reader *r, size_t first, size_t end, int row) {
  lua_State *L = r->L;
  const rn_lua_layout *layout = r->layout;
  for (size_t c = first; c < end; c++) {
    rn_value *cell = &r->cells[c];
    const rn_lua_column *column = &layout->columns[c];
    if (cell->kind == RN_NULL || column->skip) continue;
    if (!(column->direct >> cell->kind & 1) && !convert_cell(r, c)) return false;
    lua_pushvalue(L, TIME + 1 + (int)c);
    if (RN_UNLIKELY(column->load)) {
      lua_pushvalue(L, TIME + (int)layout->count + column->load);
      rn_lua_push(L, cell);
      lua_call(L, 1, 1);
    } else if (cell->kind == RN_TIMESTAMP) {
      push_timestamp(r, cell->u.i);
    } else {
      rn_lua_push(L, cell);
    }
    lua_rawset(L, row);
  }
  return true;
}

bool rn_lua_read_cells(rn_lua_reader *r, size_t first, size_t end, int row) {
  return set_fields(r, first, end, row);
}

/* [-0, +1] The row in r->cells as a table; false (and something on the stack) when a cell cannot be
 * converted. */
static bool push_row(reader *r) {
  lua_State *L = r->L;
  if (r->scribbled) {
    rn_arena_reset(&r->frame->scratch->text);
    r->scribbled = false;
  }
  lua_createtable(L, 0, (int)r->layout->count);
  return set_fields(r, 0, r->layout->count, lua_gettop(L));
}

/* Puts the packed rows into the metatable that they share. */
static void end_chunk(reader *r) {
  rn_lua_snapshot_push(r->L, r->frame->scratch, LAYOUT);
  lua_rawseti(r->L, META, 1);
  r->chunk = 0;
}

/* Gives the row on top its metatable and packs its cells; false when memory ran out. */
static bool track_row(reader *r) {
  lua_State *L = r->L;
  rn_lua_scratch *scratch = r->frame->scratch;
  if (r->chunk == 0) {
    rn_lua_template_copy(L, TEMPLATE, &scratch->template_fields);
    lua_replace(L, META);
    scratch->rows.count = 0;
    scratch->rows.columns = r->layout->count;
    rn_buf_reset(&scratch->rows.bytes);
  }
  if (rn_rows_add(&scratch->rows, r->cells) != RN_OK) {
    rn_error_set(&r->frame->err, RN_E_MEMORY, "out of memory");
    return false;
  }
  scratch->identities[r->chunk++] = lua_topointer(L, -1);
  lua_pushvalue(L, META);
  lua_setmetatable(L, -2);
  if (r->frame->single || r->chunk == RN_LUA_CHUNK_ROWS) end_chunk(r);
  return true;
}

/* [-0, +..] Pushes what TIME is followed by. */
static void push_keys(lua_State *L, const rn_lua_layout *layout) {
  luaL_checkstack(L, (int)layout->count + layout->loads + LUA_MINSTACK, "too many columns");
  for (int c = 1; c <= (int)layout->count; c++) lua_rawgeti(L, LAYOUT, c);
  for (int i = 1; i <= layout->loads; i++) lua_rawgeti(L, LAYOUT, -i);
}

/* Reads rows into the table at ROWS, or the first one to that place; the rest of the answer is read in any
 * case, because only then `affected` is known. False and frame->err when reading failed. */
static bool read_rows(reader *r) {
  lua_State *L = r->L;
  rn_lua_frame *frame = r->frame;
  rn_result *result = frame->result;
  rn_row (*next)(rn_result *, rn_value *, rn_error *) = result->ops->next;
  int count = 0;
  rn_row got;
  while ((got = next(result, r->cells, &frame->err)) == RN_ROW) {
    if (frame->single && count++) continue;
    if (!push_row(r) || (r->tracked && !track_row(r))) return false;
    if (frame->single) {
      lua_replace(L, ROWS);
      continue;
    }
    lua_rawseti(L, ROWS, ++count);
    if (RN_UNLIKELY(count == RN_LUA_REST_ROWS) && !frame->stopped) rn_lua_rest_collector(L, frame);
  }
  if (r->chunk) end_chunk(r);
  return got == RN_END;
}

/* (frame, statement, template or nil) -> rows; frame->status tells whether reading went well. */
static int hydrate(lua_State *L) {
  rn_lua_frame *frame = lua_touserdata(L, RN_AT_FRAME);
  rn_result *result = frame->result;
  reader r = {.L = L, .frame = frame, .tracked = !lua_isnil(L, TEMPLATE)};
  r.layout = rn_lua_layout_push(L, STATEMENT, result);
  if (!rn_lua_scratch_cells(frame->scratch, r.layout->count)) {
    rn_error_set(&frame->err, RN_E_MEMORY, "out of memory");
    return 0;
  }
  r.cells = frame->scratch->cells;
  if (frame->single) {
    lua_pushboolean(L, 0);
  } else {
    lua_createtable(L, result->rows > 0 && result->rows < INT_MAX ? (int)result->rows : 0, 0);
    if (result->rows > RN_LUA_REST_ROWS) rn_lua_rest_collector(L, frame);
  }
  lua_pushnil(L);
  lua_pushnil(L); /* stack: ... ROWS META TIME */
  push_keys(L, r.layout);
  if (!(RN_UNLIKELY(r.layout->segments != NULL) ? rn_lua_join_read(r) : read_rows(&r))) return 0;
  frame->status = RN_OK;
  lua_settop(L, ROWS);
  return 1;
}

/* Runs a statement without result columns to its end. */
static rn_lua_reading read_nothing(rn_lua_frame *frame) {
  rn_value none;
  rn_row got;
  do {
    got = frame->result->ops->next(frame->result, &none, &frame->err);
  } while (got == RN_ROW);
  return got == RN_END ? RN_READ_DONE : RN_READ_FAILED;
}

static rn_lua_reading read_answer(lua_State *L, rn_lua_frame *frame, int statement, int template_index) {
  if (!lua_checkstack(L, 8)) {
    rn_error_set(&frame->err, RN_E_MEMORY, "out of memory");
    return RN_READ_FAILED;
  }
  const rn_statement *wanted = ((rn_lua_statement *)lua_touserdata(L, statement))->statement;
  size_t columns = frame->result->columns;
  if (RN_UNLIKELY(wanted->column_count && wanted->column_count != columns)) {
    rn_error_set(&frame->err, RN_E_USAGE, "the statement describes %zu columns, but the answer has %zu",
                 wanted->column_count, columns);
    return RN_READ_FAILED;
  }
  if (columns == 0) return read_nothing(frame);
  frame->status = RN_FAIL;
  frame->guarded.body = hydrate;
  lua_pushvalue(L, statement);
  lua_pushvalue(L, template_index);
  int status = rn_lua_guarded_call(L, &frame->guarded, 2, 1);
  if (RN_UNLIKELY(frame->stopped)) lua_gc(L, LUA_GCRESTART, 0);
  if (RN_UNLIKELY(frame->join != NULL)) rn_lua_join_free(frame->join);
  if (status != 0) return RN_READ_RAISED;
  return frame->status == RN_OK ? RN_READ_DONE : RN_READ_FAILED;
}

rn_lua_reading rn_lua_read(lua_State *L, rn_lua_frame *frame, int statement, int template_index) {
  int top = lua_gettop(L);
  rn_lua_reading reading = read_answer(L, frame, statement, template_index);
  if (lua_gettop(L) == top) lua_pushboolean(L, 1);
  frame->affected = frame->result->affected;
  frame->last_id = frame->result->last_id;
  return reading;
}

static int read_failure(lua_State *L, rn_lua_frame *frame, int statement) {
  int column = frame->err.column_index;
  rn_lua_fail(L, &frame->err);
  if (column <= 0) return 2;
  int err = lua_gettop(L);
  if (rn_lua_statement_key(L, statement, column)) lua_setfield(L, err, "key");
  lua_settop(L, err);
  return 2;
}

/* LuaJIT's collector does not make up for what it missed while it rested: where nothing but large answers is
 * allocated, it would never get to its end. So the heap may double, and some, before it is walked. */
static void catch_up(lua_State *L) {
#if LUA_VERSION_NUM == 501
  enum { ROOM_KB = 64 * 1024 };
  rn_lua_scratch *scratch = lua_touserdata(L, lua_upvalueindex(RN_UP_SCRATCH));
  if (lua_gc(L, LUA_GCCOUNT, 0) <= 2 * scratch->heap_kb + ROOM_KB) return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  scratch->heap_kb = lua_gc(L, LUA_GCCOUNT, 0);
#else
  (void)L;
#endif
}

int rn_lua_read_results(lua_State *L, rn_lua_frame *frame, rn_lua_reading reading, int statement) {
  if (RN_UNLIKELY(reading == RN_READ_RAISED)) {
    rn_error_clear(&frame->err);
    return lua_error(L);
  }
  if (RN_UNLIKELY(reading == RN_READ_FAILED)) return read_failure(L, frame, statement);
  if (RN_UNLIKELY(frame->stopped)) catch_up(L);
  if (frame->affected < 0) {
    lua_pushnil(L);
  } else {
    rn_lua_push(L, &(rn_value){.kind = RN_INT, .u.i = frame->affected});
  }
  rn_lua_push(L, &(rn_value){.kind = RN_INT, .u.i = frame->last_id});
  return 3;
}
