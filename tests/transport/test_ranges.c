/* The parameters of the modules that ship: each range has two ends, and at both of them the module still
 * works. So no value that is accepted overflows. */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "transport/diffusion/diffusion.h"
#include "transport/grid/grid.h"
#include "transport/guidance.h"
#include "transport/sampler/sampler.h"
#include "transport/transfer.h"

static const char *const paths[] = {"Linear", "GVP", "VP"};

static void has_both_ends(const char *kind, const tr_module *module) {
  for (int i = 0; i < module->n_params; i++) {
    unsigned ends = module->params[i].range.ends;
    bool both = (ends & (TR_RANGE_GE | TR_RANGE_GT)) && (ends & (TR_RANGE_LE | TR_RANGE_LT));
    if (!both) fprintf(stderr, "%s %s, %s:\n", kind, module->name, module->params[i].name);
    CHECK(both);
  }
}

static void every_range(tr_ctx *ctx) {
  const char *kind;
  const tr_module *module;
  int params = 0;
  for (int k = 0; (kind = tr_kind_at(ctx, k)); k++)
    for (int i = 0; (module = tr_module_at(ctx, kind, i)); i++) {
      has_both_ends(kind, module);
      params += module->n_params;
    }
  CHECK(params > 5);
}

static tr_interpolant path_of(tr_ctx *ctx, const char *name) {
  tr_interpolant path = {0};
  CHECK_OK(ctx, tr_interpolant_find(ctx, name, &path));
  return path;
}

/* Fifty points are in order; no path is asked for more than its times can tell apart. */
static void grids(tr_ctx *ctx) {
  static const struct {
    const char *name, *param;
  } grids[] = {{"shift", "shift"}, {"karras", "rho"}, {"logSNR", "bound"}};
  for (int i = 0; i < 3; i++)
    for (int p = 0; p < 3; p++)
      for (int end = 0; end < 2; end++) {
        tr_grid grid;
        double *points = NULL;
        int n = 0;
        if (i == 2 && p == 2 && end == 1) continue; /* VP is at the data long before */
        const tr_interpolant path = path_of(ctx, paths[p]);
        CHECK_OK(ctx, tr_grid_find(ctx, grids[i].name, &grid));
        const tr_range range = grid.type->info.params[0].range;
        CHECK_OK(ctx, tr_grid_set(ctx, &grid, grids[i].param, end ? range.high : range.low));
        CHECK_OK(ctx, tr_grid_points(ctx, &grid, &path, 0, 1, 50, &points, &n));
        CHECK(n == 50);
        free(points);
      }
}

static void vp(tr_ctx *ctx) {
  for (int ends = 0; ends < 3; ends++) {
    tr_interpolant path = path_of(ctx, "VP");
    const tr_range range = path.type->info.params[0].range;
    CHECK_OK(ctx, tr_interpolant_set(ctx, &path, "sigma_min", ends == 2 ? range.high : range.low));
    CHECK_OK(ctx, tr_interpolant_set(ctx, &path, "sigma_max", ends == 0 ? range.low : range.high));
    CHECK_OK(ctx, tr_interpolant_check(ctx, &path));
    for (int i = 0; i < 100; i++) {
      tr_coeffs at = tr_interpolant_at(&path, i / 100.0);
      CHECK(at.alpha > 0 && at.alpha < 1 && at.sigma > 0);
      CHECK(isfinite(at.dalpha) && isfinite(at.dsigma) && isfinite(at.W) && isfinite(at.inv_W));
      CHECK_NEAR(tr_interpolant_time(&path, at.theta), at.t, 1e-12);
    }
  }
}

static void kl_eta(tr_ctx *ctx) {
  tr_diffusion form;
  tr_table *table;
  const tr_interpolant path = path_of(ctx, "Linear");
  CHECK_OK(ctx, tr_table_create(ctx, 2, (double[]){0, 1}, (double[]){1e-6, 1}, &table));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "KL-eta", &form));
  form.table = table;
  CHECK_OK(ctx, tr_diffusion_set(ctx, &form, "eta", form.type->info.params[0].range.high));
  CHECK_OK(ctx, tr_diffusion_check(ctx, &form, &path));
  for (int i = 1; i < 100; i++) {
    tr_coeffs at = tr_interpolant_at(&path, i / 100.0);
    CHECK(tr_diffusion_D(&form, &at) > 0 && tr_diffusion_kappa(&form, &at) > 0);
  }
  tr_table_destroy(&table);
}

static tr_status copy(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  (void)times, (void)cond, (void)user;
  return tr_array_copy(x, f);
}

#define REFUSED(change, word)                                                                                \
  do {                                                                                                       \
    tr_sampler s = good;                                                                                     \
    tr_drift d = *good.drift;                                                                                \
    s.drift = &d;                                                                                            \
    change;                                                                                                  \
    CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, word);                                      \
  } while (0)

/* Fields of a sampler and of its provider that nothing could be made of. */
static void fields(tr_ctx *ctx) {
  tr_sampler good;
  tr_array *x;
  tr_drift *drift, *made;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){2, 2}, &x));
  CHECK_OK(ctx, tr_fill(1, x));
  CHECK_ERROR(ctx, tr_drift_create_callback(ctx, "copy", (tr_quantity)77, copy, NULL, &drift), TR_E_ARG,
              "quantity 77");
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "copy", TR_VELOCITY, copy, NULL, &drift));
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &good));
  good.drift = drift;
  REFUSED(s.clock = (tr_clock)77, "the clock 77");
  REFUSED(s.clock = (tr_clock)-1, "the clock -1");
  REFUSED(s.n_restarts = -1, "-1 restarts");
  REFUSED(s.n_restarts = 1, "1 restarts");
  REFUSED(d.ops = NULL, "its ops is NULL");
  REFUSED(d.n_breaks = -3, "copy announces -3 jumps");
  REFUSED(d.n_breaks = 2, "copy announces 2 jumps in time and gives none");
  drift->n_breaks = 2;
  CHECK_ERROR(ctx, tr_drift_create_guided(drift, &(tr_guidance){1, 0, 0, 1}, &made), TR_E_ARG, "2 jumps");
  CHECK_ERROR(ctx, tr_drift_create_transferred(drift, &good.interpolant, &good.interpolant, &made), TR_E_ARG,
              "2 jumps");
  tr_drift_destroy(&drift);
  tr_array_destroy(&x);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  every_range(ctx);
  grids(ctx);
  vp(ctx);
  kl_eta(ctx);
  fields(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
