/* What c_main.c asks of a database's `c` floor (c_postgres.c, c_sqlite.c). One connection, static to the
 * file. */
#ifndef BENCH_C_FLOOR_H
#define BENCH_C_FLOOR_H

#include <stdbool.h>

#include "bench.h"

void floor_open(const char *where); /* a libpq conninfo, or a file */
void floor_exec(const char *sql);
double floor_number(const char *sql); /* the first column of the first row */

/* One repetition of each workload. Readers return the checksum over every column of every row that they read
 * (deep: the sum of the rows' hashes), writers the sum of the ids that came back. */
double floor_find(bool deep);
double floor_all(bool deep);
double floor_filter(bool deep);
double floor_create(const bench_user *users);
double floor_bulk(const bench_user *users);
double floor_include(bool deep);
double floor_nested(bool deep);
double floor_flight(bool deep) __attribute__((weak)); /* where there is anything to wait for */
double floor_save(void);
double floor_transactions(const bench_user *users);

#endif
