/* Joined answers: a row of the answer holds the columns of several tables, each a segment, and becomes as
 * many Lua tables, one put into a field of another. rn_lua_segments_read is called by l_statement.c when a
 * statement is made, rn_lua_join_read by l_rows.c for an answer of such a statement.
 *
 * Segment 0 is the root. A segment's tables are numbered from 1 as they are first met; where the same one can
 * be met in several rows of the answer, a catalog finds its number by its keys. What belongs to one answer
 * (catalogs, packed rows) is in an rn_lua_join that the caller of hydration frees, whatever was raised. */
#include "lua/binding.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/lru.h"

/* Immutable. */
typedef struct segment {
  int first, count; /* its columns; first is 0-based */
  int parent;       /* an earlier segment */
  int fields;       /* how many segments have this one as their parent */
  const int *keys;  /* 0-based columns that identify its row */
  int key_count;
  bool many, fold, plain;
  bool keyed;  /* its row may have been met already, which its keys tell */
  bool recurs; /* a later row of the answer may have more for its table */
} segment;

/* Userdata without a finaliser, [0] of the table that is ["segments"] of a layout's. There too: [2k] the key
 * of segment k, [2k+1] the table of its layout, [-1-k] its keys. */
typedef struct rn_lua_segments {
  int count; /* with the root */
  segment at[];
} rn_lua_segments;

/* ---- reading what a statement says ---- */

typedef struct parse {
  lua_State *L;
  rn_lua_layout *layout; /* of all columns; its table is at `table` */
  rn_lua_segments *segments;
  int table, kept; /* kept: the table of the segments */
} parse;

/* A field of the segment on top. */
static int integer_field(lua_State *L, const char *name, int64_t least, int64_t most) {
  int64_t number = 0;
  lua_getfield(L, -1, name);
  if (!rn_lua_tointeger(L, -1, &number) || number < least || number > most) {
    luaL_argerror(L, 3, lua_pushfstring(L, "a segment's %s is missing or out of range", name));
  }
  lua_settop(L, -2);
  return (int)number;
}

static bool boolean_field(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  bool set = lua_toboolean(L, -1);
  lua_settop(L, -2);
  return set;
}

/* [-1, +0] The numbers of columns in the sequence on top become the keys of segment k. */
static void read_keys(const parse *p, int k) {
  lua_State *L = p->L;
  segment *s = &p->segments->at[k];
  luaL_argcheck(L, lua_istable(L, -1), 3, "keys and fold must be sequences of column numbers");
  int list = lua_gettop(L);
  size_t count = rn_lua_rawlen(L, list);
  luaL_argcheck(L, count <= p->layout->count, 3, "too many keys");
  int *keys = rn_lua_newuserdata(L, (count + 1) * sizeof *keys);
  for (size_t i = 0; i < count; i++) {
    int64_t column = 0;
    lua_rawgeti(L, list, (int)i + 1);
    bool valid = rn_lua_tointeger(L, -1, &column) && column >= 1 && column <= (int64_t)p->layout->count;
    luaL_argcheck(L, valid, 3, "a key must be the number of a column");
    keys[i] = (int)column - 1;
    lua_settop(L, -2);
  }
  s->keys = keys;
  s->key_count = (int)count;
  lua_rawseti(L, p->kept, -1 - k);
  lua_settop(L, list - 1);
}

/* Whether the layout, whose table is on top, describes the same columns as the slice, whose table is below.
 */
static bool describes(lua_State *L, const rn_lua_layout *layout, const rn_lua_layout *slice) {
  int top = lua_gettop(L);
  bool same = layout->count == slice->count;
  for (size_t c = 0; same && c < slice->count; c++) {
    const rn_lua_column *a = &layout->columns[c], *b = &slice->columns[c];
    lua_rawgeti(L, top - 1, (int)c + 1);
    lua_rawgeti(L, top, (int)c + 1);
    same = a->code == b->code && a->scale == b->scale && !a->load == !b->load && lua_rawequal(L, -1, -2);
    lua_settop(L, top);
  }
  return same;
}

/* The layout of segment k alone: the one in the field `layout` of the table at `given` (0: there is none), or
 * a new one. Columns of equal keys are those within a segment. */
static void set_layout(const parse *p, int k, int given) {
  lua_State *L = p->L;
  const segment *s = &p->segments->at[k];
  int top = lua_gettop(L);
  const rn_lua_layout *slice = rn_lua_layout_slice(L, p->table, p->layout, s->first, s->count);
  for (int c = 0; c < s->count; c++) p->layout->columns[s->first + c].skip = slice->columns[c].skip;
  if (given) {
    lua_getfield(L, given, "layout");
    if (!lua_isnil(L, -1)) {
      const rn_lua_statement *statement = rn_lua_test(L, top + 2, RN_UP_STATEMENT);
      luaL_argcheck(L, statement && statement->typed, 3,
                    "a segment's layout must be a statement with columns");
      const rn_lua_layout *layout = rn_lua_layout_typed(L, top + 2);
      lua_replace(L, top + 2);
      luaL_argcheck(L, describes(L, layout, slice), 3, "a segment's layout must describe its columns");
      lua_replace(L, top + 1);
    }
    lua_settop(L, top + 1);
  }
  lua_rawseti(L, p->kept, 2 * k + 1);
}

/* Segment k, whose table is on top. */
static void read_segment(const parse *p, int k) {
  lua_State *L = p->L;
  segment *all = p->segments->at, *s = &all[k];
  int spec = lua_gettop(L), before = all[k - 1].first + all[k - 1].count, last = (int)p->layout->count;
  luaL_argcheck(L, lua_istable(L, spec), 3, "every segment must be a table");
  s->first = integer_field(L, "first", 1, last + 1) - 1;
  luaL_argcheck(L, s->first == before, 3, "segments must be consecutive");
  s->count = integer_field(L, "count", 0, last - s->first);
  s->parent = integer_field(L, "parent", 0, k - 1);
  s->many = boolean_field(L, "many");
  s->fold = boolean_field(L, "fold");
  s->plain = boolean_field(L, "plain");
  lua_getfield(L, spec, "keys");
  read_keys(p, k);
  luaL_argcheck(L, !s->many || all[0].fold, 3, "a segment can be many only when the root is folded");
  s->keyed = s->fold || (s->many && s->key_count > 0);
  s->recurs = s->fold || all[s->parent].recurs;
  all[s->parent].fields++;
  lua_getfield(L, spec, "key");
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 3, "every segment must have a key that is a string");
  lua_rawseti(L, p->kept, 2 * k);
  set_layout(p, k, spec);
}

/* The root, whose fold is at the index `fold`; the table of the first segment, or nil, is on top. */
static void read_root(const parse *p, int fold) {
  lua_State *L = p->L;
  segment *root = &p->segments->at[0];
  int columns = (int)p->layout->count;
  root->count = lua_istable(L, -1) ? integer_field(L, "first", 1, columns + 1) - 1 : columns;
  root->fold = root->keyed = root->recurs = !lua_isnil(L, fold);
  if (root->fold) {
    lua_pushvalue(L, fold);
    read_keys(p, 0);
  }
  set_layout(p, 0, 0);
}

void rn_lua_segments_read(lua_State *L, int columns, int table, rn_lua_layout *layout) {
  int top = lua_gettop(L);
  lua_getfield(L, columns, "segments");
  lua_getfield(L, columns, "fold");
  int list = top + 1, fold = top + 2;
  luaL_argcheck(L, lua_isnil(L, list) || lua_istable(L, list), 3, "segments must be a sequence");
  size_t count = lua_isnil(L, list) ? 0 : rn_lua_rawlen(L, list);
  luaL_argcheck(L, count <= 1000, 3, "too many segments");
  if (count == 0 && lua_isnil(L, fold)) {
    lua_settop(L, top);
    return;
  }
  parse p = {.L = L, .layout = layout, .table = table, .kept = top + 3};
  lua_newtable(L);
  size_t size = sizeof *p.segments + (count + 1) * sizeof *p.segments->at;
  p.segments = memset(rn_lua_newuserdata(L, size), 0, size);
  p.segments->count = (int)count + 1;
  lua_rawseti(L, p.kept, 0);
  for (int k = 0; k <= (int)count; k++) {
    if (count) {
      lua_rawgeti(L, list, k ? k : 1);
    } else {
      lua_pushnil(L);
    }
    if (k) {
      read_segment(&p, k);
    } else {
      read_root(&p, fold);
    }
    lua_settop(L, p.kept);
  }
  const segment *last = &p.segments->at[count];
  luaL_argcheck(L, last->first + last->count == (int)layout->count, 3, "segments must cover all columns");
  lua_pushliteral(L, "segments");
  lua_insert(L, p.kept);
  lua_rawset(L, table);
  layout->segments = p.segments;
  lua_settop(L, top);
}

/* ---- catalogs: bytes -> numbers from 1, in the order in which they came ---- */

typedef struct entry {
  uint64_t hash;
  size_t start, size; /* of the key, in `keys` */
} entry;

/* Zeroed is empty. */
typedef struct catalog {
  rn_buf keys; /* of all entries, one behind the other */
  entry *entries;
  uint32_t *slots; /* numbers of entries by hash, 0 where free; twice the capacity */
  size_t count, capacity;
} catalog;

static bool catalog_is(const catalog *c, size_t number, const char *key, size_t size) {
  const entry *e = &c->entries[number - 1];
  return e->size == size && memcmp(c->keys.data + e->start, key, size) == 0;
}

/* The slot of the key, or the free one where it belongs. */
static uint32_t *catalog_slot(const catalog *c, const char *key, size_t size, uint64_t hash) {
  size_t mask = 2 * c->capacity - 1, i = (size_t)(hash ^ hash >> 32) & mask;
  for (;; i = (i + 1) & mask) {
    uint32_t number = c->slots[i];
    if (!number) break;
    if (key && c->entries[number - 1].hash == hash && catalog_is(c, number, key, size)) break;
  }
  return &c->slots[i];
}

static bool catalog_grow(catalog *c) {
  size_t capacity = c->capacity ? 2 * c->capacity : 16;
  if (capacity > INT_MAX / 2) return false;
  entry *entries = realloc(c->entries, capacity * sizeof *entries);
  if (!entries) return false;
  c->entries = entries;
  uint32_t *slots = calloc(2 * capacity, sizeof *slots);
  if (!slots) return false;
  free(c->slots);
  c->slots = slots;
  c->capacity = capacity;
  for (size_t i = 0; i < c->count; i++) {
    *catalog_slot(c, NULL, 0, entries[i].hash) = (uint32_t)i + 1;
  }
  return true;
}

/* The number of a key, which is added when it is new; 0 when memory ran out. The key is not of the catalog's.
 */
static int catalog_number(catalog *c, const char *key, size_t size, bool *fresh) {
  *fresh = false;
  uint64_t hash = rn_hash(key, size);
  if (c->count == c->capacity && !catalog_grow(c)) return 0;
  uint32_t *slot = catalog_slot(c, key, size, hash);
  if (*slot) return (int)*slot;
  size_t start = c->keys.size;
  rn_buf_add(&c->keys, key, size);
  if (c->keys.failed) return 0;
  c->entries[c->count] = (entry){.hash = hash, .start = start, .size = size};
  *slot = (uint32_t)++c->count;
  *fresh = true;
  return (int)c->count;
}

static void catalog_free(catalog *c) {
  rn_buf_free(&c->keys);
  free(c->entries);
  free(c->slots);
}

/* ---- one answer ---- */

/* What a node has on the Lua stack. */
enum {
  CURRENT,  /* its table, when that was made for this row of the answer */
  META,     /* metatable of the chunk under way */
  TEMPLATE, /* false: plain tables */
  LAYOUT,
  KEY,    /* the field of the parent */
  TABLES, /* folded: number -> table */
  LISTS,  /* many: number of the parent -> sequence */
  SLOTS
};

/* A segment while an answer is read. */
typedef struct node {
  const segment *segment;
  int slots; /* stack index of CURRENT */

  /* in this row of the answer */
  bool absent; /* a key is NULL */
  bool fresh;  /* the table was made for it */
  int number;  /* of the table, 0 for none */
  size_t key_start, key_size;

  int made;      /* tables, when it is not keyed */
  catalog known; /* its rows */
  catalog pairs; /* many and folded: parent and row, of those that are in a sequence already */
  int *held;     /* by number of the parent: to-one: the number of its table; many: length of the sequence */
  size_t held_capacity;

  bool tracked;
  int template_fields; /* how many fields the template has */
  int chunk;           /* rows packed and not yet in a snapshot */
  rn_rows rows;
  const void *identities[RN_LUA_CHUNK_ROWS];
} node;

typedef struct rn_lua_join {
  rn_buf keys; /* of all nodes for this row, as read before any cell is converted */
  int count;
  node nodes[];
} rn_lua_join;

void rn_lua_join_free(rn_lua_join *join) {
  for (int k = 0; k < join->count; k++) {
    node *n = &join->nodes[k];
    catalog_free(&n->known);
    catalog_free(&n->pairs);
    free(n->held);
    rn_rows_free(&n->rows);
  }
  rn_buf_free(&join->keys);
  free(join);
}

static bool no_memory(rn_lua_reader *r) {
  rn_error_set(&r->frame->err, RN_E_MEMORY, "out of memory");
  return false;
}

/* [-0, +1] What the rows of segment k are made from: false, or a table. True for a table. */
static bool push_template(rn_lua_reader *r, const segment *s, int k) {
  lua_State *L = r->L;
  if (r->tracked && !s->plain) {
    lua_rawgeti(L, RN_AT_TEMPLATE, k + 1);
    if (lua_toboolean(L, -1)) {
      if (!lua_istable(L, -1)) luaL_error(L, "template %d must be a table or false", k + 1);
      return true;
    }
    lua_settop(L, -2);
  }
  lua_pushboolean(L, 0);
  return false;
}

/* [-0, +..] Pushes the slots of every node; NULL when memory ran out. */
static rn_lua_join *join_begin(rn_lua_reader *r) {
  lua_State *L = r->L;
  const rn_lua_segments *segments = r->layout->segments;
  size_t size = sizeof(rn_lua_join) + (size_t)segments->count * sizeof(node);
  rn_lua_join *join = r->frame->join = calloc(1, size);
  if (!join) return NULL;
  join->count = segments->count;
  luaL_checkstack(L, segments->count * SLOTS + LUA_MINSTACK, "too many segments");
  lua_pushliteral(L, "segments");
  lua_rawget(L, RN_AT_LAYOUT);
  int kept = lua_gettop(L);
  for (int k = 0; k < join->count; k++) {
    node *n = &join->nodes[k];
    const segment *s = n->segment = &segments->at[k];
    n->rows.columns = (size_t)s->count;
    n->template_fields = r->frame->scratch->template_fields;
    n->slots = lua_gettop(L) + 1;
    lua_pushnil(L);
    lua_pushnil(L);
    n->tracked = push_template(r, s, k);
    lua_rawgeti(L, kept, 2 * k + 1);
    lua_rawgeti(L, kept, 2 * k);
    lua_pushnil(L);
    lua_pushnil(L);
    if (k > 0 && s->fold) {
      lua_newtable(L);
      lua_replace(L, n->slots + TABLES);
    }
    if (s->many) {
      lua_newtable(L);
      lua_replace(L, n->slots + LISTS);
    }
  }
  return join;
}

/* ---- keys ---- */

/* What precedes the cells of a key: the number of the parent where that matters, so that equal keys of two
 * parents differ. */
#define SCOPE_BYTES sizeof(int)

/* Kind and 8 bytes for each cell, then the bytes of text: no two keys look the same, and no kind looks like
 * another. */
static bool pack_key(rn_buf *keys, const segment *s, const rn_value *cells) {
  size_t need = SCOPE_BYTES;
  for (int i = 0; i < s->key_count; i++) {
    const rn_value *cell = &cells[s->keys[i]];
    size_t size = 1 + sizeof(uint64_t);
    if (cell->kind == RN_TEXT || cell->kind == RN_BLOB) size += cell->u.s.size;
    if (size > SIZE_MAX / 2 - need) return false;
    need += size;
  }
  char *at = rn_buf_reserve(keys, need);
  if (!at) return false;
  memset(at, 0, SCOPE_BYTES);
  at += SCOPE_BYTES;
  for (int i = 0; i < s->key_count; i++) {
    const rn_value *cell = &cells[s->keys[i]];
    bool text = cell->kind == RN_TEXT || cell->kind == RN_BLOB;
    uint64_t payload = 0;
    if (text) {
      payload = cell->u.s.size;
    } else if (cell->kind != RN_NULL) {
      memcpy(&payload, &cell->u, sizeof payload);
    }
    *at++ = (char)cell->kind;
    memcpy(at, &payload, sizeof payload);
    at += sizeof payload;
    if (text && cell->u.s.size) {
      memcpy(at, cell->u.s.bytes, cell->u.s.size);
      at += cell->u.s.size;
    }
  }
  keys->size += need;
  return true;
}

/* Looks at the keys of every node for this row of the answer. They come first, because a key may be another
 * segment's column, which is converted when that one's table is made. */
static bool look_at_keys(rn_lua_join *join, const rn_value *cells) {
  rn_buf_reset(&join->keys);
  for (int k = 0; k < join->count; k++) {
    node *n = &join->nodes[k];
    const segment *s = n->segment;
    n->absent = false;
    for (int i = 0; k > 0 && i < s->key_count; i++) {
      if (cells[s->keys[i]].kind == RN_NULL) n->absent = true;
    }
    if (!s->keyed || n->absent) continue;
    n->key_start = join->keys.size;
    if (!pack_key(&join->keys, s, cells)) return false;
    n->key_size = join->keys.size - n->key_start;
  }
  return true;
}

/* ---- tables ---- */

static void end_chunk(rn_lua_reader *r, node *n) {
  rn_lua_snapshot_pack(r->L, &n->rows, n->identities, n->slots + LAYOUT);
  lua_rawseti(r->L, n->slots + META, 1);
  n->chunk = 0;
}

/* Gives the table at `row` its metatable and packs its cells. */
static bool track(rn_lua_reader *r, node *n, int row) {
  lua_State *L = r->L;
  if (n->chunk == 0) {
    rn_lua_template_copy(L, n->slots + TEMPLATE, &n->template_fields);
    lua_replace(L, n->slots + META);
    n->rows.count = 0;
    rn_buf_reset(&n->rows.bytes);
  }
  if (rn_rows_add(&n->rows, r->cells + n->segment->first) != RN_OK) return no_memory(r);
  n->identities[n->chunk++] = lua_topointer(L, row);
  lua_pushvalue(L, n->slots + META);
  lua_setmetatable(L, row);
  if (n->chunk == RN_LUA_CHUNK_ROWS) end_chunk(r, n);
  return true;
}

/* Makes the table of a row that was not met before. */
static bool make_table(rn_lua_reader *r, node *n) {
  lua_State *L = r->L;
  const segment *s = n->segment;
  lua_createtable(L, 0, s->count + s->fields);
  int row = lua_gettop(L);
  if (!rn_lua_read_cells(r, (size_t)s->first, (size_t)(s->first + s->count), row)) return false;
  if (n->tracked && !track(r, n, row)) return false;
  if (!lua_isnil(L, n->slots + TABLES)) {
    lua_pushvalue(L, row);
    lua_rawseti(L, n->slots + TABLES, n->number);
  }
  lua_replace(L, n->slots + CURRENT);
  return true;
}

/* Finds the number of the row, which is not absent; makes its table when it is new. */
static bool find_table(rn_lua_reader *r, node *n) {
  const segment *s = n->segment;
  if (s->keyed) {
    rn_lua_join *join = r->frame->join;
    char *key = join->keys.data + n->key_start;
    if (!s->fold) memcpy(key, &join->nodes[s->parent].number, SCOPE_BYTES);
    n->number = catalog_number(&n->known, key, n->key_size, &n->fresh);
    if (!n->number) return no_memory(r);
  } else {
    n->number = ++n->made;
    n->fresh = true;
  }
  return !n->fresh || make_table(r, n);
}

/* [-0, +1] The table of the node in this row of the answer. */
static void push_table(lua_State *L, const node *n) {
  if (n->fresh) {
    lua_pushvalue(L, n->slots + CURRENT);
  } else {
    lua_rawgeti(L, n->slots + TABLES, n->number);
  }
}

/* ---- putting one into another ---- */

/* A new table of the parent holds nothing yet. */
static bool hold_nothing(rn_lua_reader *r, node *n, const node *parent) {
  size_t number = (size_t)parent->number;
  if (number >= n->held_capacity) {
    size_t capacity = number < 8 ? 16 : 2 * number;
    int *held = capacity <= SIZE_MAX / sizeof *held ? realloc(n->held, capacity * sizeof *held) : NULL;
    if (!held) return no_memory(r);
    n->held = held;
    n->held_capacity = capacity;
  }
  n->held[number] = 0;
  return true;
}

/* The one table of a parent: found and put there once, when the parent is new. */
static bool meet_one(rn_lua_reader *r, node *n, const node *parent) {
  lua_State *L = r->L;
  bool recurs = parent->segment->recurs;
  if (!parent->fresh) {
    n->number = n->held[parent->number];
    return true;
  }
  if (recurs && !hold_nothing(r, n, parent)) return false;
  if (n->absent) return true;
  if (!find_table(r, n)) return false;
  if (recurs) n->held[parent->number] = n->number;
  lua_pushvalue(L, n->slots + KEY);
  push_table(L, n);
  lua_rawset(L, parent->slots + CURRENT);
  return true;
}

/* One of the many tables of a parent: appended when the parent has not got it yet. */
static bool meet_many(rn_lua_reader *r, node *n, const node *parent) {
  lua_State *L = r->L;
  if (parent->fresh) {
    if (!hold_nothing(r, n, parent)) return false;
    lua_pushvalue(L, n->slots + KEY);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, n->slots + LISTS, parent->number);
    lua_rawset(L, parent->slots + CURRENT);
  }
  if (n->absent) return true;
  if (!find_table(r, n)) return false;
  bool missing = n->fresh;
  if (n->segment->fold) {
    int pair[2] = {parent->number, n->number};
    if (!catalog_number(&n->pairs, (const char *)pair, sizeof pair, &missing)) return no_memory(r);
  }
  if (!missing) return true;
  lua_rawgeti(L, n->slots + LISTS, parent->number);
  push_table(L, n);
  lua_rawseti(L, -2, ++n->held[parent->number]);
  lua_settop(L, -2);
  return true;
}

/* The tables behind the root's. */
static bool meet_segments(rn_lua_reader *r) {
  rn_lua_join *join = r->frame->join;
  for (int k = 1; k < join->count; k++) {
    node *n = &join->nodes[k];
    const node *parent = &join->nodes[n->segment->parent];
    n->number = 0;
    n->fresh = false;
    if (!parent->number) continue;
    if (!(n->segment->many ? meet_many(r, n, parent) : meet_one(r, n, parent))) return false;
  }
  return true;
}

/* Whether this row of the answer is not of the first root, when that is the only one wanted. */
static bool of_another_root(const rn_lua_join *join) {
  const node *root = &join->nodes[0];
  if (!root->segment->fold) return true;
  return !catalog_is(&root->known, 1, join->keys.data + root->key_start, root->key_size);
}

bool rn_lua_join_read(rn_lua_reader reader) {
  rn_lua_reader *r = &reader;
  lua_State *L = r->L;
  rn_lua_frame *frame = r->frame;
  rn_result *result = frame->result;
  rn_lua_join *join = join_begin(r);
  if (!join) return no_memory(r);
  node *root = &join->nodes[0];
  if (root->segment->fold && !frame->single) {
    lua_newtable(L); /* instead of one with room for every row of the answer */
    lua_replace(L, RN_AT_ROWS);
  }
  int roots = 0;
  int64_t rows = 0;
  rn_row got;
  while ((got = result->ops->next(result, r->cells, &frame->err)) == RN_ROW) {
    if (!look_at_keys(join, r->cells)) return no_memory(r);
    if (frame->single && roots && of_another_root(join)) continue;
    if (r->scribbled) {
      rn_arena_reset(&frame->scratch->text);
      r->scribbled = false;
    }
    if (!find_table(r, root) || !meet_segments(r)) return false;
    if (root->fresh) {
      lua_pushvalue(L, root->slots + CURRENT);
      roots++;
      if (frame->single) {
        lua_replace(L, RN_AT_ROWS);
      } else {
        lua_rawseti(L, RN_AT_ROWS, roots);
      }
    }
    if (++rows == RN_LUA_REST_ROWS && !frame->stopped) rn_lua_rest_collector(L, frame);
  }
  for (int k = 0; k < join->count; k++) {
    if (join->nodes[k].chunk) end_chunk(r, &join->nodes[k]);
  }
  return got == RN_END;
}
