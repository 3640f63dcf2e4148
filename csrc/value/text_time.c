/* Dates, times of day and timestamps <-> text, in the proleptic Gregorian calendar and UTC. Called by the
 * converter, the drivers and the binding. No time zone data, no state, no allocation. */
#include "value/digits.h"
#include "value/text.h"

#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY 86400
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */
#define DAYS_PER_ERA 146097  /* 400 years */

/* 0001-01-01 and the last microsecond of 9999-12-31. */
#define FIRST_US INT64_C(-62135596800000000)
#define LAST_US INT64_C(253402300799999999)

/* ---- the calendar: years start in March, so that the leap day is the last one (Howard Hinnant,
 * "chrono-compatible low-level date algorithms") ---- */

typedef struct day {
  int64_t year;
  unsigned month, day;
} day;

static int64_t days_from_civil(int year, int month, int mday) {
  year -= month <= 2;
  int era = (year >= 0 ? year : year - 399) / 400;
  int of_era = year - era * 400;
  int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + mday - 1;
  return (int64_t)era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_EPOCH;
}

/* days since the epoch, of any int64 number of microseconds: fits 32 bits. */
static day civil_from_days(int64_t days) {
  int32_t shifted = (int32_t)days + DAYS_TO_EPOCH;
  int32_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
  uint32_t of_era = (uint32_t)(shifted - era * DAYS_PER_ERA);
  uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
  uint32_t month = (5 * of_year + 2) / 153; /* 0 is March */
  day out = {(int64_t)year + (int64_t)era * 400, month < 10 ? month + 3 : month - 9, 0};
  out.day = of_year - (153 * month + 2) / 5 + 1;
  if (out.month <= 2) out.year++;
  return out;
}

static int days_in_month(int year, int month) {
  static const unsigned char days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month] + (month == 2 && leap);
}

/* ---- reading ---- */

/* Exactly the ten bytes YYYY-MM-DD. */
static bool parse_date(const char *s, int *year, int *month, int *mday) {
  int century = rn_take_pair(s), rest = rn_take_pair(s + 2);
  *month = rn_take_pair(s + 5);
  *mday = rn_take_pair(s + 8);
  if ((century | rest | *month | *mday) < 0 || s[4] != '-' || s[7] != '-') return false;
  *year = century * 100 + rest;
  return *year >= 1 && *month >= 1 && *month <= 12 && *mday >= 1 && *mday <= days_in_month(*year, *month);
}

typedef struct time_of_day {
  int hour, minute, second, us;
  bool lossy; /* more than microseconds were written */
} time_of_day;

/* HH:MM[:SS[.f]] from *at on, at most max_digits of f; *at ends behind it. */
static bool parse_clock(const char **at, const char *end, int max_digits, time_of_day *out) {
  const char *s = *at;
  *out = (time_of_day){0};
  if (end - s < 5 || s[2] != ':') return false;
  out->hour = rn_take_pair(s);
  out->minute = rn_take_pair(s + 3);
  if (out->hour < 0 || out->hour > 23 || out->minute < 0 || out->minute > 59) return false;
  s += 5;
  if (s < end && *s == ':') {
    if (end - s < 3) return false;
    out->second = rn_take_pair(s + 1);
    if (out->second < 0 || out->second > 59) return false;
    s += 3;
    if (s < end && *s == '.') {
      int digits = 0;
      for (s++; s < end && (unsigned)(unsigned char)*s - '0' <= 9; s++, digits++) {
        if (digits == max_digits) return false;
        if (digits < 6)
          out->us = out->us * 10 + (*s - '0');
        else if (*s != '0')
          out->lossy = true;
      }
      if (digits == 0) return false;
      for (; digits < 6; digits++) out->us *= 10;
    }
  }
  *at = s;
  return true;
}

/* [at, end) is Z, +HH, +HH:MM or +HHMM (or nothing, when it is not required); lenient also takes what
 * Sequelize and PostgreSQL write: a blank before it, seconds behind it. East is positive. */
static bool parse_zone(const char *at, const char *end, bool required, int *seconds) {
  *seconds = 0;
  if (at == end) return !required;
  if (!required && *at == ' ') at++;
  size_t left = (size_t)(end - at);
  if (left == 1) return *at == 'Z';
  if (left < 3 || (*at != '+' && *at != '-')) return false;
  bool west = *at == '-';
  int hours = rn_take_pair(at + 1), minutes = 0, rest = 0;
  if (left == 5)
    minutes = rn_take_pair(at + 3);
  else if (left == 6 || (left == 9 && !required && at[6] == ':'))
    minutes = at[3] == ':' ? rn_take_pair(at + 4) : -1;
  else if (left != 3)
    return false;
  if (left == 9) rest = rn_take_pair(at + 7);
  if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59 || rest < 0 || rest > 59) return false;
  *seconds = hours * 3600 + minutes * 60 + rest;
  if (west) *seconds = -*seconds;
  return true;
}

bool rn_timestamp_parse(const char *s, size_t n, bool zone_required, int64_t *us) {
  int year, month, mday, zone_seconds = 0;
  time_of_day time = {0};
  if (n < 10 || (n == 10 && zone_required) || !parse_date(s, &year, &month, &mday)) return false;
  if (n > 10) {
    const char *at = s + 11, *end = s + n;
    if ((s[10] != 'T' && s[10] != ' ') || !parse_clock(&at, end, 9, &time)) return false;
    if (!parse_zone(at, end, zone_required, &zone_seconds) || (zone_required && time.lossy)) return false;
  }
  int64_t seconds = days_from_civil(year, month, mday) * SECONDS_PER_DAY +
                    (time.hour * 3600 + time.minute * 60 + time.second) - zone_seconds;
  int64_t result = seconds * US_PER_SECOND + time.us;
  if (result < FIRST_US || result > LAST_US) return false; /* a zone moved it out of the four-digit years */
  *us = result;
  return true;
}

bool rn_date_valid(const char *s, size_t n) {
  int year, month, mday;
  return n == 10 && parse_date(s, &year, &month, &mday);
}

size_t rn_time_canonical(const char *s, size_t n, char out[24]) {
  const char *at = s, *end = s + n;
  time_of_day time;
  if (!parse_clock(&at, end, 6, &time) || at != end) return 0;
  rn_put_pair(out, (unsigned)time.hour);
  out[2] = ':';
  rn_put_pair(out + 3, (unsigned)time.minute);
  out[5] = ':';
  rn_put_pair(out + 6, (unsigned)time.second);
  size_t size = 8;
  if (time.us) {
    unsigned us = (unsigned)time.us;
    out[8] = '.';
    rn_put_pair(out + 9, us / 10000);
    rn_put_pair(out + 11, us / 100 % 100);
    rn_put_pair(out + 13, us % 100);
    for (size = 15; out[size - 1] == '0'; size--) {
    }
  }
  out[size] = '\0';
  return size;
}

/* ---- writing ---- */

/* YYYY-MM-DD?HH:MM:SS with `between` at the question mark; returns what follows it, and the microseconds. */
static char *write_seconds(int64_t us, char between, char *at, unsigned *fraction_us) {
  int64_t seconds = us / US_PER_SECOND, left = us % US_PER_SECOND;
  if (left < 0) {
    left += US_PER_SECOND;
    seconds--;
  }
  int64_t days = seconds / SECONDS_PER_DAY;
  int32_t of_day = (int32_t)(seconds - days * SECONDS_PER_DAY);
  if (of_day < 0) {
    of_day += SECONDS_PER_DAY;
    days--;
  }
  day date = civil_from_days(days);
  unsigned year = (unsigned)(date.year < 0 ? -date.year : date.year), second = (unsigned)of_day;
  if (RN_UNLIKELY(date.year < 1 || date.year > 9999)) {
    *at++ = date.year < 0 ? '-' : '+';
    rn_put_pair(at, year / 10000);
    at += 2;
    year %= 10000;
  }
  rn_put_pair(at, year / 100);
  rn_put_pair(at + 2, year % 100);
  at[4] = '-';
  rn_put_pair(at + 5, date.month);
  at[7] = '-';
  rn_put_pair(at + 8, date.day);
  at[10] = between;
  rn_put_pair(at + 11, second / 3600);
  at[13] = ':';
  rn_put_pair(at + 14, second / 60 % 60);
  at[16] = ':';
  rn_put_pair(at + 17, second % 60);
  *fraction_us = (unsigned)left;
  return at + 19;
}

static char *write_micro(unsigned us, char *at) {
  *at = '.';
  rn_put_pair(at + 1, us / 10000);
  rn_put_pair(at + 3, us / 100 % 100);
  rn_put_pair(at + 5, us % 100);
  return at + 7;
}

bool rn_timestamp_infinite(const char *text, size_t size, int64_t *us) {
  const bool minus = size > 0 && *text == '-';
  if (size - minus != 8 || memcmp(text + minus, "infinity", 8) != 0) return false;
  *us = minus ? INT64_MIN : INT64_MAX;
  return true;
}

size_t rn_timestamp_iso(int64_t us, char out[RN_TIMESTAMP_TEXT_MAX]) {
  if (us == INT64_MAX || us == INT64_MIN) {
    memcpy(out, us < 0 ? "-infinity" : "infinity", us < 0 ? 10 : 9);
    return us < 0 ? 9 : 8;
  }
  unsigned fraction;
  char *at = write_seconds(us, 'T', out, &fraction);
  at = write_micro(fraction, at);
  if (fraction % 1000 == 0) at -= 3;
  *at++ = 'Z';
  *at = '\0';
  return (size_t)(at - out);
}

size_t rn_timestamp_sqlite(int64_t us, char out[RN_TIMESTAMP_TEXT_MAX]) {
  unsigned fraction;
  char *at = write_seconds(us, ' ', out, &fraction);
  if (fraction) at = write_micro(fraction, at);
  *at = '\0';
  return (size_t)(at - out);
}
