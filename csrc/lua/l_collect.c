/* Rows that are about to be written: core.fields, build, create, collect and dirty. Called through
 * driver/rows.lua, by change/ alone. One call does for a row what Lua would do attribute by attribute.
 *
 * The rules are not here: the types of lua/rowan/types decide what a value must be, what it becomes and what
 * is said about a wrong one. A type may say in its field `plain` which values its cast gives back as they
 * are; those, and only those, are accepted here. The position of every other value is handed back, and Lua
 * casts it (or refuses it, in its own words). spec/collect_spec.lua holds both against each other.
 *
 * A fields userdata is immutable. Its environment: [1..count] the names, name -> position, [-i] the set of
 * words of field i, [-count - i] its default value. */
#include "lua/binding.h"

#include <string.h>

#include "value/text.h"

typedef enum {
  PLAIN_NONE, /* every value is Lua's to cast */
  PLAIN_INTEGER,
  PLAIN_FLOAT,
  PLAIN_BOOLEAN,
  PLAIN_TEXT,
  PLAIN_BYTES,
  PLAIN_INSTANT,
  PLAIN_DAY,
  PLAIN_UUID,
  PLAIN_WORD,
} plain_kind;

static const char *const plain_names[] = {"none",  "integer", "float", "boolean", "text",
                                          "bytes", "instant", "day",   "uuid",    "word"};

typedef struct field {
  const char *name; /* the environment's */
  plain_kind kind;
  bool nullable;     /* NULL may be stored */
  bool optional;     /* may be left out of an INSERT */
  bool generated;    /* NULL in an INSERT means: left out */
  bool stamped;      /* an INSERT gives it the time */
  bool defaulted;    /* an INSERT gives it a value that is always the same */
  bool computed;     /* an INSERT gives it a value that Lua makes */
  bool key;          /* says which row it is */
  int64_t low, high; /* of integers */
  size_t length;     /* characters or bytes at most */
} field;

typedef struct fields {
  uint64_t number; /* for rn_lua_layout.fits */
  size_t count;
  field at[];
} fields;

#define FIELDS_TYPE "rowan.fields"

/* Which attributes take part is the key of a plan: a number while that is exact, else text of 0 and 1. */
#define NUMERIC_KEY_MAX 50
#define FIELDS_MAX 32767
/* A list in which more sets of attributes occur is grouped by Lua. */
#define GROUPS_MAX 32

/* [-0, +1] Field i as Lua counts. */
static void push_position(lua_State *L, size_t i) {
  rn_lua_pushexact(L, (int64_t)i + 1);
}

/* ---- core.fields ---- */

static plain_kind read_kind(lua_State *L, int item) {
  plain_kind kind = PLAIN_NONE;
  lua_getfield(L, item, "kind");
  if (!lua_isnil(L, -1)) {
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    size_t count = sizeof plain_names / sizeof plain_names[0], i = 0;
    while (i < count && strcmp(plain_names[i], name) != 0) i++;
    luaL_argcheck(L, i < count, 1, "unknown kind of field");
    kind = (plain_kind)i;
  }
  lua_settop(L, -2);
  return kind;
}

static bool read_flag(lua_State *L, int item, const char *name) {
  lua_getfield(L, item, name);
  bool set = lua_toboolean(L, -1);
  lua_settop(L, -2);
  return set;
}

static int64_t read_bound(lua_State *L, int item, const char *name, int64_t absent) {
  int64_t bound = absent;
  lua_getfield(L, item, name);
  if (!lua_isnil(L, -1) && !rn_lua_tointeger(L, -1, &bound)) luaL_argerror(L, 1, "bounds must be integers");
  lua_settop(L, -2);
  return bound;
}

/* Reads field i (from 0) out of the table at `item`; the environment is at `env`. */
static void read_field(lua_State *L, int item, int env, fields *self, size_t i) {
  field *f = &self->at[i];
  f->kind = read_kind(L, item);
  f->nullable = read_flag(L, item, "nullable");
  f->optional = read_flag(L, item, "optional");
  f->generated = read_flag(L, item, "generated");
  f->stamped = read_flag(L, item, "stamped");
  f->computed = read_flag(L, item, "computed");
  f->key = read_flag(L, item, "key");
  f->low = read_bound(L, item, "low", INT64_MIN);
  f->high = read_bound(L, item, "high", INT64_MAX);
  int64_t length = read_bound(L, item, "length", INT64_MAX);
  luaL_argcheck(L, length >= 0, 1, "a length must not be negative");
  f->length = (uint64_t)length > SIZE_MAX ? SIZE_MAX : (size_t)length;
  lua_getfield(L, item, "words");
  if (f->kind == PLAIN_WORD) luaL_argcheck(L, lua_istable(L, -1), 1, "words must be a set");
  lua_rawseti(L, env, -((int)i + 1));
  lua_getfield(L, item, "default");
  f->defaulted = !lua_isnil(L, -1);
  lua_rawseti(L, env, -((int)(self->count + i) + 1));
  lua_getfield(L, item, "name");
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "every field must have a name");
  f->name = lua_tostring(L, -1);
  lua_pushvalue(L, -1);
  lua_rawseti(L, env, (int)i + 1);
  push_position(L, i);
  lua_rawset(L, env);
}

/* core.fields{ { name=, kind=, low=, high=, length=, words=, nullable=, optional=, generated=, stamped=,
 * default=, computed=, key= } ... } */
static int core_fields(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  size_t count = rn_lua_rawlen(L, 1);
  luaL_argcheck(L, count <= FIELDS_MAX, 1, "too many fields");
  fields *self = rn_lua_new(L, sizeof *self + count * sizeof self->at[0], RN_UP_FIELDS);
  rn_lua_scratch *scratch = lua_touserdata(L, lua_upvalueindex(RN_UP_SCRATCH));
  self->number = ++scratch->fields_made;
  self->count = count;
  lua_createtable(L, (int)count, (int)count);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 1, (int)i + 1);
    luaL_argcheck(L, lua_istable(L, -1), 1, "every field must be a table");
    read_field(L, 4, 3, self, i);
    lua_settop(L, 3);
  }
  rn_lua_setenv(L, 2);
  return 1;
}

static const fields *check_fields(lua_State *L, int index) {
  return rn_lua_check(L, index, RN_UP_FIELDS, FIELDS_TYPE);
}

/* ---- values ---- */

static bool fits_length(const char *text, size_t size, size_t length) {
  if (size <= length) return true;
  size_t characters = 0;
  for (size_t i = 0; i < size; i++) characters += ((unsigned char)text[i] & 0xC0) != 0x80;
  return characters <= length;
}

/* Whether the text is the one spelling that casting it gives. */
static bool canonical_instant(const char *text, size_t size) {
  int64_t us;
  char iso[RN_TIMESTAMP_TEXT_MAX];
  return rn_timestamp_parse(text, size, true, &us) && rn_timestamp_iso(us, iso) == size &&
         memcmp(text, iso, size) == 0;
}

static bool canonical_uuid(const char *text, size_t size) {
  char uuid[37];
  return size == 36 && rn_uuid_canonical(text, size, uuid) && memcmp(text, uuid, size) == 0;
}

static bool plain_string(lua_State *L, int env, size_t i, const field *f) {
  size_t size;
  if (lua_type(L, -1) != LUA_TSTRING) return false;
  const char *text = lua_tolstring(L, -1, &size);
  switch (f->kind) {
  case PLAIN_TEXT: return rn_utf8_valid(text, size) && fits_length(text, size, f->length);
  case PLAIN_BYTES: return size <= f->length;
  case PLAIN_INSTANT: return canonical_instant(text, size);
  case PLAIN_DAY: return rn_date_valid(text, size);
  case PLAIN_UUID: return canonical_uuid(text, size);
  default: break;
  }
  lua_rawgeti(L, env, -((int)i + 1));
  lua_pushvalue(L, -2);
  lua_rawget(L, -2);
  bool known = lua_toboolean(L, -1);
  lua_settop(L, -3);
  return known;
}

/* Whether the value on top, neither nil nor null, is stored as it is. */
static bool is_plain(lua_State *L, int env, size_t i, const field *f) {
  int64_t integer;
  switch (f->kind) {
  case PLAIN_NONE: return false;
  case PLAIN_INTEGER:
    return lua_type(L, -1) == LUA_TNUMBER && rn_lua_prefers_integer(L, -1, &integer) && integer >= f->low &&
           integer <= f->high;
  case PLAIN_FLOAT: return lua_type(L, -1) == LUA_TNUMBER && rn_lua_isfloat(L, -1);
  case PLAIN_BOOLEAN: return lua_type(L, -1) == LUA_TBOOLEAN;
  default: return plain_string(L, env, i, f);
  }
}

/* ---- which fields take part ---- */

enum { TAKES_PART = 1, LEFT_TO_LUA = 2 };

/* One byte a field. On the C stack unless there are unusually many. */
#define STATES_INLINE 128

/* [-0, +1] */
static unsigned char *new_states(lua_State *L, size_t count, unsigned char *room) {
  if (count > STATES_INLINE) {
    room = rn_lua_newuserdata(L, count);
  } else {
    lua_pushnil(L);
  }
  memset(room, 0, count);
  return room;
}

/* Which fields take part, as a number; only with NUMERIC_KEY_MAX of them at most. */
static int64_t key_number(const unsigned char *states, size_t count) {
  int64_t number = 0;
  for (size_t i = 0; i < count; i++) number = number * 2 + (states[i] & TAKES_PART);
  return number;
}

/* [-0, +1] Which fields take part, as the key of a plan. */
static void push_key(lua_State *L, const unsigned char *states, size_t count) {
  if (RN_LIKELY(count <= NUMERIC_KEY_MAX)) {
    rn_lua_pushexact(L, key_number(states, count));
    return;
  }
  char *text = rn_lua_newuserdata(L, count);
  for (size_t i = 0; i < count; i++) text[i] = states[i] & TAKES_PART ? '1' : '0';
  lua_pushlstring(L, text, count);
  lua_replace(L, -2);
}

/* [-0, +1..] The key, then the positions that are left to Lua, in order. Returns how many values. */
static int push_outcome(lua_State *L, const unsigned char *states, size_t count) {
  int pushed = 1;
  push_key(L, states, count);
  for (size_t i = 0; i < count; i++) {
    if (RN_LIKELY(!(states[i] & LEFT_TO_LUA))) continue;
    luaL_checkstack(L, LUA_MINSTACK, "too many fields");
    push_position(L, i);
    pushed++;
  }
  return pushed;
}

/* What becomes of field i of the table at `row`, a new row, when its value is on top. */
static unsigned char given_state(lua_State *L, int env, size_t i, const field *f) {
  if (RN_UNLIKELY(rn_lua_isnull(L, -1))) {
    if (f->generated || f->stamped) return 0;
    return f->nullable ? TAKES_PART : TAKES_PART | LEFT_TO_LUA;
  }
  return is_plain(L, env, i, f) ? TAKES_PART : TAKES_PART | LEFT_TO_LUA;
}

/* What becomes of field i of the table at `row`, a new row, that nobody gave. now: index of the time, or nil.
 */
static unsigned char absent_state(lua_State *L, int env, size_t i, const field *f, int row, int now) {
  if (f->stamped && !lua_isnil(L, now)) {
    lua_rawgeti(L, env, (int)i + 1);
    lua_pushvalue(L, now);
    lua_rawset(L, row);
    /* A type of another kind cuts times to what it holds. */
    return f->kind == PLAIN_INSTANT ? TAKES_PART : TAKES_PART | LEFT_TO_LUA;
  }
  return f->optional ? 0 : LEFT_TO_LUA;
}

/* ---- core.build ---- */

/* core.build(fields, given, metatable) -> new table with what is given | nil, a key that is no field */
static int core_build(lua_State *L) {
  enum { FIELDS = 1, GIVEN, META, ENV, ROW };
  const fields *self = check_fields(L, FIELDS);
  luaL_checktype(L, GIVEN, LUA_TTABLE);
  luaL_checktype(L, META, LUA_TTABLE);
  lua_settop(L, META);
  rn_lua_getenv(L, FIELDS);
  lua_createtable(L, 0, (int)self->count);
  lua_pushnil(L);
  while (lua_next(L, GIVEN)) { /* stack: ROW, key, value */
    bool known = lua_type(L, ROW + 1) == LUA_TSTRING;
    if (known) {
      lua_pushvalue(L, ROW + 1);
      lua_pushvalue(L, ROW + 1);
      lua_rawget(L, ENV);
      known = !lua_isnil(L, -1);
    }
    if (RN_UNLIKELY(!known)) {
      lua_pushnil(L);
      lua_pushvalue(L, ROW + 1);
      return 2;
    }
    lua_pushvalue(L, ROW + 2);
    lua_replace(L, -2);
    lua_rawset(L, ROW);
    lua_settop(L, ROW + 1);
  }
  lua_pushvalue(L, META);
  lua_setmetatable(L, ROW);
  return 1;
}

/* [-0, +0] `true` in the place of the time stands for now. */
static void read_now(lua_State *L, int now) {
  if (lua_type(L, now) != LUA_TBOOLEAN) return;
  rn_lua_push_now(L);
  lua_replace(L, now);
}

/* ---- core.create ---- */

/* The stack of create_row. */
enum { CREATE_FIELDS = 1, CREATE_GIVEN, CREATE_META, CREATE_NOW, CREATE_ENV };

/* [-0, +0] The field with the name at index, looked for from field `from` on; `count` when there is none.
 * Equal strings are one string, but for long ones. */
static size_t find_field(lua_State *L, const fields *self, int index, size_t from) {
  const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
  for (size_t i = from; i < self->count; i++)
    if (self->at[i].name == name) return i;
  for (size_t i = 0; i < from; i++)
    if (self->at[i].name == name) return i;
  int64_t position = (int64_t)self->count + 1;
  if (name) {
    lua_pushvalue(L, index);
    lua_rawget(L, CREATE_ENV);
    rn_lua_tointeger(L, -1, &position);
    lua_settop(L, -2);
  }
  return (size_t)position - 1;
}

/* [-0, +0] Copies what the table at CREATE_GIVEN has to the one at CREATE_ROW; false when Lua has to look at
 * it. */
static bool copy_given(lua_State *L, const fields *self, int given, int row, unsigned char *states) {
  int top = lua_gettop(L), name = top + 1;
  size_t i = 0;
  lua_pushnil(L);
  while (lua_next(L, given)) { /* stack: top, name, value */
    i = find_field(L, self, name, i);
    if (i >= self->count) return false;
    states[i] = given_state(L, CREATE_ENV, i, &self->at[i]);
    if (states[i] & LEFT_TO_LUA) return false;
    lua_pushvalue(L, name);
    lua_pushvalue(L, name + 1);
    lua_rawset(L, row);
    lua_settop(L, name);
  }
  lua_settop(L, top);
  return true;
}

/* [-0, +0] Gives the row what nobody gave; false when Lua has to. */
static bool complete_row(lua_State *L, const fields *self, int row, unsigned char *states) {
  for (size_t i = 0; i < self->count; i++) {
    const field *f = &self->at[i];
    if (RN_LIKELY(states[i])) continue;
    if (RN_UNLIKELY(f->computed || f->defaulted)) {
      lua_rawgeti(L, CREATE_ENV, (int)i + 1);
      lua_rawget(L, row);
      bool null = !lua_isnil(L, -1);
      lua_settop(L, -2);
      if (!null && f->computed) return false;
      if (!null) {
        lua_rawgeti(L, CREATE_ENV, (int)i + 1);
        lua_rawgeti(L, CREATE_ENV, -((int)(self->count + i) + 1));
        states[i] = given_state(L, CREATE_ENV, i, f);
        lua_rawset(L, row);
        if (states[i] & LEFT_TO_LUA) return false;
        continue;
      }
    }
    states[i] = absent_state(L, CREATE_ENV, i, f, row, CREATE_NOW);
    if (states[i] & LEFT_TO_LUA) return false;
  }
  return true;
}

/* [-0, +0..1] The new row for what is at `given`; false, and nothing of use pushed, when it is Lua's to make.
 */
static bool create_row(lua_State *L, const fields *self, int given, unsigned char *states) {
  if (!lua_istable(L, given)) return false;
  memset(states, 0, self->count);
  lua_createtable(L, 0, (int)self->count);
  int row = lua_gettop(L);
  if (!copy_given(L, self, given, row, states) || !complete_row(L, self, row, states)) return false;
  lua_pushvalue(L, CREATE_META);
  lua_setmetatable(L, row);
  return true;
}

/* core.create(fields, given, metatable, now, true or nil) -> row, key | nil: build and collect in one, for a
 * row that is known to be right as it is given */
static int core_create(lua_State *L) {
  const fields *self = check_fields(L, CREATE_FIELDS);
  luaL_checktype(L, CREATE_META, LUA_TTABLE);
  lua_settop(L, CREATE_NOW);
  read_now(L, CREATE_NOW);
  rn_lua_getenv(L, CREATE_FIELDS);
  unsigned char room[STATES_INLINE], *states = new_states(L, self->count, room);
  if (!create_row(L, self, CREATE_GIVEN, states)) return 0;
  push_key(L, states, self->count);
  return 2;
}

/* Rows of a list by the attributes that take part. The sets that occur are few, so that they are searched one
 * by one, the last one first. */
typedef struct groups {
  int count, last;
  int64_t keys[GROUPS_MAX];
  int sizes[GROUPS_MAX];
} groups;

/* [-1, +0] Appends the row on top to the list of its group, in the list of lists at `lists`; false when there
 * are too many groups. */
static bool group_row(lua_State *L, groups *g, int64_t key, int lists) {
  int at = g->last;
  if (at >= g->count || g->keys[at] != key) {
    for (at = 0; at < g->count && g->keys[at] != key;) at++;
  }
  if (RN_UNLIKELY(at == GROUPS_MAX)) return false;
  if (RN_UNLIKELY(at == g->count)) {
    g->keys[at] = key;
    g->sizes[at] = 0;
    g->count++;
    lua_newtable(L);
    lua_rawseti(L, lists, at + 1);
  }
  lua_rawgeti(L, lists, at + 1);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, ++g->sizes[at]);
  lua_settop(L, -3);
  g->last = at;
  return true;
}

/* core.create_all(fields, list, metatable, now, true or nil) -> rows, keys, the rows of each key | nil: the
 * same for a list. */
static int core_create_all(lua_State *L) {
  const fields *self = check_fields(L, CREATE_FIELDS);
  luaL_checktype(L, CREATE_GIVEN, LUA_TTABLE);
  luaL_checktype(L, CREATE_META, LUA_TTABLE);
  lua_settop(L, CREATE_NOW);
  if (self->count > NUMERIC_KEY_MAX) return 0;
  read_now(L, CREATE_NOW);
  rn_lua_getenv(L, CREATE_FIELDS);
  unsigned char states[NUMERIC_KEY_MAX];
  groups g = {0};
  int count = (int)rn_lua_rawlen(L, CREATE_GIVEN), rows = lua_gettop(L) + 1;
  lua_createtable(L, count, 0);
  lua_newtable(L);
  lua_newtable(L); /* stack: rows, keys, lists */
  for (int r = 1; r <= count; r++) {
    lua_rawgeti(L, CREATE_GIVEN, r);
    if (!create_row(L, self, rows + 3, states)) return 0;
    lua_pushvalue(L, -1);
    lua_rawseti(L, rows, r);
    if (!group_row(L, &g, key_number(states, self->count), rows + 2)) return 0;
    lua_settop(L, rows + 2);
  }
  for (int i = 0; i < g.count; i++) {
    rn_lua_pushexact(L, g.keys[i]);
    lua_rawseti(L, rows + 1, i + 1);
  }
  return 3;
}

/* ---- core.collect ---- */

/* core.collect(fields, row, now, true or nil) -> key, positions that Lua has to look at ...
 * The row is about to be inserted. What has the time of the insert gets it. */
static int core_collect(lua_State *L) {
  enum { FIELDS = 1, ROW, NOW, ENV, STATES };
  const fields *self = check_fields(L, FIELDS);
  luaL_checktype(L, ROW, LUA_TTABLE);
  lua_settop(L, NOW);
  read_now(L, NOW);
  rn_lua_getenv(L, FIELDS);
  unsigned char room[STATES_INLINE], *states = new_states(L, self->count, room);
  for (size_t i = 0; i < self->count; i++) {
    const field *f = &self->at[i];
    lua_rawgeti(L, ENV, (int)i + 1);
    lua_rawget(L, ROW);
    if (!lua_isnil(L, -1)) states[i] = given_state(L, ENV, i, f);
    if (!states[i]) states[i] = absent_state(L, ENV, i, f, ROW, NOW);
    lua_settop(L, STATES);
  }
  return push_outcome(L, states, self->count);
}

/* ---- core.dirty ---- */

/* Whether the layout's columns are the fields, in their order. */
static bool layout_fits(lua_State *L, const fields *self, int env, const rn_lua_view *view) {
  const rn_lua_layout *layout = view->layout;
  if (RN_LIKELY(layout->fits == self->number)) return true;
  if (layout->count != self->count) return false;
  for (int i = 1; i <= (int)self->count; i++) {
    lua_rawgeti(L, env, i);
    lua_rawgeti(L, view->table, i);
    bool same = lua_rawequal(L, -1, -2) && !layout->columns[i - 1].skip;
    lua_settop(L, -3);
    if (!same) return false;
  }
  ((rn_lua_layout *)(uintptr_t)layout)->fits = self->number;
  return true;
}

/* [-0, +0] Whether the table at `table` has the key at `key`. */
static bool has_key(lua_State *L, int table, int key) {
  lua_pushvalue(L, key);
  lua_rawget(L, table);
  bool found = !lua_isnil(L, -1);
  lua_settop(L, -2);
  return found;
}

static size_t count_fields(lua_State *L, int row) {
  size_t count = 0;
  lua_pushnil(L);
  while (lua_next(L, row)) {
    lua_settop(L, -2);
    count++;
  }
  return count;
}

/* Whether everything in the row at `row`, of which `expected` are attributes, is an attribute or in `others`.
 */
static bool all_known(lua_State *L, int row, int env, int others, size_t expected) {
  if (RN_LIKELY(count_fields(L, row) == expected)) return true;
  int top = lua_gettop(L), key = top + 1;
  bool known = true;
  lua_pushnil(L);
  while (known && lua_next(L, row)) {
    bool named = lua_type(L, key) == LUA_TSTRING; /* the environment has positions too */
    known = (named && has_key(L, env, key)) || has_key(L, others, key);
    lua_settop(L, key);
  }
  lua_settop(L, top);
  return known;
}

/* [-0, +0] Compares the row at `row` with its view. Enters what changed into states and a new table, which
 * takes the place of the nil at `values`. Returns how many attributes the row has. */
static size_t compare(lua_State *L, const fields *self, const rn_lua_view *view, int row, int env, int equal,
                      int values, unsigned char *states) {
  int top = lua_gettop(L);
  size_t present = 0;
  for (size_t i = 0; i < self->count; i++) {
    lua_rawgeti(L, env, (int)i + 1);
    lua_rawget(L, row);
    present += !lua_isnil(L, -1);
    if (rn_lua_view_differs(L, view, i, equal)) {
      bool null = rn_lua_isnull(L, -1);
      bool fine = null ? self->at[i].nullable : is_plain(L, env, i, &self->at[i]);
      states[i] = fine ? TAKES_PART : TAKES_PART | LEFT_TO_LUA;
      if (lua_isnil(L, values)) {
        lua_createtable(L, 0, 4);
        lua_replace(L, values);
      }
      lua_rawgeti(L, env, (int)i + 1);
      if (null)
        lua_pushlightuserdata(L, NULL);
      else
        lua_pushvalue(L, top + 1);
      lua_rawset(L, values);
    }
    lua_settop(L, top);
  }
  return present;
}

/* [-0, +0] Adds the values of the row's key to those at `values`; false when it has none, or another one than
 * it was read with. */
static bool add_key(lua_State *L, const fields *self, int row, int env, int values,
                    const unsigned char *states) {
  bool found = false;
  for (size_t i = 0; i < self->count; i++) {
    if (RN_LIKELY(!self->at[i].key)) continue;
    lua_rawgeti(L, env, (int)i + 1);
    lua_pushvalue(L, -1);
    lua_rawget(L, row);
    if (states[i] || rn_lua_isnull(L, -1)) return false;
    lua_rawset(L, values);
    found = true;
  }
  return found;
}

/* core.dirty(fields, row, others, equal) -> nil: nothing changed; false: Lua has to find out; or a table of
 * the changed values (null for NULL) and the row's key, the key of a plan, positions that Lua has to look at
 * ... others: names of the row's fields that are no attributes. equal: as for core.changed. */
static int core_dirty(lua_State *L) {
  enum { FIELDS = 1, ROW, OTHERS, EQUAL, ENV, VALUES };
  const fields *self = check_fields(L, FIELDS);
  luaL_checktype(L, OTHERS, LUA_TTABLE);
  lua_settop(L, EQUAL);
  rn_lua_getenv(L, FIELDS);
  lua_pushnil(L);
  unsigned char states_room[STATES_INLINE], *states = new_states(L, self->count, states_room);
  rn_value room[RN_LUA_VIEW_CELLS];
  rn_lua_view view;
  rn_lua_view_open(L, ROW, room, &view);
  bool known = layout_fits(L, self, ENV, &view) &&
               all_known(L, ROW, ENV, OTHERS, compare(L, self, &view, ROW, ENV, EQUAL, VALUES, states));
  if (!known) {
    lua_pushboolean(L, 0);
    return 1;
  }
  if (lua_isnil(L, VALUES)) return 0;
  lua_pushvalue(L, VALUES);
  if (!add_key(L, self, ROW, ENV, VALUES, states)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  return 1 + push_outcome(L, states, self->count);
}

const luaL_Reg rn_lua_collect_functions[] = {{"fields", core_fields},
                                             {"build", core_build},
                                             {"create", core_create},
                                             {"create_all", core_create_all},
                                             {"collect", core_collect},
                                             {"dirty", core_dirty},
                                             {NULL, NULL}};
