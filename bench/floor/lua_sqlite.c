/* `c-lua` on SQLite; see lua_floor.h. Loaded by bench/peer.lua as floor_sqlite. */
#include "lite.h"
#include "lua_floor.h"

/* [-0, +1] One cell that is not NULL. */
static inline void push_cell(lua_State *L, sqlite3_stmt *s, int column, char kind) {
  char iso[BENCH_ISO_MAX];
  const char *text;
  switch (kind) {
  case 'i': lua_pushinteger(L, sqlite3_column_int64(s, column)); break;
  case 'd': lua_pushnumber(L, sqlite3_column_double(s, column)); break;
  case 'b': lua_pushboolean(L, sqlite3_column_int(s, column)); break;
  case 's':
    text = (const char *)sqlite3_column_text(s, column);
    lua_pushlstring(L, text, (size_t)sqlite3_column_bytes(s, column));
    break;
  default:
    text = (const char *)sqlite3_column_text(s, column);
    lua_pushlstring(L, iso, bench_iso_from_text(text, (size_t)sqlite3_column_bytes(s, column), iso));
    break;
  }
}

/* [-0, +1] The columns from `first` on of the row that the statement stands on, as a table with `room` fields;
 * keys from upvalue `first_key`. */
static void push_part(lua_State *L, sqlite3_stmt *s, int first, const char *kinds, int columns, int first_key,
                      int room) {
  lua_createtable(L, 0, room);
  for (int k = 0; k < columns; k++) {
    if (sqlite3_column_type(s, first + k) == SQLITE_NULL) continue;
    lua_pushvalue(L, lua_upvalueindex(first_key + k));
    push_cell(L, s, first + k, kinds[k]);
    lua_rawset(L, -3);
  }
}

static void push_row(lua_State *L, sqlite3_stmt *s, const char *kinds, int columns, int first_key, int room) {
  push_part(L, s, 0, kinds, columns, first_key, room);
}

/* [-0, +1] All rows as a list. */
static int push_users(lua_State *L, sqlite3_stmt *s) {
  lua_newtable(L);
  for (int i = 1; lite_step(s); i++) {
    push_row(L, s, user_kinds, USER_COLUMNS, KEY_USER, USER_COLUMNS);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

static int l_open(lua_State *L) {
  lite_open(luaL_checkstring(L, 1));
  return 0;
}

static int l_exec(lua_State *L) {
  lite_exec(luaL_checkstring(L, 1));
  return 0;
}

static int l_number(lua_State *L) {
  lua_pushnumber(L, lite_number(luaL_checkstring(L, 1)));
  return 1;
}

/* find(id) -> user */
static int l_find(lua_State *L) {
  sqlite3_stmt *s = lite_get(LITE_FIND);
  sqlite3_bind_int64(s, 1, lua_tointeger(L, 1));
  lite_step(s);
  push_row(L, s, user_kinds, USER_COLUMNS, KEY_USER, USER_COLUMNS);
  sqlite3_reset(s);
  return 1;
}

static int l_all(lua_State *L) {
  return push_users(L, lite_get(LITE_ALL));
}

/* filter(low, high, names, limit) -> users */
static int l_filter(lua_State *L) {
  sqlite3_stmt *s = lite_get(LITE_FILTER);
  sqlite3_bind_int64(s, 1, lua_tointeger(L, 1));
  sqlite3_bind_int64(s, 2, lua_tointeger(L, 2));
  for (int k = 1; k <= BENCH_NAMES_ASKED; k++) {
    size_t size;
    lua_rawgeti(L, 3, k);
    const char *name = lua_tolstring(L, -1, &size);
    sqlite3_bind_text(s, 2 + k, name, (int)size, SQLITE_STATIC); /* the list holds it */
    lua_pop(L, 1);
  }
  sqlite3_bind_int64(s, 3 + BENCH_NAMES_ASKED, lua_tointeger(L, 4));
  return push_users(L, s);
}

/* Writes the table at `row` and sets its id. */
static void insert(lua_State *L, int row) {
  static const int places[4] = {1, 2, 3, 7};
  char now[BENCH_ISO_MAX];
  int size = (int)bench_stored_text(bench_wall_us(), now);
  sqlite3_stmt *s = lite_get(LITE_INSERT);
  lua_user u;
  read_user(L, row, &u);
  for (int k = 0; k < 4; k++) sqlite3_bind_text(s, places[k], u.text[k], (int)u.size[k], SQLITE_STATIC);
  sqlite3_bind_int(s, 4, u.age);
  sqlite3_bind_double(s, 5, u.score);
  sqlite3_bind_int(s, 6, u.is_active);
  sqlite3_bind_text(s, 8, now, size, SQLITE_STATIC);
  sqlite3_bind_text(s, 9, now, size, SQLITE_STATIC);
  while (lite_step(s)) continue;
  set_id(L, row, lite_last_id());
}

/* create(user) -> user: writes it and sets its id. */
static int l_create(lua_State *L) {
  insert(L, 1);
  lua_settop(L, 1);
  return 1;
}

/* bulk(users) -> users: writes them in one transaction and sets their ids. */
static int l_bulk(lua_State *L) {
  lite_run(LITE_BEGIN);
  for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, 1); i <= n; i++) {
    lua_rawgeti(L, 1, i);
    insert(L, 2);
    lua_pop(L, 1);
  }
  lite_run(LITE_COMMIT);
  return 1;
}

/* first(limit) -> users in order of their ids */
static int l_first(lua_State *L) {
  sqlite3_stmt *s = lite_get(LITE_PARENTS);
  sqlite3_bind_int64(s, 1, lua_tointeger(L, 1));
  return push_users(L, s);
}

/* parents(limit) -> users, each with its list of posts */
static int l_parents(lua_State *L) {
  id_map map;
  int n = 0;
  lua_Integer limit = lua_tointeger(L, 1);
  sqlite3_stmt *s = lite_get(LITE_PARENTS);
  id_map_open(&map, (size_t)limit);
  lite_ids_start();
  lua_settop(L, 0);
  lua_createtable(L, (int)limit, 0);
  lua_createtable(L, (int)limit, 0); /* stack: users, lists of posts */
  sqlite3_bind_int64(s, 1, limit);
  while (lite_step(s)) {
    int64_t id = sqlite3_column_int64(s, 0);
    lite_ids_add(id);
    id_map_add(&map, id, ++n);
    push_row(L, s, user_kinds, USER_COLUMNS, KEY_USER, USER_COLUMNS + 1);
    new_list(L, KEY_POSTS, 2, n);
    lua_rawseti(L, 1, n);
  }
  s = lite_get(LITE_CHILDREN);
  lite_ids_bind(s, 1);
  while (lite_step(s)) {
    push_row(L, s, post_kinds, POST_COLUMNS, KEY_POST, POST_COLUMNS);
    id_map_append(L, &map, 2, sqlite3_column_int64(s, 1));
  }
  free(map.slots);
  lua_pop(L, 1);
  return 1;
}

/* [-0, +1] The author in the row of a post, with the profile; who wrote several is one table. */
static void push_author(lua_State *L, sqlite3_stmt *s, const id_map *known, int authors) {
  enum { AUTHOR = POST_COLUMNS, PROFILE = AUTHOR + USER_COLUMNS };
  int64_t id = sqlite3_column_int64(s, AUTHOR);
  if (push_known(L, known, authors, id)) return;
  push_part(L, s, AUTHOR, user_kinds, USER_COLUMNS, KEY_USER, USER_COLUMNS + 1);
  push_part(L, s, PROFILE, profile_kinds, PROFILE_COLUMNS, KEY_PROFILE, PROFILE_COLUMNS);
  set_key(L, KEY_PROFILE_OF);
  add_author(L, known, authors, id);
}

/* nested(limit) -> posts, each with its author and tags */
static int l_nested(lua_State *L) {
  id_map posts, known;
  int n = 0;
  lua_Integer limit = lua_tointeger(L, 1);
  sqlite3_stmt *s = lite_get(LITE_POSTS);
  id_map_open(&posts, (size_t)limit);
  id_map_open(&known, (size_t)limit);
  lite_ids_start();
  lua_settop(L, 0);
  lua_createtable(L, (int)limit, 0);
  lua_createtable(L, (int)limit, 0);
  lua_newtable(L); /* stack: posts, lists of tags, authors */
  sqlite3_bind_int64(s, 1, limit);
  while (lite_step(s)) {
    int64_t id = sqlite3_column_int64(s, 0);
    lite_ids_add(id);
    id_map_add(&posts, id, ++n);
    push_row(L, s, post_kinds, POST_COLUMNS, KEY_POST, POST_COLUMNS + 2);
    push_author(L, s, &known, 3);
    set_key(L, KEY_AUTHOR);
    new_list(L, KEY_TAGS, 2, n);
    lua_rawseti(L, 1, n);
  }
  s = lite_get(LITE_TAGS);
  lite_ids_bind(s, 1);
  while (lite_step(s)) {
    push_row(L, s, tag_kinds, TAG_COLUMNS, KEY_TAG, TAG_COLUMNS + 1);
    push_part(L, s, TAG_COLUMNS, link_kinds, LINK_COLUMNS, KEY_LINK, LINK_COLUMNS);
    set_key(L, KEY_POST_TAG);
    id_map_append(L, &posts, 2, sqlite3_column_int64(s, TAG_COLUMNS));
  }
  free(posts.slots);
  free(known.slots);
  lua_settop(L, 1);
  return 1;
}

/* save(user): writes its age and the time. */
static int l_save(lua_State *L) {
  char now[BENCH_ISO_MAX];
  int size = (int)bench_stored_text(bench_wall_us(), now);
  sqlite3_stmt *s = lite_get(LITE_SAVE);
  get_key(L, 1, KEY_USER + 4);
  get_key(L, 1, KEY_USER);
  sqlite3_bind_int64(s, 1, lua_tointeger(L, -2));
  sqlite3_bind_text(s, 2, now, size, SQLITE_STATIC);
  sqlite3_bind_int64(s, 3, lua_tointeger(L, -1));
  while (lite_step(s)) continue;
  return 0;
}

/* pair(a, b) -> both users; the transaction already holds the write lock */
static int l_pair(lua_State *L) {
  sqlite3_stmt *s = lite_get(LITE_PAIR);
  sqlite3_bind_int64(s, 1, lua_tointeger(L, 1));
  sqlite3_bind_int64(s, 2, lua_tointeger(L, 2));
  return push_users(L, s);
}

static int l_begin(lua_State *L) {
  (void)L;
  lite_run(LITE_BEGIN);
  return 0;
}

static int l_commit(lua_State *L) {
  (void)L;
  lite_run(LITE_COMMIT);
  return 0;
}

int luaopen_floor_sqlite(lua_State *L);

int luaopen_floor_sqlite(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"open", l_open},   {"exec", l_exec},       {"number", l_number}, {"find", l_find},
      {"all", l_all},     {"filter", l_filter},   {"create", l_create}, {"bulk", l_bulk},
      {"first", l_first}, {"parents", l_parents}, {"save", l_save},     {"pair", l_pair},
      {"begin", l_begin}, {"commit", l_commit},   {"nested", l_nested}, {NULL, NULL},
  };
  set_module(L, functions);
  return 1;
}
