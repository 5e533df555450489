#include "nets/train/draws_private.h"

#include <math.h>

#include "core/random.h"
#include "core/require_private.h"

const char *tr_time_sampling_name(tr_time_sampling sampling) {
  static const char *const names[] = {"uniform", "logit-normal", "stratified"};
  return (int)sampling >= 0 && (size_t)sampling < sizeof names / sizeof *names ? names[sampling] : NULL;
}

static tr_status check_rows(tr_ctx *ctx, const tr_train_rows *rows) {
  const int64_t end = (int64_t)1 << 48;
  if (rows->step < 0 || rows->step > UINT32_MAX)
    return TR_FAIL(ctx, TR_E_ARG, "draws of step %lld: steps lie between 0 and 2^32 - 1",
                   (long long)rows->step);
  if (rows->first < 0 || rows->n < 0 || rows->global > end || rows->first > rows->global - rows->n)
    return TR_FAIL(ctx, TR_E_ARG, "draws of rows %lld to %lld of a batch of %lld", (long long)rows->first,
                   (long long)(rows->first + rows->n), (long long)rows->global);
  return TR_OK;
}

static tr_random_address address_of(const tr_train_rows *rows, tr_random_purpose purpose) {
  return (tr_random_address){
      .seed = rows->seed, .purpose = purpose, .step = (uint32_t)rows->step, .sample = (uint64_t)rows->first};
}

/* Element 0 of row i of the batch. */
static double uniform(const tr_random_address *address, int64_t i) {
  return tr_random_uniform(address, address->sample + (uint64_t)i, 0);
}

static double normal(const tr_random_address *address, int64_t i) {
  double pair[2];
  tr_random_normal_pair(address, address->sample + (uint64_t)i, 0, pair);
  return pair[0];
}

tr_status tr_time_law_check(tr_ctx *ctx, const tr_time_law *law) {
  if (!tr_time_sampling_name(law->sampling))
    return TR_FAIL(ctx, TR_E_ARG, "there is no law of times %d", (int)law->sampling);
  if (!(law->t0 >= 0 && law->t0 < law->t1 && law->t1 <= 1))
    return TR_FAIL(ctx, TR_E_ARG, "times between %g and %g: they lie in [0, 1], and rise", law->t0, law->t1);
  if (law->sampling == TR_TIMES_LOGIT_NORMAL && !(law->deviation > 0 && isfinite(law->deviation + law->mean)))
    return TR_FAIL(ctx, TR_E_ARG, "logit-normal times with mean %g and deviation %g: the deviation is > 0",
                   law->mean, law->deviation);
  return TR_OK;
}

tr_status tr_draw_times(tr_ctx *ctx, const tr_train_rows *rows, const tr_time_law *law, double *t) {
  TR_REQUIRE(ctx, rows, law, t);
  TR_TRY(check_rows(ctx, rows));
  TR_TRY(tr_time_law_check(ctx, law));
  const tr_random_address at = address_of(rows, TR_RANDOM_TIME);
  for (int64_t i = 0; i < rows->n; i++) {
    double u;
    if (law->sampling == TR_TIMES_LOGIT_NORMAL)
      u = 1 / (1 + exp(-(law->mean + law->deviation * normal(&at, i))));
    else
      u = uniform(&at, i);
    if (law->sampling == TR_TIMES_STRATIFIED) u = ((double)(rows->first + i) + u) / (double)rows->global;
    t[i] = fmin(law->t0 + (law->t1 - law->t0) * u, law->t1);
  }
  return TR_OK;
}

tr_status tr_draw_dropout(tr_ctx *ctx, const tr_train_rows *rows, double probability, int32_t null_class,
                          int32_t *labels) {
  TR_REQUIRE(ctx, rows, labels);
  TR_TRY(check_rows(ctx, rows));
  if (!(probability >= 0 && probability <= 1))
    return TR_FAIL(ctx, TR_E_ARG, "labels dropped with probability %g: use 0 to 1", probability);
  const tr_random_address at = address_of(rows, TR_RANDOM_DROPOUT);
  for (int64_t i = 0; i < rows->n; i++)
    if (uniform(&at, i) < probability) labels[i] = null_class;
  return TR_OK;
}
