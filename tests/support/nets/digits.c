#include "tests/support/nets/digits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/io/npz.h"
#include "tests/support/nets/networks.h"
#include "transport/guidance.h"

enum { CLASSES = 10, SIDE = 8, ELEMENTS = CLASSES * SIDE * SIDE, HEADS = 4 };

static tr_status open_network(digits *d) {
  tr_checkpoint *checkpoint;
  TR_TRY(tr_checkpoint_open(d->ctx, TR_EXPERIMENT_DATA "/digits-ema.pt", &checkpoint));
  tr_tensors weights;
  tr_status status = tr_checkpoint_weights(d->ctx, checkpoint, NULL, &weights);
  const tr_net_settings settings = {
      .num_classes = CLASSES, .n_told = 1, .told = &(tr_net_size){"num_heads", HEADS}};
  if (status == TR_OK) status = networks_drift(d->ctx, &weights, &settings, TR_F64, TR_VELOCITY, &d->network);
  tr_checkpoint_close(&checkpoint);
  return status;
}

tr_status digits_open(tr_ctx *ctx, double guidance, digits *out) {
  *out = (digits){.ctx = ctx, .guidance = guidance};
  TR_TRY(open_network(out));
  if (guidance != 1) {
    tr_guidance all = {.scale = guidance, .low = 0, .high = 1};
    TR_TRY(tr_drift_create_guided(out->network, &all, &out->guided));
  }
  TR_TRY(tr_sampler_defaults(ctx, &out->sampler));
  out->sampler.drift = out->guided ? out->guided : out->network;
  return tr_array_create(ctx, TR_F64, 4, (int64_t[]){CLASSES, 1, SIDE, SIDE}, &out->x);
}

void digits_close(digits *d) {
  tr_array_destroy(&d->x);
  tr_drift_destroy(&d->guided);
  tr_drift_destroy(&d->network);
}

/* |x - end| / |end| against torchdiffeq's end state. */
static tr_status relative_error(const digits *d, int seed, double *error) {
  static const char *const file = TR_TEST_DATA "/digits_end.npz";
  char name[40];
  double x[ELEMENTS], end[ELEMENTS], difference = 0, size = 0;
  tr_npz *npz;
  tr_npy npy;
  snprintf(name, sizeof name, "end_g%g_s%d", d->guidance, seed);
  TR_TRY(tr_array_get_f64(d->x, x));
  TR_TRY(tr_npz_open(d->ctx, file, &npz));
  tr_status status = tr_npz_get(npz, name, &npy);
  if (status == TR_OK && npy.count != ELEMENTS)
    status = TR_FAIL(d->ctx, TR_E_SHAPE, "%s: %s has %lld elements, not %d", file, name, (long long)npy.count,
                     ELEMENTS);
  if (status == TR_OK) {
    tr_npy_get_f64(&npy, end);
    for (int i = 0; i < ELEMENTS; i++)
      difference += (x[i] - end[i]) * (x[i] - end[i]), size += end[i] * end[i];
    *error = sqrt(difference / size);
    tr_npy_close(&npy);
  }
  tr_npz_close(&npz);
  return status;
}

tr_status digits_solve(digits *d, const tr_ode_method *method, digits_run *run) {
  static const int32_t labels[CLASSES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  tr_cond cond = {CLASSES, labels};
  tr_sample_stats stats;
  d->sampler.ode.method = method;
  d->sampler.ode.rtol = run->rtol;
  d->sampler.ode.atol = run->atol;
  d->sampler.seed = (uint64_t)run->seed;
  TR_TRY(tr_sample_init(&d->sampler, d->x));
  TR_TRY(tr_sample_ode(&d->sampler, &cond, d->x, &stats));
  run->guidance = d->guidance;
  run->nfe = stats.nfe;
  return relative_error(d, run->seed, &run->error);
}

void digits_dopri5(digits_run *runs, int max, int *n) {
  *n = 0;
  FILE *file = fopen(TR_TEST_DATA "/dopri5_digits.tsv", "r");
  if (!file) return;
  char line[200];
  while (*n < max && fgets(line, sizeof line, file)) {
    digits_run *r = &runs[*n];
    if (sscanf(line, "%lf %d %lf %lf %ld %lf", &r->guidance, &r->seed, &r->rtol, &r->atol, &r->nfe,
               &r->error) == 6)
      (*n)++; /* the header line is not such a row */
  }
  fclose(file);
}

long digits_needed(const digits_run *runs, int n, double guidance, int seed, double error) {
  long needed = -1;
  for (int i = 0; i < n; i++)
    if (runs[i].guidance == guidance && runs[i].seed == seed && runs[i].rtol == runs[i].atol &&
        runs[i].error <= error && (needed < 0 || runs[i].nfe < needed))
      needed = runs[i].nfe;
  return needed;
}

static bool close_to(double a, double b) {
  return fabs(a - b) <= 1e-6 * fabs(b);
}

const digits_run *digits_find(const digits_run *runs, int n, double guidance, int seed, double rtol,
                              double atol) {
  for (int i = 0; i < n; i++)
    if (runs[i].guidance == guidance && runs[i].seed == seed && close_to(runs[i].rtol, rtol) &&
        close_to(runs[i].atol, atol))
      return &runs[i];
  return NULL;
}
