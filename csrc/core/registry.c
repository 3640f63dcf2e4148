/* Driver names. Called by rn_pool_open; the only file above driver/ that names drivers. */
#include <string.h>

#include "core/settings.h"

const rn_driver *rn_driver_find(const char *name) {
  static const rn_driver *const drivers[] = {&rn_postgres_driver, &rn_sqlite_driver};

  for (size_t i = 0; name && i < sizeof drivers / sizeof drivers[0]; i++)
    if (strcmp(drivers[i]->name, name) == 0) return drivers[i];
  return NULL;
}
