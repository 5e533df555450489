/* The rate of a step: a rise, then constant or half a cosine. */
#ifndef TR_NETS_TRAIN_SCHEDULE_H
#define TR_NETS_TRAIN_SCHEDULE_H

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { TR_SCHEDULE_CONSTANT, TR_SCHEDULE_COSINE } tr_schedule_kind;
/* "constant", "cosine"; NULL past the last. */
TR_API const char *tr_schedule_name(tr_schedule_kind kind);

/* The rate of step k = 0, 1, ...:
 *   k < warmup: rate (k + 1) / warmup;
 *   constant: rate;
 *   cosine: rate (1 + cos(pi (k - warmup) / (steps - warmup))) / 2 until `steps`, 0 from there (Loshchilov
 * and Hutter, arXiv 1608.03983, without restarts). */
typedef struct {
  tr_schedule_kind kind;
  double rate;    /* >= 0 */
  int64_t warmup; /* steps, >= 0 */
  int64_t steps;  /* of the whole training: > warmup with cosine, else not looked at */
} tr_schedule;

/* TR_E_ARG naming what is out of range. */
TR_API tr_status tr_schedule_check(tr_ctx *ctx, const tr_schedule *schedule);
TR_API double tr_schedule_rate(const tr_schedule *schedule, int64_t step);

#ifdef __cplusplus
}
#endif

#endif
