/* Copies of connection settings. Called by the pool (one copy each) and by connects that run on another
 * thread. The values may hold a password: they are wiped before their memory is given back. */
#define _GNU_SOURCE
#include "core/settings.h"

#include <stdlib.h>
#include <string.h>

static size_t pair_count(const rn_settings *settings) {
  size_t n = 0;
  if (settings->keys && settings->values)
    while (settings->keys[n]) n++;
  return n;
}

static void wipe_free(const char *text) {
  if (!text) return;
  explicit_bzero((char *)text, strlen(text));
  free((char *)text);
}

void rn_settings_free(rn_settings *settings) {
  size_t n = pair_count(settings);

  for (size_t i = 0; i < n; i++) {
    free((char *)settings->keys[i]);
    wipe_free(settings->values[i]);
  }
  free(settings->keys);
  free(settings->values);
  free((char *)settings->driver);
  memset(settings, 0, sizeof *settings);
}

rn_status rn_settings_copy(rn_settings *to, const rn_settings *from, rn_error *err) {
  size_t n = pair_count(from);
  rn_settings copy = *from;

  copy.driver = from->driver ? strdup(from->driver) : NULL;
  copy.keys = calloc(n + 1, sizeof *copy.keys);
  copy.values = calloc(n + 1, sizeof *copy.values);
  if (!copy.keys || !copy.values || (from->driver && !copy.driver)) goto failed;
  for (size_t i = 0; i < n; i++) {
    /* The key comes last: a pair is there, for rn_settings_free, only once both halves are. */
    if (from->values[i] && !(copy.values[i] = strdup(from->values[i]))) goto failed;
    if (!(copy.keys[i] = strdup(from->keys[i]))) {
      wipe_free(copy.values[i]);
      goto failed;
    }
  }
  *to = copy;
  return RN_OK;

failed:
  rn_settings_free(&copy);
  memset(to, 0, sizeof *to);
  return rn_error_set(err, RN_E_MEMORY, "out of memory while copying the connection settings");
}
