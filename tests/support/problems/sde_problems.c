#include "tests/support/problems/sde_problems.h"

#include <stdlib.h>

#include "core/module/registry.h"

double affine_slope(double t) {
  return -1.5 - 0.7 * t;
}
double affine_offset(double t) {
  return 1 + cos(2 * t);
}
double affine_noise2(double t) {
  return 0.5 + 2 * (1 - t) * (1 - t);
}

/* dx = f(t, x) element by element on the host; the row's first element first. */
static tr_status on_host(double t, const tr_array *x, tr_array *dx,
                         void (*f)(double t, double *c, int64_t n)) {
  double *c = malloc((size_t)x->count * sizeof *c);
  tr_status status = c ? tr_array_get_f64(x, c) : TR_E_MEM;
  if (status == TR_OK) f(t, c, x->count);
  if (status == TR_OK) status = tr_array_set_f64(dx, c);
  free(c);
  return status;
}

static void affine_f(double t, double *c, int64_t n) {
  for (int64_t i = 0; i < n; i++) c[i] *= affine_slope(t);
  c[0] += affine_offset(t);
}
static tr_status affine_drift(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  return on_host(t, x, dx, affine_f);
}

static void sine_f(double t, double *c, int64_t n) {
  for (int64_t i = 0; i < n; i++) c[i] = 2 * sin(2 * c[i] + t);
}
static tr_status sine_drift(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  return on_host(t, x, dx, sine_f);
}

static tr_status g2(double t, double *out, void *user) {
  (void)user;
  *out = affine_noise2(t);
  return TR_OK;
}
static tr_status g2_integral(double t0, double t1, double *out, void *user) {
  (void)user;
  *out = 0.5 * (t1 - t0) + 2 * (pow(1 - t0, 3) - pow(1 - t1, 3)) / 3;
  return TR_OK;
}

tr_status unit_noise2(double t, double *out, void *user) {
  (void)t, (void)user;
  *out = 1;
  return TR_OK;
}
tr_status unit_noise2_integral(double t0, double t1, double *out, void *user) {
  (void)user;
  *out = t1 - t0;
  return TR_OK;
}

const tr_sde_problem affine = {.drift = affine_drift, .g2 = g2, .g2_integral = g2_integral};
const tr_sde_problem sine = {.drift = sine_drift, .g2 = g2, .g2_integral = g2_integral};

const tr_sde_method *find_sde(tr_ctx *ctx, const char *name) {
  const tr_module *module = NULL;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, name, &module));
  return (const tr_sde_method *)module;
}
