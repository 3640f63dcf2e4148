# What scripts/demo and scripts/test share: talking, installing, building, running with a build, a PostgreSQL.
# Sourced, not run.
# shellcheck shell=bash disable=SC2034

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '== %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# ---- what has to be there: purpose, Debian package, how to see that it is there ----

has_command() { command -v "$1" >/dev/null 2>&1; }
has_library() { has_command pkg-config && pkg-config --exists "$1"; }
has_compiler() { has_command cc && printf '#include <stdlib.h>\n' | cc -E - >/dev/null 2>&1; }
has_cjson() { has_command lua5.4 && lua5.4 -e 'require "cjson"' >/dev/null 2>&1; }
has_busted() { [ -n "$(busted_script)" ]; }
has_sanitizers() { has_compiler && [ -e "$(library asan)" ] && [ -e "$(library ubsan)" ]; }
# Where the compiler finds lib<name>.so.
library() { cc "-print-file-name=lib$1.so"; }
has_postgres() { [ -n "$(postgres_bin)" ]; }
# Where there is no apt its tests are skipped, by name.
has_postgis() {
  ! has_command apt-get || { has_postgres && [ -e "$("$(postgres_bin)/pg_config" --sharedir)/extension/postgis.control" ]; }
}

NEEDS_BUILD=(
  "a C compiler|gcc libc6-dev|has_compiler"
  "building|cmake|has_command cmake"
  "building|make|has_command make"
  "finding libraries|pkg-config|has_command pkg-config"
  "Lua 5.4|lua5.4|has_command lua5.4"
  "Lua 5.4's headers|liblua5.4-dev|has_library lua5.4"
  "PostgreSQL's client library|libpq-dev|has_library libpq"
  "SQLite|libsqlite3-dev|has_library sqlite3"
  "JSON|lua-cjson|has_cjson"
)
NEEDS_TEST=(
  "LuaJIT|luajit2|has_command luajit"
  "LuaJIT's headers|libluajit2-5.1-dev|has_library luajit"
  "the sanitizers|gcc|has_sanitizers"
  "running specs|lua-busted|has_busted"
  "checking Lua|lua-check|has_command luacheck"
  "a PostgreSQL of its own|postgresql|has_postgres"
  "geometries|postgresql-postgis|has_postgis"
)

# The packages of the lines given that are missing, each with its purpose in MISSING_FOR.
find_missing() {
  MISSING=() MISSING_FOR=()
  local line purpose packages probe package
  for line in "$@"; do
    IFS='|' read -r purpose packages probe <<<"$line"
    $probe && continue
    for package in $packages; do
      MISSING+=("$package")
      MISSING_FOR+=("$package ($purpose)")
    done
  done
}

# Runs a command as root: as we are, or by sudo, which is not let ask unless somebody is there to answer.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif has_command sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  elif has_command sudo && [ -t 0 ]; then
    sudo "$@"
  else
    return 97
  fi
}

# Installs what is missing of the lines given. RUNLEVEL=1: a freshly installed server is not started.
install_missing() {
  find_missing "$@"
  [ ${#MISSING[@]} -gt 0 ] || return 0
  local joined
  joined=$(printf ', %s' "${MISSING_FOR[@]}")
  has_command apt-get || fail "there is no apt here; install these (Debian's names): ${joined#, }"
  say "installing ${joined#, }"
  local log status=0
  log=$(mktemp)
  {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 update &&
      as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y -o DPkg::Lock::Timeout=120 \
        install --no-install-recommends "${MISSING[@]}"
  } >"$log" 2>&1 </dev/null || status=$?
  if [ $status -eq 97 ]; then
    rm -f "$log"
    fail "needs root or sudo to install: apt-get install ${MISSING[*]}"
  elif [ $status -ne 0 ]; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install: ${MISSING[*]}"
  fi
  rm -f "$log"
  hash -r
  find_missing "$@"
  [ ${#MISSING[@]} -eq 0 ] || fail "still not there after installing: ${MISSING_FOR[*]}"
}

# ---- building and running ----

# build <folder> <lua5.4|luajit> [cmake options]: configures and builds quietly; shows the log when it fails.
build() {
  local folder=$1 runtime=$2
  shift 2
  # A tree that was moved or copied cannot go on with the cache of the place it came from.
  local cache="$folder/CMakeCache.txt"
  if [ -e "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$ROOT" "$cache"; then rm -rf "$folder"; fi
  mkdir -p "$folder"
  if ! cmake -S "$ROOT" -B "$folder" "-DROWAN_LUA=$runtime" "$@" >"$folder/build.log" 2>&1 ||
    ! cmake --build "$folder" --parallel "$(nproc)" >>"$folder/build.log" 2>&1; then
    grep -A3 -E '(error|warning|Error):|CMake Error' "$folder/build.log" | head -n 20 >&2 ||
      tail -n 20 "$folder/build.log" >&2
    fail "the build for $runtime failed; all of it is in $folder/build.log"
  fi
}

# with_build <folder> <command...>: runs a command that finds this tree's Lua and that build's core first.
with_build() {
  local folder=$1
  shift
  env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 -u LUA_INIT -u LUA_INIT_5_4 \
    LUA_PATH="$ROOT/lua/?.lua;$ROOT/lua/?/init.lua;;" LUA_CPATH="$folder/?.so;;" "$@"
}

busted_script() {
  local found
  found=$(command -v busted || true)
  # luarocks installs a shell wrapper for one Lua; Debian's is the Lua script itself, for any.
  if [ -n "$found" ] && head -n 1 "$found" | grep -q lua; then printf '%s' "$found"; fi
}

# ---- a PostgreSQL of one's own ----

postgres_bin() {
  local folder
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV) \
    "$(dirname "$(command -v initdb || echo /nowhere/x)")"; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && [ -x "$folder/postgres" ]; then
      printf '%s' "$folder"
      return 0
    fi
  done
}

# The server refuses to run as root; then it runs as postgres, which Debian's package has made.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

# start_postgres: a server in a folder of its own, on a unix socket alone; sets POSTGRES_FOLDER, POSTGRES_URL.
start_postgres() {
  local bin
  bin=$(postgres_bin)
  # /tmp, whatever TMPDIR says: the path of a socket may have 107 bytes.
  POSTGRES_FOLDER=$(mktemp -d /tmp/rowan-pg.XXXXXX)
  if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || fail "there is no user postgres to run the server as"
    chown postgres: "$POSTGRES_FOLDER"
  fi
  as_postgres "$bin/initdb" -D "$POSTGRES_FOLDER/data" -U postgres --auth=trust --encoding=UTF8 \
    --locale=C.UTF-8 --no-sync >"$POSTGRES_FOLDER.log" 2>&1 ||
    { tail -n 5 "$POSTGRES_FOLDER.log" >&2; fail "initdb failed"; }
  local settings="-k '$POSTGRES_FOLDER' -c listen_addresses='' -c max_connections=200"
  settings+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
  as_postgres "$bin/pg_ctl" -D "$POSTGRES_FOLDER/data" -l "$POSTGRES_FOLDER/server.log" -w -t 60 \
    -o "$settings" start >>"$POSTGRES_FOLDER.log" 2>&1 </dev/null ||
    { tail -n 5 "$POSTGRES_FOLDER.log" >&2; fail "PostgreSQL did not start"; }
  POSTGRES_URL="postgresql://postgres@/postgres?host=$POSTGRES_FOLDER"
}

# stop_postgres: stops the server and removes its folder; does nothing when none was started.
stop_postgres() {
  [ -n "${POSTGRES_FOLDER:-}" ] || return 0
  local bin
  bin=$(postgres_bin)
  if [ -e "$POSTGRES_FOLDER/data/postmaster.pid" ]; then
    as_postgres "$bin/pg_ctl" -D "$POSTGRES_FOLDER/data" -m immediate -w -t 20 stop >/dev/null 2>&1 || true
  fi
  rm -rf "$POSTGRES_FOLDER" "$POSTGRES_FOLDER.log"
  POSTGRES_FOLDER=
}
