/* A diffusion form of one's own, with a parameter: D = n sigma^power, registered like those that are built
 * in. Whatever D is, the SDE carries noise to the data: mean and standard deviation of the samples are
 * printed beside those of the data. */
#include <math.h>
#include <transit.h>

enum { SAMPLES = 5000 };
static const double mean = 2, deviation = 0.5;

enum { POWER };
static const tr_param parameters[] = {
    [POWER] = {.name = "power", .value = 1, .range = {.ends = TR_RANGE_GE, .low = 1}, .help = "of sigma"}};

static double D(const tr_diffusion *form, const tr_coeffs *at) {
  return form->norm * pow(at->sigma, form->values.v[POWER]);
}

/* The drift needs D / sigma, at sigma = 0 as well. */
static double D_sigma(const tr_diffusion *form, const tr_coeffs *at) {
  return form->norm * pow(at->sigma, form->values.v[POWER] - 1);
}

static const tr_diffusion_type power_of_sigma = {
    .info = {.name = "power-of-sigma", .summary = "D = n sigma^power", .params = parameters, .n_params = 1},
    .D = D,
    .D_sigma = D_sigma};

static tr_status draw(const tr_sampler *sampler, tr_array *x) {
  double sum, squares;
  TR_TRY(tr_sample_init(sampler, x));
  TR_TRY(tr_sample_sde(sampler, NULL, x, NULL));
  TR_TRY(tr_reduce(TR_SUM, x, NULL, NULL, &sum));
  TR_TRY(tr_reduce(TR_SUM_XY, x, x, NULL, &squares));
  double m = sum / SAMPLES, variance = squares / SAMPLES - m * m;
  printf("power %g: mean %.3f (%g), standard deviation %.3f (%g)\n", sampler->diffusion.values.v[POWER], m,
         mean, sqrt(variance), deviation);
  return TR_OK;
}

static tr_status run(tr_ctx *ctx, tr_sampler *sampler, tr_array **x) {
  const double variance = deviation * deviation;
  TR_TRY(tr_register_all(ctx));
  TR_TRY(tr_register(ctx, TR_KIND_DIFFUSION, &power_of_sigma.info));
  TR_TRY(tr_sampler_defaults(ctx, sampler));
  TR_TRY(tr_diffusion_find(ctx, "power-of-sigma", &sampler->diffusion));
  TR_TRY(tr_exact_create_gaussian(ctx, &sampler->interpolant, TR_VELOCITY, 1, &mean, &variance,
                                  &sampler->drift));
  TR_TRY(tr_array_create(ctx, TR_F64, 2, (int64_t[]){SAMPLES, 1}, x));
  TR_TRY(draw(sampler, *x));
  TR_TRY(tr_diffusion_set(ctx, &sampler->diffusion, "power", 3));
  return draw(sampler, *x);
}

int main(void) {
  tr_ctx *ctx;
  tr_sampler sampler = {0};
  tr_array *x = NULL;
  tr_status status = tr_ctx_open("auto", 1, &ctx, NULL);
  if (status == TR_OK) status = run(ctx, &sampler, &x);
  if (status != TR_OK) fprintf(stderr, "own_form: %s\n", tr_ctx_error(ctx)->message);
  tr_array_destroy(&x);
  tr_drift_destroy(&sampler.drift);
  tr_ctx_close(&ctx);
  return status == TR_OK ? 0 : 1;
}
