/* Settings -> an authenticated connection, by a deadline. Called by postgres.c (open), on a thread that may
 * block.
 *
 * PQconnectPoll waits for nothing, so the deadline holds for TLS and authentication; but PQconnectStartParams
 * resolves names and cannot be stopped. Where a name is to be resolved the whole conversation runs on a
 * detached thread: when the deadline passes, the thread keeps the `dial`, and finishes and frees it when the
 * resolver lets go. Until then a dial is shared by both under its lock; what libpq needs is a copy, wiped
 * when it is freed. */
#define _GNU_SOURCE 1 /* explicit_bzero, TCP_USER_TIMEOUT */
#include "driver/postgres.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"

/* How long data may stay unacknowledged before a dead peer is noticed. */
#define USER_TIMEOUT_MS 30000
/* While connecting it bounds each address where there may be several, so that a dead one leaves time for the
 * next: a third of what is left. */
#define CONNECT_TRIES 3
#define CONNECT_TRY_LEAST_MS 500

/* What a user's `options` may not change, because values would be read or written wrongly; and what it may.
 */
#define OPTIONS_FIRST "-c intervalstyle=iso_8601"
#define OPTIONS_LAST "-c timezone=UTC -c datestyle=ISO -c standard_conforming_strings=on"

typedef struct dial {
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool done, abandoned; /* under the lock */
  char **keys, **values;
  size_t count, capacity;
  bool own_user_timeout; /* tcp_user_timeout is ours, not the user's */
  bool resolves;         /* a host name may have to be resolved */
  rn_deadline deadline;
  PGconn *conn;
  rn_error err;
} dial;

/* ---- the dial ---- */

static dial *dial_new(size_t capacity) {
  dial *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->keys = calloc(capacity + 1, sizeof *d->keys);
  d->values = calloc(capacity + 1, sizeof *d->values);
  if (!d->keys || !d->values) {
    free(d->keys);
    free(d->values);
    free(d);
    return NULL;
  }
  d->capacity = capacity;
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&d->ended, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&d->lock, NULL);
  return d;
}

static void dial_free(dial *d) {
  if (!d) return;
  for (size_t i = 0; i < d->count; i++) {
    if (d->values[i]) explicit_bzero(d->values[i], strlen(d->values[i])); /* one may be a password */
    free(d->keys[i]);
    free(d->values[i]);
  }
  free(d->keys);
  free(d->values);
  if (d->conn) PQfinish(d->conn);
  rn_error_clear(&d->err);
  pthread_cond_destroy(&d->ended);
  pthread_mutex_destroy(&d->lock);
  free(d);
}

static bool dial_add(dial *d, const char *key, const char *value) {
  if (d->count == d->capacity) return false;
  char *own_key = strdup(key), *own_value = strdup(value);
  d->keys[d->count] = own_key;
  d->values[d->count++] = own_value;
  if (own_key && own_value) return true;
  free(own_key); /* a NULL key would end the list early: better no entry */
  free(own_value);
  d->count--;
  d->keys[d->count] = d->values[d->count] = NULL;
  return false;
}

/* ---- what the settings say ---- */

static bool is_url(const char *s) {
  return strncmp(s, "postgres://", 11) == 0 || strncmp(s, "postgresql://", 13) == 0;
}

static const char *setting(const rn_settings *settings, const char *keyword) {
  const char *found = NULL;
  for (size_t i = 0; settings->keys && settings->keys[i]; i++) {
    if (strcmp(settings->keys[i], keyword) == 0 && settings->values[i] && settings->values[i][0]) {
      found = settings->values[i];
    }
  }
  return found;
}

/* What libpq will take for a keyword: later settings win, a URL in "dbname" counts where it stands. */
static const char *effective(const rn_settings *settings, const PQconninfoOption *url, const char *keyword,
                             const char *environment) {
  const char *found = NULL;
  for (size_t i = 0; settings->keys && settings->keys[i]; i++) {
    if (!settings->values[i] || !settings->values[i][0]) continue;
    if (url && strcmp(settings->keys[i], "dbname") == 0) {
      for (const PQconninfoOption *o = url; o->keyword; o++) {
        if (o->val && strcmp(o->keyword, keyword) == 0) found = o->val;
      }
    } else if (strcmp(settings->keys[i], keyword) == 0) {
      found = settings->values[i];
    }
  }
  if (!found && environment) found = getenv(environment);
  return found && found[0] ? found : NULL;
}

/* A character of a password that is not percent-encoded makes libpq take a part of it for the host, the port
 * or the database, and quote it in a message. */
static bool url_is_clear(const char *url, const PQconninfoOption *parsed) {
  const char *authority = strstr(url, "://") + 3;
  const char *slash = strchr(authority, '/'), *at = strchr(authority, '@'), *query = strchr(authority, '?');
  if (at && slash && at > slash && (!query || at < query)) return false;
  for (const PQconninfoOption *o = parsed; o->keyword; o++) {
    if (!o->val) continue;
    if (strcmp(o->keyword, "host") == 0 && o->val[0] != '/' && strchr(o->val, '@')) return false;
    if (strcmp(o->keyword, "port") == 0 && o->val[strspn(o->val, "0123456789,")]) return false;
  }
  return true;
}

/* The parts of a URL or connection string in "dbname"; *out stays NULL when it is a plain name. What libpq
 * says about one it cannot read may quote it, password and all, so that is not passed on. */
static rn_status parse_target(const rn_settings *settings, PQconninfoOption **out, rn_error *err) {
  const char *text = setting(settings, "dbname");
  *out = NULL;
  if (!text || (!is_url(text) && !strchr(text, '='))) return RN_OK;
  char *why = NULL;
  *out = PQconninfoParse(text, &why);
  PQfreemem(why);
  if (*out && (!is_url(text) || url_is_clear(text, *out))) return RN_OK;
  PQconninfoFree(*out);
  *out = NULL;
  return rn_error_set(err, RN_E_CONNECT, "%s",
                      is_url(text)
                          ? "the connection URL cannot be read; special characters in its user name and "
                            "password must be percent-encoded"
                          : "the connection string cannot be read");
}

static bool is_address(const char *host, size_t n) {
  char text[64];
  unsigned char bytes[16];
  if (n == 0 || host[0] == '/' || host[0] == '@') return true; /* a Unix socket */
  if (n >= sizeof text) return false;
  memcpy(text, host, n);
  text[n] = '\0';
  text[strcspn(text, "%")] = '\0'; /* fe80::1%eth0 */
  return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool needs_resolver(const rn_settings *settings, const PQconninfoOption *url) {
  if (effective(settings, url, "service", "PGSERVICE")) return true; /* its file may name any host */
  if (effective(settings, url, "hostaddr", "PGHOSTADDR")) return false;
  const char *host = effective(settings, url, "host", "PGHOST");
  while (host && *host) {
    const size_t n = strcspn(host, ",");
    if (!is_address(host, n)) return true;
    host += n;
    if (*host) host++;
  }
  return false;
}

/* The earliest of the caller's deadline, the pool's and libpq's own connect_timeout (in seconds). */
static rn_deadline earliest(const rn_settings *settings, const PQconninfoOption *url, rn_deadline deadline) {
  const char *seconds = effective(settings, url, "connect_timeout", "PGCONNECT_TIMEOUT");
  const long libpq_s = seconds ? strtol(seconds, NULL, 10) : 0;
  const rn_deadline others[] = {rn_deadline_after(settings->connect_timeout_ms),
                                rn_deadline_after(libpq_s > 0 && libpq_s < 1000000 ? libpq_s * 1000 : 0)};
  for (size_t i = 0; i < 2; i++) {
    if (others[i] && (!deadline || others[i] < deadline)) deadline = others[i];
  }
  return deadline;
}

static bool add_options(dial *d, const rn_settings *settings, const PQconninfoOption *url) {
  const char *options = effective(settings, url, "options", "PGOPTIONS");
  /* A service file may hold options that an `options` of ours would hide; rn_pg_settle does it then. */
  if (!options && effective(settings, url, "service", "PGSERVICE")) return true;
  rn_buf text = {0};
  rn_buf_printf(&text, OPTIONS_FIRST " %s " OPTIONS_LAST, options ? options : "");
  const bool ok = !text.failed && dial_add(d, "options", text.data);
  rn_buf_free(&text);
  return ok;
}

static int try_timeout_ms(const dial *d, const rn_settings *settings, const PQconninfoOption *url) {
  const char *host = effective(settings, url, "host", "PGHOST");
  const char *address = effective(settings, url, "hostaddr", "PGHOSTADDR");
  const bool several = d->resolves || (host && strchr(host, ',')) || (address && strchr(address, ','));
  if (!several || !d->deadline) return USER_TIMEOUT_MS;
  const int share_ms = rn_deadline_left_ms(d->deadline) / CONNECT_TRIES;
  if (share_ms > USER_TIMEOUT_MS) return USER_TIMEOUT_MS;
  return share_ms < CONNECT_TRY_LEAST_MS ? CONNECT_TRY_LEAST_MS : share_ms;
}

static dial *prepare_dial(const rn_settings *settings, const PQconninfoOption *url, rn_deadline deadline) {
  size_t count = 0;
  while (settings->keys && settings->keys[count]) count++;
  dial *d = dial_new(count + 8);
  if (!d) return NULL;
  d->deadline = earliest(settings, url, deadline);
  d->resolves = needs_resolver(settings, url);
  d->own_user_timeout = !effective(settings, url, "tcp_user_timeout", NULL);
  char user_timeout[16];
  snprintf(user_timeout, sizeof user_timeout, "%d", try_timeout_ms(d, settings, url));
  bool ok = dial_add(d, "fallback_application_name", "rowan") && dial_add(d, "keepalives_idle", "60") &&
            dial_add(d, "keepalives_interval", "10") && dial_add(d, "keepalives_count", "6") &&
            dial_add(d, "tcp_user_timeout", user_timeout);
  for (size_t i = 0; ok && i < count; i++) {
    if (settings->values[i]) ok = dial_add(d, settings->keys[i], settings->values[i]);
  }
  ok = ok && add_options(d, settings, url) && dial_add(d, "client_encoding", "UTF8");
  if (ok) return d;
  dial_free(d);
  return NULL;
}

/* ---- the conversation ---- */

static void ignore_notice(void *context, const PGresult *notice) {
  (void)context;
  (void)notice;
}

/* Waits for the socket; false when the deadline passed. */
static bool wait_socket(const PGconn *conn, short events, rn_deadline deadline) {
  struct pollfd socket = {.fd = PQsocket(conn), .events = events};
  for (;;) {
    const int ready = poll(&socket, 1, rn_deadline_left_ms(deadline));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (ready == 0 || rn_deadline_passed(deadline)) return false;
  }
}

static void timed_out(rn_error *err, const PGconn *conn) {
  const char *host = conn ? PQhost(conn) : NULL, *port = conn ? PQport(conn) : NULL;
  if (host && *host && port) {
    rn_error_set(err, RN_E_CONNECT, "connecting to \"%s\", port %s, took longer than allowed", host, port);
  } else {
    rn_error_set(err, RN_E_CONNECT, "%s", "connecting took longer than allowed");
  }
}

static void set_user_timeout(const PGconn *conn) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  const unsigned ms = USER_TIMEOUT_MS;
  if (getsockname(PQsocket(conn), (struct sockaddr *)&address, &size) != 0) return;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return;
  setsockopt(PQsocket(conn), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

/* Connects, or leaves the reason in d->err. */
static void converse(dial *d) {
  d->conn = PQconnectStartParams((const char *const *)d->keys, (const char *const *)d->values, 1);
  if (!d->conn) {
    rn_error_set(&d->err, RN_E_MEMORY, "out of memory");
    return;
  }
  PQsetNoticeReceiver(d->conn, ignore_notice, NULL);
  PQsetErrorVerbosity(d->conn, PQERRORS_VERBOSE); /* the only way to a refusal's SQLSTATE */
  PostgresPollingStatusType want =
      PQstatus(d->conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (want == PGRES_POLLING_READING || want == PGRES_POLLING_WRITING) {
    if (!wait_socket(d->conn, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, d->deadline)) {
      timed_out(&d->err, d->conn);
      return;
    }
    want = PQconnectPoll(d->conn);
  }
  if (want != PGRES_POLLING_OK) {
    rn_pg_error_connect(&d->err, d->conn);
    return;
  }
  PQsetErrorVerbosity(d->conn, PQERRORS_DEFAULT);
  if (d->own_user_timeout) set_user_timeout(d->conn);
  if (PQsetnonblocking(d->conn, 1) != 0) rn_pg_error_conn(&d->err, RN_E_CONNECT, d->conn);
}

/* ---- on a thread of its own ---- */

static void *dial_thread(void *context) {
  dial *d = context;
  converse(d);
  pthread_mutex_lock(&d->lock);
  d->done = true;
  const bool abandoned = d->abandoned;
  if (!abandoned) pthread_cond_signal(&d->ended);
  pthread_mutex_unlock(&d->lock);
  if (abandoned) dial_free(d);
  return NULL;
}

static bool start_thread(dial *d) {
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all); /* signals are the host program's business, on its own threads */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool started = pthread_create(&thread, &attributes, dial_thread, d) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return started;
}

/* False when the deadline passed first: then the dial belongs to the thread. */
static bool await_thread(dial *d) {
  int status = 0;
  struct timespec until;
  pthread_mutex_lock(&d->lock);
  while (!d->done && status != ETIMEDOUT) {
    if (!d->deadline) {
      pthread_cond_wait(&d->ended, &d->lock);
      continue;
    }
    const int left_ms = rn_deadline_left_ms(d->deadline);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += left_ms / 1000;
    until.tv_nsec += (long)(left_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
      until.tv_sec++;
      until.tv_nsec -= 1000000000;
    }
    status = pthread_cond_timedwait(&d->ended, &d->lock, &until);
  }
  const bool done = d->done;
  d->abandoned = !done;
  pthread_mutex_unlock(&d->lock);
  return done;
}

PGconn *rn_pg_connect(const rn_settings *settings, rn_deadline deadline, rn_error *err) {
  PQconninfoOption *url = NULL;
  PGconn *conn = NULL;
  if (parse_target(settings, &url, err) != RN_OK) return NULL;
  dial *d = prepare_dial(settings, url, deadline);
  PQconninfoFree(url);
  if (!d) {
    rn_error_set(err, RN_E_MEMORY, "out of memory");
    return NULL;
  }
  if (!d->resolves || !start_thread(d)) {
    converse(d);
  } else if (!await_thread(d)) {
    timed_out(err, NULL);
    return NULL;
  }
  if (d->err.kind == RN_E_NONE) {
    conn = d->conn;
    d->conn = NULL;
  } else {
    rn_error_move(err, &d->err);
  }
  dial_free(d);
  return conn;
}

/* ---- settings that did not arrive ---- */

static bool reported(const PGconn *conn, const char *name, const char *wanted) {
  const char *value = PQparameterStatus(conn, name);
  return value && strncasecmp(value, wanted, strlen(wanted)) == 0;
}

rn_status rn_pg_settle(PGconn *conn, rn_deadline deadline, rn_error *err) {
  /* What a role or a database may say otherwise, by which numbers lose digits and NULL in a list becomes
   * text. Not in `options`, of which poolers refuse what they do not keep track of; and none of it is
   * reported. */
  char sql[320] = "SET extra_float_digits TO 3;SET array_nulls TO on;";
  /* PGTZ and PGDATESTYLE win over `options`, and some poolers drop it. */
  if (!reported(conn, "client_encoding", "UTF8")) strcat(sql, "SET client_encoding TO 'UTF8';");
  if (!reported(conn, "TimeZone", "UTC")) strcat(sql, "SET timezone TO 'UTC';");
  if (!reported(conn, "DateStyle", "ISO")) strcat(sql, "SET datestyle TO 'ISO';");
  if (!reported(conn, "standard_conforming_strings", "on"))
    strcat(sql, "SET standard_conforming_strings TO on;");
  rn_status status = RN_OK;
  if (!PQsendQuery(conn, sql)) {
    rn_pg_error_conn(err, RN_E_CONNECT, conn);
    return RN_FAIL;
  }
  for (;;) {
    const int unsent = PQflush(conn);
    if (unsent < 0) break;
    if (unsent > 0 || PQisBusy(conn)) {
      if (!wait_socket(conn, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline)) {
        timed_out(err, conn);
        return RN_FAIL;
      }
      if (!PQconsumeInput(conn)) break;
      continue;
    }
    PGresult *result = PQgetResult(conn);
    if (!result) return status;
    if (PQresultStatus(result) != PGRES_COMMAND_OK && status == RN_OK) {
      rn_pg_error_result(err, RN_E_CONNECT, result);
      status = RN_FAIL;
    }
    PQclear(result);
  }
  rn_pg_error_conn(err, RN_E_CONNECT, conn);
  return RN_FAIL;
}
