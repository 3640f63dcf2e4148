/* `c-lua` on PostgreSQL; see lua_floor.h. Loaded by bench/peer.lua as floor_postgres. */
#include "lua_floor.h"
#include "pg.h"

/* [-0, +1] One cell that is not NULL. */
static inline void push_cell(lua_State *L, const PGresult *r, int row, int column, char kind) {
  const char *v = PQgetvalue(r, row, column);
  char iso[BENCH_ISO_MAX];
  switch (kind) {
  case 'i': lua_pushinteger(L, pg_get32(v)); break;
  case 's': lua_pushlstring(L, v, (size_t)PQgetlength(r, row, column)); break;
  case 'd': lua_pushnumber(L, pg_get_double(v)); break;
  case 'b': lua_pushboolean(L, *v); break;
  default: lua_pushlstring(L, iso, bench_iso(pg_get_time(v), iso)); break;
  }
}

/* [-0, +1] The columns of a row from `first` on as a table with `room` fields; keys are the upvalues from
 * `first_key`. */
static void push_part(lua_State *L, const PGresult *r, int row, int first, const char *kinds, int columns,
                      int first_key, int room) {
  lua_createtable(L, 0, room);
  for (int k = 0; k < columns; k++) {
    if (PQgetisnull(r, row, first + k)) continue;
    lua_pushvalue(L, lua_upvalueindex(first_key + k));
    push_cell(L, r, row, first + k, kinds[k]);
    lua_rawset(L, -3);
  }
}

static void push_row(lua_State *L, const PGresult *r, int row, const char *kinds, int columns, int first_key,
                     int room) {
  push_part(L, r, row, 0, kinds, columns, first_key, room);
}

static void push_user(lua_State *L, const PGresult *r, int row) {
  push_row(L, r, row, user_kinds, USER_COLUMNS, KEY_USER, USER_COLUMNS);
}

/* [-0, +1] All rows as a list; clears the result. */
static int push_users(lua_State *L, PGresult *r) {
  int n = PQntuples(r);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    push_user(L, r, i);
    lua_rawseti(L, -2, i + 1);
  }
  PQclear(r);
  return 1;
}

static int l_open(lua_State *L) {
  pg_open(luaL_checkstring(L, 1));
  return 0;
}

static int l_exec(lua_State *L) {
  pg_exec(luaL_checkstring(L, 1));
  return 0;
}

static int l_number(lua_State *L) {
  lua_pushnumber(L, pg_number(luaL_checkstring(L, 1)));
  return 1;
}

/* find(id) -> user */
static int l_find(lua_State *L) {
  pg_params p;
  pg_int(&p, 0, (int32_t)lua_tointeger(L, 1));
  PGresult *r = pg_run(PG_FIND, &p);
  push_user(L, r, 0);
  PQclear(r);
  return 1;
}

static int l_all(lua_State *L) {
  return push_users(L, pg_run(PG_ALL, NULL));
}

/* filter(low, high, names, limit) -> users */
static int l_filter(lua_State *L) {
  static pg_array names;
  pg_params p;
  pg_array_start(&names, 25);
  for (lua_Integer k = 1, n = (lua_Integer)lua_rawlen(L, 3); k <= n; k++) {
    size_t size;
    lua_rawgeti(L, 3, k);
    const char *name = lua_tolstring(L, -1, &size);
    pg_array_add(&names, name, size);
    lua_pop(L, 1);
  }
  pg_int(&p, 0, (int32_t)lua_tointeger(L, 1));
  pg_int(&p, 1, (int32_t)lua_tointeger(L, 2));
  pg_array_bind(&names, &p, 2);
  pg_wide(&p, 3, (uint64_t)lua_tointeger(L, 4));
  return push_users(L, pg_run(PG_FILTER, &p));
}

/* create(user) -> user: writes it and sets its id. */
static int l_create(lua_State *L) {
  lua_user u;
  pg_params p;
  read_user(L, 1, &u);
  for (int k = 0; k < 3; k++) pg_bytes(&p, k, u.text[k], u.size[k]);
  pg_int(&p, 3, u.age);
  pg_wide(&p, 4, pg_double_bits(u.score));
  pg_bool(&p, 5, u.is_active);
  pg_bytes(&p, 6, u.text[3], u.size[3]);
  pg_now(&p, 7);
  pg_bytes(&p, 8, p.scalars[7], 8);
  PGresult *r = pg_run(PG_INSERT, &p);
  set_id(L, 1, pg_get32(PQgetvalue(r, 0, 0)));
  PQclear(r);
  lua_settop(L, 1);
  return 1;
}

/* Writes the users [from, to] of the list at 1 and sets their ids. */
static void bulk_chunk(lua_State *L, lua_Integer from, lua_Integer to) {
  static const uint32_t oids[9] = {25, 25, 25, 23, 701, 16, 25, 1184, 1184};
  static pg_array a[9];
  pg_params p;
  uint64_t now = (uint64_t)(bench_wall_us() - PG_EPOCH_US);
  for (int k = 0; k < 9; k++) pg_array_start(&a[k], oids[k]);
  for (lua_Integer i = from; i <= to; i++) {
    lua_user u;
    lua_rawgeti(L, 1, i);
    read_user(L, lua_gettop(L), &u);
    char active = (char)u.is_active;
    for (int k = 0; k < 3; k++) pg_array_add(&a[k], u.text[k], u.size[k]);
    pg_array_add32(&a[3], (uint32_t)u.age);
    pg_array_add64(&a[4], pg_double_bits(u.score));
    pg_array_add(&a[5], &active, 1);
    pg_array_add(&a[6], u.text[3], u.size[3]);
    pg_array_add64(&a[7], now);
    pg_array_add64(&a[8], now);
    lua_pop(L, 1);
  }
  for (int k = 0; k < 9; k++) pg_array_bind(&a[k], &p, k);
  PGresult *r = pg_run(PG_BULK, &p);
  for (lua_Integer i = from; i <= to; i++) {
    lua_rawgeti(L, 1, i);
    set_id(L, lua_gettop(L), pg_get32(PQgetvalue(r, (int)(i - from), 0)));
    lua_pop(L, 1);
  }
  PQclear(r);
}

/* bulk(users) -> users: writes them in chunks, one transaction, and sets their ids. */
static int l_bulk(lua_State *L) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  pg_exec("BEGIN");
  for (lua_Integer i = 1; i <= n; i += BENCH_CHUNK)
    bulk_chunk(L, i, i + BENCH_CHUNK - 1 < n ? i + BENCH_CHUNK - 1 : n);
  pg_exec("COMMIT");
  return 1;
}

/* first(limit) -> users in order of their ids */
static int l_first(lua_State *L) {
  pg_params p;
  pg_wide(&p, 0, (uint64_t)lua_tointeger(L, 1));
  return push_users(L, pg_run(PG_PARENTS, &p));
}

/* parents(limit) -> users, each with its list of posts */
static int l_parents(lua_State *L) {
  static pg_array ids;
  pg_params p;
  id_map map;
  pg_wide(&p, 0, (uint64_t)lua_tointeger(L, 1));
  PGresult *r = pg_run(PG_PARENTS, &p);
  int n = PQntuples(r);
  id_map_open(&map, (size_t)n);
  pg_array_start(&ids, 23);
  lua_settop(L, 0);
  lua_createtable(L, n, 0);
  lua_createtable(L, n, 0); /* stack: users, lists of posts */
  for (int i = 0; i < n; i++) {
    int32_t id = pg_get32(PQgetvalue(r, i, 0));
    pg_array_add32(&ids, (uint32_t)id);
    id_map_add(&map, id, i + 1);
    push_row(L, r, i, user_kinds, USER_COLUMNS, KEY_USER, USER_COLUMNS + 1);
    new_list(L, KEY_POSTS, 2, i + 1);
    lua_rawseti(L, 1, i + 1);
  }
  PQclear(r);
  pg_array_bind(&ids, &p, 0);
  r = pg_run(PG_CHILDREN, &p);
  for (int i = 0, posts = PQntuples(r); i < posts; i++) {
    push_row(L, r, i, post_kinds, POST_COLUMNS, KEY_POST, POST_COLUMNS);
    id_map_append(L, &map, 2, pg_get32(PQgetvalue(r, i, 1)));
  }
  PQclear(r);
  free(map.slots);
  lua_pop(L, 1);
  return 1;
}

/* [-0, +1] The author in the row of a post, with the profile; who wrote several is one table. */
static void push_author(lua_State *L, const PGresult *r, int row, const id_map *known, int authors) {
  enum { AUTHOR = POST_COLUMNS, PROFILE = AUTHOR + USER_COLUMNS };
  int32_t id = pg_get32(PQgetvalue(r, row, AUTHOR));
  if (push_known(L, known, authors, id)) return;
  push_part(L, r, row, AUTHOR, user_kinds, USER_COLUMNS, KEY_USER, USER_COLUMNS + 1);
  push_part(L, r, row, PROFILE, profile_kinds, PROFILE_COLUMNS, KEY_PROFILE, PROFILE_COLUMNS);
  set_key(L, KEY_PROFILE_OF);
  add_author(L, known, authors, id);
}

/* nested(limit) -> posts, each with its author and tags */
static int l_nested(lua_State *L) {
  static pg_array ids;
  pg_params p;
  id_map posts, known;
  pg_wide(&p, 0, (uint64_t)lua_tointeger(L, 1));
  PGresult *r = pg_run(PG_POSTS, &p);
  int n = PQntuples(r);
  id_map_open(&posts, (size_t)n);
  id_map_open(&known, (size_t)n);
  pg_array_start(&ids, 23);
  lua_settop(L, 0);
  lua_createtable(L, n, 0);
  lua_createtable(L, n, 0);
  lua_newtable(L); /* stack: posts, lists of tags, authors */
  for (int i = 0; i < n; i++) {
    int32_t id = pg_get32(PQgetvalue(r, i, 0));
    pg_array_add32(&ids, (uint32_t)id);
    id_map_add(&posts, id, i + 1);
    push_row(L, r, i, post_kinds, POST_COLUMNS, KEY_POST, POST_COLUMNS + 2);
    push_author(L, r, i, &known, 3);
    set_key(L, KEY_AUTHOR);
    new_list(L, KEY_TAGS, 2, i + 1);
    lua_rawseti(L, 1, i + 1);
  }
  PQclear(r);
  pg_array_bind(&ids, &p, 0);
  r = pg_run(PG_TAGS, &p);
  for (int i = 0, tags = PQntuples(r); i < tags; i++) {
    push_row(L, r, i, tag_kinds, TAG_COLUMNS, KEY_TAG, TAG_COLUMNS + 1);
    push_part(L, r, i, TAG_COLUMNS, link_kinds, LINK_COLUMNS, KEY_LINK, LINK_COLUMNS);
    set_key(L, KEY_POST_TAG);
    id_map_append(L, &posts, 2, pg_get32(PQgetvalue(r, i, TAG_COLUMNS)));
  }
  PQclear(r);
  free(posts.slots);
  free(known.slots);
  lua_settop(L, 1);
  return 1;
}

static void give_user(void *context, const PGresult *r) {
  lua_State *L = context;
  lua_pushvalue(L, 4);
  push_user(L, r, 0);
  lua_call(L, 1, 0);
}

/* flight(workers, queries, key, each): W1's queries, as many at a time as there are connections; each(user) */
static int l_flight(lua_State *L) {
  pg_flight((int)lua_tointeger(L, 2), give_user, L);
  return 0;
}

/* save(user): writes its age and the time. */
static int l_save(lua_State *L) {
  pg_params p;
  get_key(L, 1, KEY_USER + 4);
  get_key(L, 1, KEY_USER);
  pg_int(&p, 0, (int32_t)lua_tointeger(L, -2));
  pg_now(&p, 1);
  pg_int(&p, 2, (int32_t)lua_tointeger(L, -1));
  PQclear(pg_run(PG_SAVE, &p));
  return 0;
}

/* pair(a, b) -> both users, locked */
static int l_pair(lua_State *L) {
  static pg_array pair;
  pg_params p;
  pg_array_start(&pair, 23);
  pg_array_add32(&pair, (uint32_t)lua_tointeger(L, 1));
  pg_array_add32(&pair, (uint32_t)lua_tointeger(L, 2));
  pg_array_bind(&pair, &p, 0);
  return push_users(L, pg_run(PG_PAIR, &p));
}

static int l_begin(lua_State *L) {
  (void)L;
  pg_exec("BEGIN");
  return 0;
}

static int l_commit(lua_State *L) {
  (void)L;
  pg_exec("COMMIT");
  return 0;
}

int luaopen_floor_postgres(lua_State *L);

int luaopen_floor_postgres(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"open", l_open},   {"exec", l_exec},       {"number", l_number}, {"find", l_find},
      {"all", l_all},     {"filter", l_filter},   {"create", l_create}, {"bulk", l_bulk},
      {"first", l_first}, {"parents", l_parents}, {"save", l_save},     {"pair", l_pair},
      {"begin", l_begin}, {"commit", l_commit},   {"nested", l_nested}, {"flight", l_flight},
      {NULL, NULL},
  };
  set_module(L, functions);
  return 1;
}
