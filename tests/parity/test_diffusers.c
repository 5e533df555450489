/* End points against diffusers' schedulers (tests/data/goldens/diffusers.npz, made by
 * tests/make_diffusers.py) on the same state, normals and grid, the field being the exact denoiser of a
 * mixture, in f64. Chosen where a scheduler has variants: DPM-Solver++ 2M with solver_type "midpoint", UniPC
 * with "bh2"; no lower order near the end but for the step to sigma = 0, which is of order 1 in both. Their
 * sde-dpmsolver++ is the form SBDM at norm 1. Flow matching's sigma is 1 - t, its model output minus our
 * velocity. */
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/golden.h"
#include "tests/support/problems/flow.h"

enum { N = 2, K = 3, POINTS = 13 };

typedef struct {
  tr_npz *npz;
  double weights[K], means[K * N], variances[K * N], t[POINTS];
} goldens;

static void read_values(tr_npz *npz, const char *entry, double *out) {
  tr_array *array = golden_array(npz, entry, TR_F64);
  CHECK_OK(array->ctx, tr_array_get_f64(array, out));
  tr_array_destroy(&array);
}

/* The normals of step `step`: a slice of the file's (steps, rows, N). */
static tr_status given_normals(long step, tr_array *z, void *user) {
  const double *normals = user;
  return tr_array_set_f64(z, normals + step * z->count);
}

static double difference(tr_ctx *ctx, goldens *g, tr_sampler *s, bool sde, const char *entry) {
  tr_array *x = golden_array(g->npz, "start", TR_F64);
  double *normals = malloc((POINTS - 1) * (size_t)x->count * sizeof *normals);
  read_values(g->npz, "normals", normals);
  tr_brownian *path;
  tr_sample_stats stats;
  CHECK_OK(ctx, tr_brownian_create_given(ctx, POINTS - 1, given_normals, normals, &path));
  s->path = path;
  CHECK_OK(ctx, sde ? tr_sample_sde(s, NULL, x, &stats) : tr_sample_ode(s, NULL, x, &stats));
  CHECK(stats.nfe == POINTS - 1);
  double most = golden_difference(g->npz, entry, x);
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  free(normals);
  return most;
}

static void compare(tr_ctx *ctx, goldens *g, const char *path, const char *grid, const char *method) {
  char entry[64], times[64];
  tr_sampler s;
  bool sde = strcmp(method, "dpmpp-2m-sde") == 0;
  tr_quantity kind = strcmp(method, "euler") == 0 ? TR_VELOCITY : TR_DENOISER;
  snprintf(entry, sizeof entry, "%s|%s|%s", path, grid, method);
  snprintf(times, sizeof times, "%s|%s|t", path, grid);
  read_values(g->npz, times, g->t);
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  CHECK_OK(ctx, tr_exact_create_mixture(ctx, &s.interpolant, kind, N, K, g->weights, g->means, g->variances,
                                        &s.drift));
  CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "SBDM", &s.diffusion));
  CHECK_OK(ctx, tr_last_step_find(ctx, "None", &s.last));
  s.grid.list = g->t;
  s.grid.n_list = POINTS;
  s.sample_eps = 1 - g->t[POINTS - 1];
  if (sde)
    s.sde.method = flow_sde_method(ctx, method);
  else
    s.ode.method = flow_ode_method(ctx, method);
  double most = difference(ctx, g, &s, sde, entry);
  printf("%-26s %.1e\n", entry, most);
  CHECK_NEAR(most, 0, 1e-12);
  tr_drift_destroy(&s.drift);
}

int main(int argc, char **argv) {
  static const char *const paths[] = {"Linear", "GVP", "VP"};
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  goldens g = {.npz = golden_open(ctx, "diffusers")};
  read_values(g.npz, "weights", g.weights);
  read_values(g.npz, "means", g.means);
  read_values(g.npz, "variances", g.variances);
  for (int p = 0; p < 3; p++) {
    compare(ctx, &g, paths[p], "inner", "dpmpp-2m");
    compare(ctx, &g, paths[p], "inner", "dpmpp-2m-sde");
    compare(ctx, &g, paths[p], "inner", "unipc");
    compare(ctx, &g, paths[p], "inner", "unipc-3");
  }
  for (int p = 0; p < 3; p += 2) { /* their GVP is NaN at pure noise */
    compare(ctx, &g, paths[p], "whole", "dpmpp-2m");
    compare(ctx, &g, paths[p], "whole", "dpmpp-2m-sde");
  }
  compare(ctx, &g, "VP", "whole", "unipc");
  compare(ctx, &g, "Linear", "inner", "euler");
  compare(ctx, &g, "Linear", "whole", "euler");
  tr_npz_close(&g.npz);
  tr_ctx_close(&ctx);
  return check_report();
}
