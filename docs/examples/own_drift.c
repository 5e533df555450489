/* A field of one's own as a drift provider: the velocity of data N(mu, s^2) on the path x_t = t x1 + (1 - t)
 * x0. Every starting state x0 ends at mu + s x0; what the solver misses is printed. */
#include <transit.h>

enum { SAMPLES = 1000 };
static const double mu = 2, s = 0.5;

/* E[x1 - x0 | x_t = x] = mu + slope (x - t mu). Arrays lie on a device: operations act on them as a whole.
 * Solvers ask for one time of all rows. */
static tr_status velocity(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  (void)cond, (void)user;
  if (times.n != 1) return TR_FAIL(x->ctx, TR_E_UNSUPPORTED, "a time for each row: this field takes one");
  double t = times.t[0], slope = (t * s * s - (1 - t)) / (t * t * s * s + (1 - t) * (1 - t));
  TR_TRY(tr_scale(slope, x, f));
  return tr_map(TR_MAP_ADDC, mu - slope * t * mu, f, NULL, f);
}

/* x0 becomes x - (mu + s x0), *error the largest of these. */
static tr_status compare(const tr_array *x, tr_array *x0, double *error) {
  TR_TRY(tr_axpby(1, x, -s, x0, x0));
  TR_TRY(tr_map(TR_MAP_ADDC, -mu, x0, NULL, x0));
  return tr_reduce(TR_MAX_ABS, x0, NULL, NULL, error);
}

static tr_status run(tr_ctx *ctx, tr_sampler *sampler, tr_array **x0, tr_array **x) {
  tr_sample_stats stats;
  double error;
  TR_TRY(tr_register_all(ctx));
  TR_TRY(tr_sampler_defaults(ctx, sampler));
  TR_TRY(tr_drift_create_callback(ctx, "a Gaussian", TR_VELOCITY, velocity, NULL, &sampler->drift));
  sampler->ode.rtol = sampler->ode.atol = 1e-8;
  TR_TRY(tr_array_create(ctx, TR_F64, 2, (int64_t[]){SAMPLES, 1}, x0));
  TR_TRY(tr_array_like(*x0, x));
  TR_TRY(tr_sample_init(sampler, *x0));
  TR_TRY(tr_array_copy(*x0, *x));
  TR_TRY(tr_sample_ode(sampler, NULL, *x, &stats));
  TR_TRY(compare(*x, *x0, &error));
  printf("%s: %ld evaluations, error %.1e\n", stats.solver, stats.nfe, error);
  return TR_OK;
}

int main(void) {
  tr_ctx *ctx;
  tr_sampler sampler = {0};
  tr_array *x0 = NULL, *x = NULL;
  tr_status status = tr_ctx_open("auto", 1, &ctx, NULL);
  if (status == TR_OK) status = run(ctx, &sampler, &x0, &x);
  if (status != TR_OK) fprintf(stderr, "own_drift: %s\n", tr_ctx_error(ctx)->message);
  tr_array_destroy(&x0);
  tr_array_destroy(&x);
  tr_drift_destroy(&sampler.drift);
  tr_ctx_close(&ctx);
  return status == TR_OK ? 0 : 1;
}
