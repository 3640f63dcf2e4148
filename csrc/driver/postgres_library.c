/* Loads libpq; see postgres_library.h. Called by postgres.c. The library stays for as long as the process. */
#include "driver/postgres_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* What every libpq since PostgreSQL 8.1 is called. */
#define LIBRARY "libpq.so.5"

struct rn_pq rn_pq;

static rn_status find_all(rn_error *err) {
  static const struct {
    const char *name;
    void *pointer;
  } functions[] = {
#define ENTRY(name) {#name, &(name)},
      RN_PQ_FUNCTIONS(ENTRY)
#undef ENTRY
  };
  void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return rn_error_set(err, RN_E_CONNECT, "PostgreSQL's client library cannot be loaded: %s", dlerror());
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    void *found = dlsym(library, functions[i].name);
    if (!found) {
      dlclose(library);
      return rn_error_set(err, RN_E_CONNECT, LIBRARY " is too old: it has no %s", functions[i].name);
    }
    memcpy(functions[i].pointer, &found, sizeof found);
  }
  return RN_OK;
}

rn_status rn_pq_load(rn_error *err) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool loaded;

  pthread_mutex_lock(&lock);
  rn_status status = loaded ? RN_OK : find_all(err);
  loaded = status == RN_OK;
  pthread_mutex_unlock(&lock);
  return status;
}
