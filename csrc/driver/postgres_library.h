/* libpq's functions, found when the first connection is made: who works with SQLite alone needs no libpq, and
 * does not pay for it and the libraries behind it (five megabytes). Included by postgres.h only; from here on
 * the names of the functions stand for what was found. */
#ifndef RN_DRIVER_POSTGRES_LIBRARY_H
#define RN_DRIVER_POSTGRES_LIBRARY_H

#include <libpq-fe.h>

#include "base/error.h"

#define RN_PQ_FUNCTIONS(X)                                                                                   \
  X(PQcancel)                                                                                                \
  X(PQclear) X(PQclientEncoding) X(PQcmdStatus) X(PQcmdTuples) X(PQconnectPoll) X(PQconnectStartParams)      \
      X(PQconninfoFree) X(PQconninfoParse) X(PQconsumeInput) X(PQenterPipelineMode) X(PQerrorMessage)        \
          X(PQexitPipelineMode) X(PQfformat) X(PQfinish) X(PQflush) X(PQfname) X(PQfreeCancel) X(PQfreemem)  \
              X(PQftype) X(PQgetCancel) X(PQgetResult) X(PQgetisnull) X(PQgetlength) X(PQgetvalue) X(PQhost) \
                  X(PQisBusy) X(PQmakeEmptyPGresult) X(PQnfields) X(PQnotifies) X(PQntuples)                 \
                      X(PQparameterStatus) X(PQpipelineSync) X(PQport) X(PQputCopyData) X(PQputCopyEnd)      \
                          X(PQresultErrorField) X(PQresultErrorMessage) X(PQresultStatus)                    \
                              X(PQsendDescribePrepared) X(PQsendPrepare) X(PQsendQuery) X(PQsendQueryParams) \
                                  X(PQsendQueryPrepared) X(PQsetErrorVerbosity) X(PQsetNoticeReceiver)       \
                                      X(PQsetnonblocking) X(PQsocket) X(PQstatus) X(PQtransactionStatus)     \
                                          X(pg_encoding_to_char)

/* One pointer for each function, of its type. */
struct rn_pq {
#define RN_PQ_POINTER(name) __typeof__(name) *name;
  RN_PQ_FUNCTIONS(RN_PQ_POINTER)
#undef RN_PQ_POINTER
};
extern struct rn_pq rn_pq;

/* Finds them, once; called on any thread, before a connection is made. RN_E_CONNECT when there is no libpq.
 */
rn_status rn_pq_load(rn_error *err);

#define PQcancel rn_pq.PQcancel
#define PQclear rn_pq.PQclear
#define PQclientEncoding rn_pq.PQclientEncoding
#define PQcmdStatus rn_pq.PQcmdStatus
#define PQcmdTuples rn_pq.PQcmdTuples
#define PQconnectPoll rn_pq.PQconnectPoll
#define PQconnectStartParams rn_pq.PQconnectStartParams
#define PQconninfoFree rn_pq.PQconninfoFree
#define PQconninfoParse rn_pq.PQconninfoParse
#define PQconsumeInput rn_pq.PQconsumeInput
#define PQenterPipelineMode rn_pq.PQenterPipelineMode
#define PQerrorMessage rn_pq.PQerrorMessage
#define PQexitPipelineMode rn_pq.PQexitPipelineMode
#define PQfformat rn_pq.PQfformat
#define PQfinish rn_pq.PQfinish
#define PQflush rn_pq.PQflush
#define PQfname rn_pq.PQfname
#define PQfreeCancel rn_pq.PQfreeCancel
#define PQfreemem rn_pq.PQfreemem
#define PQftype rn_pq.PQftype
#define PQgetCancel rn_pq.PQgetCancel
#define PQgetResult rn_pq.PQgetResult
#define PQgetisnull rn_pq.PQgetisnull
#define PQgetlength rn_pq.PQgetlength
#define PQgetvalue rn_pq.PQgetvalue
#define PQhost rn_pq.PQhost
#define PQisBusy rn_pq.PQisBusy
#define PQmakeEmptyPGresult rn_pq.PQmakeEmptyPGresult
#define PQnfields rn_pq.PQnfields
#define PQnotifies rn_pq.PQnotifies
#define PQntuples rn_pq.PQntuples
#define PQparameterStatus rn_pq.PQparameterStatus
#define PQpipelineSync rn_pq.PQpipelineSync
#define PQport rn_pq.PQport
#define PQputCopyData rn_pq.PQputCopyData
#define PQputCopyEnd rn_pq.PQputCopyEnd
#define PQresultErrorField rn_pq.PQresultErrorField
#define PQresultErrorMessage rn_pq.PQresultErrorMessage
#define PQresultStatus rn_pq.PQresultStatus
#define PQsendDescribePrepared rn_pq.PQsendDescribePrepared
#define PQsendPrepare rn_pq.PQsendPrepare
#define PQsendQuery rn_pq.PQsendQuery
#define PQsendQueryParams rn_pq.PQsendQueryParams
#define PQsendQueryPrepared rn_pq.PQsendQueryPrepared
#define PQsetErrorVerbosity rn_pq.PQsetErrorVerbosity
#define PQsetNoticeReceiver rn_pq.PQsetNoticeReceiver
#define PQsetnonblocking rn_pq.PQsetnonblocking
#define PQsocket rn_pq.PQsocket
#define PQstatus rn_pq.PQstatus
#define PQtransactionStatus rn_pq.PQtransactionStatus
#define pg_encoding_to_char rn_pq.pg_encoding_to_char

#endif
