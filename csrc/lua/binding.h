/* What the files of csrc/lua share: the userdata types, the upvalues every function of the module has, and
 * the one place each for values in, values out, errors, layouts, hydration and snapshots.
 *
 * Ownership: a C object belongs to the userdata that wraps it, which is made in a closed state, given its
 * metatable, and only then given the object. Nothing is owned by a C local while Lua may raise, but for the
 * frames of pool:run and ticket:take, which call hydration protected. No pointer to a lua_State is kept, and
 * nothing is static. */
#ifndef RN_LUA_BINDING_H
#define RN_LUA_BINDING_H

#include "exec/exec.h"
#include "lua/compat.h"

#define RN_LUA_VERSION "0.1.0"

/* Every function of the module is a closure over these, so that a type check compares two pointers instead of
 * looking a name up in the registry. Metatables first. */
enum {
  RN_UP_POOL = 1,
  RN_UP_LEASE,
  RN_UP_TICKET,
  RN_UP_STATEMENT,
  RN_UP_SNAPSHOT,
  RN_UP_LAYOUT,
  RN_UP_FIELDS,
  RN_UP_SCRATCH, /* the rn_lua_scratch of this Lua state */
  RN_UP_N,       /* the string "n" */
  RN_UP_GUARD,   /* rn_lua_guard; nil in that function itself */
  RN_UP_COUNT = RN_UP_GUARD
};

/* ---- l_util.c: types, handles, scratch memory ---- */

/* The userdata at index when its metatable is upvalue `up`, else NULL. */
void *rn_lua_test(lua_State *L, int index, int up);
/* The same; raises an argument error. name is the type's, for the message. */
void *rn_lua_check(lua_State *L, int index, int up, const char *name);
/* [-0, +1] A zeroed userdata of that type. */
void *rn_lua_new(lua_State *L, size_t size, int up);
/* nil, none or core.null, of which the type is known. */
static inline bool rn_lua_isnull_of(lua_State *L, int index, int type) {
  return type <= LUA_TNIL || (type == LUA_TLIGHTUSERDATA && lua_touserdata(L, index) == NULL);
}
static inline bool rn_lua_isnull(lua_State *L, int index) {
  return rn_lua_isnull_of(L, index, lua_type(L, index));
}
/* An optional number of milliseconds: nil and negative ones are 0, which means for ever. */
int64_t rn_lua_optms(lua_State *L, int index);

/* Rows of one answer that share a metatable and a snapshot. More would let one row that is kept pin too much.
 */
#define RN_LUA_CHUNK_ROWS 128

#define RN_LUA_TIME_KEPT 32

/* Memory for one call that is kept for the next. One belongs to the Lua state (upvalue RN_UP_SCRATCH); a call
 * that happens inside another one's (from a load callback or a finaliser) gets one of its own. */
typedef struct rn_lua_scratch {
  rn_params params;
  rn_arena text;   /* what rn_value_convert makes for one row */
  rn_rows rows;    /* the chunk that is being packed */
  rn_value *cells; /* one row */
  size_t cell_capacity;
  const void *identities[RN_LUA_CHUNK_ROWS];
  int heap_kb;          /* what was alive when a collection had to be caught up with */
  int template_fields;  /* how many fields the last template had, to size the next copy */
  uint64_t fields_made; /* numbers core.fields */
  /* The last time that was read from text, which is often the next one too: rows are stamped alike, and each
   * stamp is bound twice, for the statement and for the snapshot. */
  char time_text[RN_LUA_TIME_KEPT];
  size_t time_size; /* 0: none */
  int64_t time_us;
  /* The last time that was asked for, which is the same for as long as a millisecond. */
  char now_text[RN_LUA_TIME_KEPT];
  size_t now_size; /* 0: none */
  int64_t now_us;
  bool busy, shared;
  bool gone; /* the state is being closed and the finaliser has run */
} rn_lua_scratch;

/* Work that is called protected, because its caller holds a scratch or a connection. First member of a struct
 * on the caller's C stack, which the body finds at index 1, as light userdata. */
typedef struct rn_lua_guarded {
  lua_CFunction body;
} rn_lua_guarded;
/* [-args, +results] Calls guarded->body with the struct and then the values on top; what lua_pcall returns,
 * whose error value is then on top. Never raises. Needs args + 4 free slots (and lets the body call
 * luaL_checkstack). */
int rn_lua_guarded_call(lua_State *L, rn_lua_guarded *guarded, int args, int results);
int rn_lua_guard(lua_State *L); /* the Lua C function behind it */

/* Never raises; NULL when memory ran out. Must be given back on every way out. */
rn_lua_scratch *rn_lua_scratch_take(lua_State *L);
void rn_lua_scratch_give(rn_lua_scratch *scratch);
/* Room for count cells; false when memory ran out. */
bool rn_lua_scratch_cells(rn_lua_scratch *scratch, size_t count);
/* [-0, +1] Makes the state's own; called once by luaopen. */
void rn_lua_scratch_push(lua_State *L);

/* ---- l_value.c: one place for values in and one for values out ---- */

/* COPY: text into the arena. COPY_ITEMS: that of lists. NO_NAN: refuse NaN. KNOWN: the text was in a
 * database, so it is not checked (and may be bytes where the type is not known). */
enum { RN_BIND_COPY = 1, RN_BIND_COPY_ITEMS = 2, RN_BIND_NO_NAN = 4, RN_BIND_KNOWN = 8 };
/* Reads the Lua value at the absolute index as `code` wants it. Returns NULL, or the rule that it broke, a
 * static text that reads on after a name. Text is borrowed from Lua, or copied into arena with RN_BIND_COPY.
 * scale is for 'n' (-1: as it is). Never raises, leaves the stack alone. */
const char *rn_lua_bind(lua_State *L, int index, rn_code code, int scale, unsigned flags, rn_arena *arena,
                        rn_value *out);
/* The same for a list: a sequence, or nil. item is the 1-based number of the item that broke the rule, else
 * 0. Needs two free stack slots. */
const char *rn_lua_bind_list(lua_State *L, int index, rn_code code, unsigned flags, rn_arena *arena,
                             rn_value *out, size_t *item);
/* [-0, +1] The time of the wall clock as text, to the millisecond. */
void rn_lua_push_now(lua_State *L);
/* [-0, +1] A value that was converted as its code says. */
void rn_lua_push(lua_State *L, const rn_value *value);
/* Whether the Lua value at index is what rn_lua_push would push, compared raw (numbers by value). */
bool rn_lua_same(lua_State *L, int index, const rn_value *value);
/* Kinds (a bit for each) that need no rn_value_convert to be seen as `code`. */
unsigned rn_lua_direct_kinds(rn_code code);

/* ---- l_error.c ---- */

/* [-0, +2] nil and the error as a table; clears err. */
int rn_lua_fail(lua_State *L, rn_error *err);
/* [-0, +2] The same for an error made here. */
int rn_lua_fail_kind(lua_State *L, rn_error_kind kind, const char *message);

/* ---- l_statement.c: statements and layouts ---- */

typedef struct rn_lua_column {
  rn_code code;
  rn_code own;     /* the answer's, where the layout was made from one */
  bool skip;       /* a later column has the same key */
  uint16_t direct; /* rn_lua_direct_kinds(code) */
  int scale;
  int load; /* number of its load function among the layout's, from 1; 0 for none */
} rn_lua_column;

/* How rows are made of an answer. Immutable (but for `fits`) userdata without a finaliser: its memory is
 * there as long as somebody reaches its table, even while a state is being closed. The table: [0] this
 * userdata, [1..count] the keys, [count + 1] key -> column once it was asked for, [-1..-loads] the load
 * functions, ["wider"] key -> table of a layout with that column more, ["segments"] what l_segments.c keeps.
 */
typedef struct rn_lua_layout {
  size_t count;
  int loads;
  const struct rn_lua_segments *segments; /* how a row is several tables; NULL when it is one */
  uint64_t fits; /* number of the core.fields whose keys were last seen to be its own, in their order */
  const char
      *names; /* the answer's own column names, each with its NUL; NULL when the statement named them */
  rn_lua_column columns[];
} rn_lua_layout;

typedef struct rn_lua_statement {
  rn_statement *statement; /* NULL once collected */
  bool typed;              /* columns were given, so there is one layout for good */
  bool keyed;              /* parameters are read by names, which rn_lua_statement_names pushes */
} rn_lua_statement;

#define RN_LUA_STATEMENT "rowan.statement"
int rn_lua_statement_new(lua_State *L);
extern const luaL_Reg rn_lua_statement_methods[];
rn_lua_statement *rn_lua_statement_check(lua_State *L, int index);

/* [-0, +1] The list of the parameters' names of the statement at index, which is keyed. */
void rn_lua_statement_names(lua_State *L, int index);
/* [-0, +1] The table of the layout for an answer of the statement at index. For a statement with columns the
 * answer must have as many. May raise (memory). */
const rn_lua_layout *rn_lua_layout_push(lua_State *L, int index, const rn_result *result);
/* [-0, +0..1] The key of a column (from 1) in the layout that the statement at index has; false when there is
 * none. */
bool rn_lua_statement_key(lua_State *L, int index, int column);
/* [-0, +1] The table of the layout of a statement with columns; NULL and nothing pushed when it has none. */
const rn_lua_layout *rn_lua_layout_typed(lua_State *L, int index);
/* The layout in the table at index, which is one of a layout. */
const rn_lua_layout *rn_lua_layout_of(lua_State *L, int index);
/* [-0, +1] The table of a layout that has the columns of the one at `from`, then the key at `key`, seen like
 * `column` with the load function at `load` (0: none). Made once for each and kept. All indices absolute. */
const rn_lua_layout *rn_lua_layout_widen(lua_State *L, int from, int key, const rn_lua_column *column,
                                         int load);
/* [-0, +1] The table of a layout with `count` columns of the one at `from`, whose table is there, from column
 * `first` (0-based) on. */
const rn_lua_layout *rn_lua_layout_slice(lua_State *L, int from, const rn_lua_layout *old, int first,
                                         int count);
/* [-0, +0] The column (0-based) with the key at the absolute index in the layout table at `table`, or -1. */
int rn_lua_layout_find(lua_State *L, int table, const rn_lua_layout *layout, int key);

/* ---- l_rows.c: hydration ---- */

/* One answer that is being made into tables; on the C stack of pool:run or ticket:take, which give result,
 * scratch and single, and zeroes. */
typedef struct rn_lua_frame {
  rn_lua_guarded guarded; /* set by rn_lua_read */
  rn_result *result;      /* borrowed */
  rn_lua_scratch *scratch;
  struct rn_lua_join *join; /* what l_segments.c needs meanwhile; NULL for a plain answer */
  bool single;
  bool stopped; /* the collector was running and is stopped now */
  rn_status status;
  rn_error err;
  int64_t affected, last_id;
} rn_lua_frame;

/* The stack while an answer is read. Keys of all columns follow TIME, load functions follow the keys. */
enum {
  RN_AT_FRAME = 1,
  RN_AT_STATEMENT,
  RN_AT_TEMPLATE,
  RN_AT_LAYOUT,
  RN_AT_ROWS, /* the sequence, or with frame->single the first row or false */
  RN_AT_META,
  RN_AT_TIME
};

typedef struct rn_lua_reader {
  lua_State *L;
  rn_lua_frame *frame;
  const rn_lua_layout *layout;
  rn_value *cells;
  int64_t time_us; /* what the text at RN_AT_TIME stands for, when has_time */
  bool has_time;
  bool tracked;   /* a template was given */
  bool scribbled; /* scratch text was used for the last row */
  int chunk;      /* rows packed and not yet in a snapshot */
} rn_lua_reader;

/* From so many rows on the collector rests while rows are made: they are all alive, so there is nothing to
 * find, and a small heap would be walked again and again (10,000 rows of ten columns on Lua 5.4: 13 against
 * 17 ms). Waking it makes a collection begin at once, which many small answers would pay for, up to 12 % at
 * 100 rows with a large heap. */
#define RN_LUA_REST_ROWS 512
/* Until rn_lua_read is done. */
void rn_lua_rest_collector(lua_State *L, rn_lua_frame *frame);
/* [-0, +0] Sets the fields of the table at the absolute index `row` from cells first..end-1, which are
 * converted in place. False (frame->err, and something on the stack) when a cell cannot be. */
bool rn_lua_read_cells(rn_lua_reader *r, size_t first, size_t end, int row);

typedef enum { RN_READ_DONE, RN_READ_FAILED, RN_READ_RAISED } rn_lua_reading;

/* [-0, +1] Reads the whole answer and leaves the rows (`true` when it has no columns), or the value that was
 * raised, or (failed) something to be dropped: then frame->err says why. Never raises. Indices absolute. */
rn_lua_reading rn_lua_read(lua_State *L, rn_lua_frame *frame, int statement, int template_index);
/* [-0, +2] Turns what rn_lua_read left on top into results: rows, affected, last_id; or nil and the error
 * with its column's key; or raises. The caller must hold nothing any more. */
int rn_lua_read_results(lua_State *L, rn_lua_frame *frame, rn_lua_reading reading, int statement);

/* ---- l_segments.c: answers whose rows are several tables each (joins) ---- */

/* [-0, +0] Reads `segments` and `fold` of the columns at index `columns`, if any, into the layout that was
 * just made of them, whose table is at `table`. Raises an argument error for what does not fit. */
void rn_lua_segments_read(lua_State *L, int columns, int table, rn_lua_layout *layout);
/* [-0, +..] Reads the answer of a layout with segments. False and frame->err when reading failed. May raise;
 * frame->join is to be freed in any case. The reader is a copy, so that the plain loop's stays in registers.
 */
bool rn_lua_join_read(rn_lua_reader reader);
void rn_lua_join_free(struct rn_lua_join *join);

/* ---- l_snapshot.c ---- */

/* [-0, +1] A metatable: a copy of the table at index. */
void rn_lua_template_copy(lua_State *L, int index, int *fields);
/* [-0, +1] A snapshot of the packed rows in scratch, whose layout table is at the absolute index. */
void rn_lua_snapshot_push(lua_State *L, rn_lua_scratch *scratch, int layout);
/* [-0, +1] The same of any packed rows, with the identity of each. */
void rn_lua_snapshot_pack(lua_State *L, const rn_rows *rows, const void *const *identities, int layout);
extern const luaL_Reg rn_lua_snapshot_functions[];

/* A row as it was read, for comparing it with what it is. */
typedef struct rn_lua_view {
  const rn_lua_layout *layout;
  int table; /* stack index of the layout's table */
  const rn_value *cells;
} rn_lua_view;
/* Cells of one row, on the C stack unless they are unusually many. */
#define RN_LUA_VIEW_CELLS 64
/* [-0, +..] Raises an argument error unless there is a row at the absolute index. The cells are borrowed from
 * the row's snapshot, which stays on the stack, and live in room, which has RN_LUA_VIEW_CELLS. */
void rn_lua_view_open(lua_State *L, int index, rn_value *room, rn_lua_view *view);
/* [-0, +0] Whether the value on top differs from what cell c was. `equal` is the index of the function that
 * compares Lua values made by load functions, or of a nil. */
bool rn_lua_view_differs(lua_State *L, const rn_lua_view *view, size_t c, int equal);

/* ---- l_collect.c: rows to be written, each checked in one call ---- */

extern const luaL_Reg rn_lua_collect_functions[];

/* ---- the rest ---- */

typedef struct rn_lua_pool {
  rn_pool *pool; /* one reference; NULL before it is open and once collected */
  unsigned bind; /* flags for rn_lua_bind that this pool's driver asks for */
} rn_lua_pool;

typedef struct rn_lua_lease {
  rn_lease *lease; /* one reference; NULL when there is none yet, and once released */
} rn_lua_lease;

#define RN_LUA_POOL "rowan.pool"
#define RN_LUA_LEASE "rowan.lease"
#define RN_LUA_TICKET "rowan.ticket"

int rn_lua_pool_open(lua_State *L);
/* [-0, +3] The settings in the table at the absolute index. Their strings are borrowed from it and from what
 * is left on the stack. Raises an argument error. */
rn_settings rn_lua_settings_read(lua_State *L, int index);
extern const luaL_Reg rn_lua_pool_methods[];
/* Which value of a call broke which rule. */
typedef struct rn_lua_refusal {
  const char *rule; /* static; NULL: memory ran out */
  size_t param;     /* 1-based */
  size_t item;      /* 1-based item of a list, else 0 */
} rn_lua_refusal;
/* Raises unless the arguments (params, n) at index and index + 1 fit the statement. */
void rn_lua_params_check(lua_State *L, const rn_statement *statement, int index);
/* [-0, +0..] Reads the parameters of the table at index + 1 for the statement at index into params; leaves
 * texts on the stack, so that what is borrowed stays. Never raises. params are the caller's to free, in
 * either case. */
bool rn_lua_params_read(lua_State *L, int index, unsigned flags, rn_params *params, rn_lua_refusal *refusal);
/* [-0, +2] nil and the error. */
int rn_lua_refuse(lua_State *L, const rn_lua_refusal *refusal);

extern const luaL_Reg rn_lua_lease_methods[];
/* [-0, +1] An empty lease whose pool is the userdata at index. */
rn_lua_lease *rn_lua_lease_push(lua_State *L, int pool);
/* The lease at index, NULL for nil. Raises when it is another pool's or nothing of the kind. */
rn_lua_lease *rn_lua_lease_opt(lua_State *L, int index, const rn_lua_pool *pool);
int rn_lua_lease_straight(lua_State *L); /* pool:lease */
int rn_lua_place_straight(lua_State *L); /* pool:place */
int rn_lua_lease_expired(lua_State *L);  /* pool:expired */

int rn_lua_submit(lua_State *L);         /* pool:submit */
int rn_lua_submit_lease(lua_State *L);   /* pool:submit_lease */
int rn_lua_submit_place(lua_State *L);   /* pool:submit_place */
int rn_lua_submit_connect(lua_State *L); /* lease:submit_connect */
extern const luaL_Reg rn_lua_ticket_methods[];
extern const luaL_Reg rn_lua_runtime_functions[];
extern const luaL_Reg rn_lua_helper_functions[];

#endif
