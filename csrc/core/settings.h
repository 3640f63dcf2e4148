/* Copying and freeing what a pool connects with. */
#ifndef RN_CORE_SETTINGS_H
#define RN_CORE_SETTINGS_H

#include "driver/driver.h"

/* Deep copy; RN_FAIL (and nothing to free) when memory ran out. */
rn_status rn_settings_copy(rn_settings *to, const rn_settings *from, rn_error *err) RN_MUSTCHECK;
void rn_settings_free(rn_settings *settings); /* wipes the values, which may hold a password */
/* The driver called settings->driver, or NULL. The only place that names drivers. (core/registry.c) */
const rn_driver *rn_driver_find(const char *name);

#endif
