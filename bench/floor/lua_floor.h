/* `c-lua`: the floors as Lua 5.4 modules. Common to lua_postgres.c and lua_sqlite.c, each of which includes
 * this once.
 *
 * Every function of the module shares the row keys as upvalues, so that a key is interned once and costs a
 * copy: upvalues KEY_USER.. are the ten of a user, KEY_POST.. the six of a post and so on, KEY_POSTS is "posts". Rows
 * are plain tables made with room for their columns. Nothing is checked; a database error ends the program.
 */
#ifndef BENCH_LUA_FLOOR_H
#define BENCH_LUA_FLOOR_H

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#include "bench.h"

enum { USER_COLUMNS = 10, POST_COLUMNS = 6, PROFILE_COLUMNS = 4, TAG_COLUMNS = 3, LINK_COLUMNS = 3 };
enum {
  KEY_USER = 1,
  KEY_POST = KEY_USER + USER_COLUMNS,
  KEY_POSTS = KEY_POST + POST_COLUMNS,
  KEY_PROFILE,
  KEY_TAG = KEY_PROFILE + PROFILE_COLUMNS,
  KEY_LINK = KEY_TAG + TAG_COLUMNS,
  KEY_AUTHOR = KEY_LINK + LINK_COLUMNS,
  KEY_PROFILE_OF,
  KEY_TAGS,
  KEY_POST_TAG,
  KEYS = KEY_POST_TAG
};

/* What a column is turned into: integer, text, double, boolean, time (ISO text). In order of the columns. */
static const char user_kinds[USER_COLUMNS + 1] = "isssidbstt";
static const char post_kinds[POST_COLUMNS + 1] = "iissst";
static const char profile_kinds[PROFILE_COLUMNS + 1] = "iiss";
static const char tag_kinds[TAG_COLUMNS + 1] = "iss";
static const char link_kinds[LINK_COLUMNS + 1] = "iii";

static void set_module(lua_State *L, const luaL_Reg *functions) {
  static const char *const keys[KEYS] = {
      "id",        "firstName", "lastName", "email",  "age",         "score",   "isActive", "bio",
      "createdAt", "updatedAt", "id",       "userId", "title",       "content", "status",   "publishedAt",
      "posts",     "id",        "userId",   "bio",    "website",     "id",      "name",     "slug",
      "postId",    "tagId",     "relevance", "author", "profile",    "tags",    "PostTag",
  };
  lua_newtable(L);
  for (int k = 0; k < KEYS; k++) lua_pushstring(L, keys[k]);
  luaL_setfuncs(L, functions, KEYS);
}

/* [-0, +1] The field of the table at `row` whose key is upvalue `key`. */
static inline void get_key(lua_State *L, int row, int key) {
  lua_pushvalue(L, lua_upvalueindex(key));
  lua_rawget(L, row);
}

static inline void set_id(lua_State *L, int row, lua_Integer id) {
  lua_pushvalue(L, lua_upvalueindex(KEY_USER));
  lua_pushinteger(L, id);
  lua_rawset(L, row);
}

/* The user that a Lua table describes; the strings stay the table's. created_at and updated_at are the
 * clock's. */
typedef struct lua_user {
  const char *text[4]; /* first_name, last_name, email, bio or NULL */
  size_t size[4];
  int32_t age;
  double score;
  bool is_active;
} lua_user;

static inline void read_user(lua_State *L, int row, lua_user *u) {
  static const int text_keys[4] = {1, 2, 3, 7};
  for (int k = 0; k < 4; k++) {
    get_key(L, row, KEY_USER + text_keys[k]);
    u->text[k] = lua_tolstring(L, -1, &u->size[k]);
  }
  get_key(L, row, KEY_USER + 4);
  get_key(L, row, KEY_USER + 5);
  get_key(L, row, KEY_USER + 6);
  u->age = (int32_t)lua_tointeger(L, -3);
  u->score = lua_tonumber(L, -2);
  u->is_active = lua_toboolean(L, -1);
  lua_pop(L, 7);
}

/* From a parent's id to its place in the list of parents, for grouping children: open addressing, powers of
 * two. */
typedef struct id_map {
  struct id_slot {
    int64_t id;
    int place;
    int count;
  } * slots; /* place 0: free; count: children so far */
  size_t mask;
} id_map;

static struct id_slot *id_map_find(const id_map *m, int64_t id) {
  size_t k = (size_t)((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15) >> 20) & m->mask;
  while (m->slots[k].place && m->slots[k].id != id) k = (k + 1) & m->mask;
  return &m->slots[k];
}

static void id_map_open(id_map *m, size_t ids) {
  size_t size = 16;
  while (size < ids * 2) size *= 2;
  m->mask = size - 1;
  m->slots = calloc(size, sizeof *m->slots);
  if (!m->slots) bench_die("out of memory");
}

static void id_map_add(const id_map *m, int64_t id, int place) {
  *id_map_find(m, id) = (struct id_slot){.id = id, .place = place, .count = 0};
}

/* [-1, +0] Appends the child on the top to the list of its parent; `lists` holds each parent's list by place.
 */
static void id_map_append(lua_State *L, const id_map *m, int lists, int64_t parent_id) {
  struct id_slot *slot = id_map_find(m, parent_id);
  lua_rawgeti(L, lists, slot->place);
  lua_insert(L, -2);
  lua_rawseti(L, -2, ++slot->count);
  lua_pop(L, 1);
}

/* [-0, +0] Gives the parent on the top an empty list under the key, and `lists` the same at `place`. */
static void new_list(lua_State *L, int key, int lists, int place) {
  lua_createtable(L, 0, 0);
  lua_pushvalue(L, lua_upvalueindex(key));
  lua_pushvalue(L, -2);
  lua_rawset(L, -4);
  lua_rawseti(L, lists, place);
}

/* [-1, +0] Sets the field of the table below the value on the top. */
static inline void set_key(lua_State *L, int key) {
  lua_pushvalue(L, lua_upvalueindex(key));
  lua_insert(L, -2);
  lua_rawset(L, -3);
}

/* [-0, +1] Whether the author with the id is in the list at `authors`, and pushed. */
static bool push_known(lua_State *L, const id_map *m, int authors, int64_t id) {
  const struct id_slot *slot = id_map_find(m, id);
  if (slot->place) lua_rawgeti(L, authors, slot->place);
  return slot->place != 0;
}

/* [-0, +0] Adds the author on the top to the list. */
static void add_author(lua_State *L, const id_map *m, int authors, int64_t id) {
  int place = (int)lua_rawlen(L, authors) + 1;
  id_map_add(m, id, place);
  lua_pushvalue(L, -1);
  lua_rawseti(L, authors, place);
}

#endif
