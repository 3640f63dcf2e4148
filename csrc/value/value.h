/* The value that crosses between drivers and the binding, and the codes that say how a model sees it. */
#ifndef RN_VALUE_VALUE_H
#define RN_VALUE_VALUE_H

#include "base/arena.h"
#include "base/config.h"
#include "base/error.h"

/* RN_TEXT is valid UTF-8 as the database sent it; RN_BLOB any bytes; RN_TIMESTAMP is int64 microseconds since
 * 1970-01-01 UTC. RN_LIST occurs in parameters only. */
typedef enum { RN_NULL = 0, RN_BOOL, RN_INT, RN_DOUBLE, RN_TEXT, RN_BLOB, RN_TIMESTAMP, RN_LIST } rn_kind;

/* Bytes and items are borrowed: from the result until its next row, or from the parameters' arena or Lua
 * strings until the call ends. */
typedef struct rn_value {
  rn_kind kind;
  union {
    int64_t i; /* RN_BOOL (0 or 1), RN_INT, RN_TIMESTAMP */
    double d;  /* RN_DOUBLE */
    struct {
      const char *bytes;
      size_t size;
    } s; /* RN_TEXT, RN_BLOB */
    struct {
      const struct rn_value *items;
      size_t count;
    } list; /* RN_LIST */
  } u;
} rn_value;

/* Type codes: one character for each way a model can see a column or bind a parameter. The same letters in
 * Lua (lua/rowan/types) and here. On PostgreSQL a parameter is declared with the OID given, on SQLite it is
 * stored as the storage class given. OID 0 = the server infers it.
 *
 *   code             PostgreSQL parameter       SQLite                        read as
 *   i INTEGER ...    23 int4, binary            INTEGER                       integer
 *   I BIGINT         20 int8, binary            INTEGER                       integer (LuaJIT: number or
 * text) b BOOLEAN        16 bool, binary            INTEGER 0/1                   boolean d DOUBLE, FLOAT 701
 * float8, binary         REAL                          number n DECIMAL        1700 numeric, text TEXT exact
 * decimal text s STRING, TEXT   0, text                    TEXT                          text c CHAR 0, text
 * TEXT                          text, blank padding removed e ENUM           0, text                    TEXT
 * text x BLOB           17 bytea, binary           BLOB                          bytes t DATE           1184
 * timestamptz, binary   TEXT YYYY-MM-DD HH:MM:SS[.ffffff]  ISO text ...Z D DATEONLY       1082 date, text
 * TEXT YYYY-MM-DD               text T TIME           1083 time, text            TEXT HH:MM:SS[.f] text u
 * UUID           2950 uuid, text            TEXT lower case               text j JSON           114 json,
 * text             TEXT                          text (Lua decodes it) J JSONB          3802 jsonb, text TEXT
 * text (Lua decodes it) a ARRAY          0, text (array literal)    not there                     text (Lua
 * decodes it) ? unknown        0, text, by value kind     by value kind                 by the database's own
 * type
 */
typedef char rn_code;
#define RN_CODE_ANY '?'
bool rn_code_known(rn_code code);

/* What a result says of an array column: 'a' with the code of its items, which Lua reads it by. */
#define RN_CODE_ITEMS 0x80
static inline rn_code rn_code_array_of(rn_code items) {
  return (rn_code)(items | RN_CODE_ITEMS);
}
static inline bool rn_code_is_array_of(rn_code code) {
  return ((unsigned char)code & RN_CODE_ITEMS) != 0;
}
static inline rn_code rn_code_items(rn_code code) {
  return (rn_code)((unsigned char)code & ~RN_CODE_ITEMS);
}

/* Turns a cell as the driver read it into the kind its code promises (see "read as"; 't' gives RN_TIMESTAMP,
 * or RN_TEXT "infinity"/"-infinity"). Text it has to make lives in `scratch`. scale: digits behind the point
 * for 'n', or -1 to leave them as they are. RN_E_VALUE when the cell cannot be seen so. */
rn_status rn_value_convert(rn_value *v, rn_code code, int scale, rn_arena *scratch,
                           rn_error *err) RN_MUSTCHECK;

#endif
