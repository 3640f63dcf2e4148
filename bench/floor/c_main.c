/* The `c` floor's main program, linked once with c_postgres.c and once with c_sqlite.c; run by
 * bench/harness.lua.
 *
 *   floor-<database> script <where> <file.sql>
 *   floor-<database> run <where> <workload> <repetitions> <reset.sql> <written.sql>
 *
 * `run` prints what bench/peer.lua prints: one untimed repetition whose rows are hashed in full, then the
 * timed ones. Input rows are made, and the tables set back, outside the measured time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c_floor.h"

typedef struct workload {
  const char *name, *tag;
  int operations, rows; /* rows: how many are made to be written */
  double (*read)(bool deep);
  double (*write)(const bench_user *users);
} workload;

static double save(const bench_user *users) {
  (void)users;
  return floor_save();
}

static const workload workloads[] = {
    {"W1", NULL, BENCH_FINDS, 0, floor_find, NULL},
    {"W2", NULL, BENCH_USERS, 0, floor_all, NULL},
    {"W3", NULL, BENCH_FILTERS, 0, floor_filter, NULL},
    {"W4", "w4", BENCH_CREATES, BENCH_CREATES, NULL, floor_create},
    {"W5", "w5", BENCH_BULK, BENCH_BULK, NULL, floor_bulk},
    {"W6", NULL, BENCH_PARENTS, 0, floor_include, NULL},
    {"W7", NULL, BENCH_NESTED * BENCH_PAGE, 0, floor_nested, NULL},
    {"W8", NULL, BENCH_SAVES, 0, NULL, save},
    {"W9", "w9", BENCH_TRANSACTIONS, BENCH_TRANSACTIONS, NULL, floor_transactions},
    {"W10", NULL, BENCH_FLIGHT, 0, floor_flight, NULL},
};

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) bench_die("cannot read %s", path);
  long size = ftell(f);
  char *text = malloc((size_t)size + 1);
  rewind(f);
  if (!text || fread(text, 1, (size_t)size, f) != (size_t)size) bench_die("cannot read %s", path);
  text[size] = 0;
  fclose(f);
  return text;
}

/* Both databases skip the comment at the top of such a file by themselves. */
static void run_script(const char *path) {
  char *text = read_file(path);
  for (char *next, *statement = text; statement; statement = next) {
    next = strstr(statement, "\n--;\n");
    if (next) {
      *next = 0;
      next += 5;
    }
    floor_exec(statement);
  }
  free(text);
}

static double once(const workload *w, const bench_user *users, bool deep) {
  return w->read ? w->read(deep) : w->write(users);
}

static void run(const workload *w, int repetitions, const char *reset, const char *written) {
  bench_user *users = w->rows ? calloc((size_t)w->rows, sizeof *users) : NULL;
  char *check = read_file(written);
  for (int i = 0; i < w->rows; i++) bench_make_user(&users[i], w->tag, i + 1);
  double first = once(w, users, true);
  printf("deep %.3f\n", w->read ? first : floor_number(check));
  for (int k = 0; k < repetitions; k++) {
    if (w->write) run_script(reset);
    double start_s = bench_now_s(), cpu_s = bench_cpu_s();
    double sum = once(w, users, false);
    double stop_s = bench_now_s(), cpu_stop_s = bench_cpu_s();
    printf("rep %.9f %.9f %.3f\n", stop_s - start_s, cpu_stop_s - cpu_s, sum);
  }
  if (w->write) run_script(reset);
  printf("ops %d\npeak_kb %ld\n", w->operations, bench_peak_kb());
  free(check);
  free(users);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "script") == 0) {
    floor_open(argv[2]);
    run_script(argv[3]);
    return 0;
  }
  if (argc != 7 || strcmp(argv[1], "run") != 0)
    bench_die("usage: %s script <where> <file.sql> | run <where> <workload> <repetitions> <reset.sql> "
              "<written.sql>",
              argv[0]);
  for (size_t k = 0; k < sizeof workloads / sizeof *workloads; k++) {
    if (strcmp(workloads[k].name, argv[3]) != 0) continue;
    if (!workloads[k].read && !workloads[k].write) break;
    floor_open(argv[2]);
    run(&workloads[k], atoi(argv[4]), argv[5], argv[6]);
    return 0;
  }
  bench_die("the floors have no workload %s", argv[3]);
}
