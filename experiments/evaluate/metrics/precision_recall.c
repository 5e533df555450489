#include "experiments/evaluate/metrics/precision_recall.h"

#include <stdlib.h>

#include "experiments/evaluate/metrics/bootstrap.h"
#include "experiments/evaluate/metrics/neighbours.h"

/* Squared distances of the k-th neighbours; `room` is (n, k). */
static tr_status radii2_of(tr_ctx *ctx, const metric_rows *rows, int k, double *room, double *radii2) {
  TR_TRY(metric_neighbours(ctx, rows, NULL, k, room, NULL));
  for (int64_t i = 0; i < rows->n; i++) radii2[i] = room[i * k + k - 1];
  return TR_OK;
}

static tr_status decide(tr_ctx *ctx, const metric_rows *generated, const metric_rows *reference, int k,
                        double *room, const metric_decisions *d) {
  TR_TRY(radii2_of(ctx, generated, k, room, d->radii2_generated));
  TR_TRY(radii2_of(ctx, reference, k, room, d->radii2_reference));
  return metric_inside(ctx, generated, d->radii2_generated, d->generated_inside, reference,
                       d->radii2_reference, d->reference_inside);
}

tr_status metric_precision_recall(tr_ctx *ctx, const metric_rows *generated, const metric_rows *reference,
                                  int k, uint64_t seed, metric_coverage *out,
                                  const metric_decisions *wanted) {
  const int64_t n = generated->n, m = reference->n, most = n > m ? n : m;
  metric_decisions d = wanted ? *wanted : (metric_decisions){0};
  double *room = malloc((size_t)(most * (k > 0 ? k : 1) + n + m + 1) * sizeof *room);
  bool *inside = malloc((size_t)(n + m + 1));
  tr_status status =
      room && inside
          ? TR_OK
          : TR_FAIL(ctx, TR_E_MEM, "out of memory for the neighbours of %lld samples", (long long)most);
  if (status == TR_OK) {
    double *radii2 = room + most * (k > 0 ? k : 1);
    if (!d.radii2_generated) d.radii2_generated = radii2;
    if (!d.radii2_reference) d.radii2_reference = radii2 + n;
    if (!d.generated_inside) d.generated_inside = inside;
    if (!d.reference_inside) d.reference_inside = inside + n;
    status = decide(ctx, generated, reference, k, room, &d);
  }
  if (status == TR_OK) status = metric_share(ctx, n, d.generated_inside, seed, &out->precision);
  if (status == TR_OK) status = metric_share(ctx, m, d.reference_inside, seed, &out->recall);
  free(room);
  free(inside);
  return status;
}
