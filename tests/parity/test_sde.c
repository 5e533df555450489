/* End points of the SDE with given normals against the reference: 1e-9 in f64 for every form x method x last
 * step that it can run. */
/* TR_TEST_DEVICE */
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "transport/sampler/sampler.h"

static double largest; /* difference of all runs */
static int runs;

typedef struct {
  tr_array *all; /* (steps, N, C, H, W) */
} normals;

static tr_status read_normals(long step, tr_array *z, void *user) {
  const normals *given = user;
  tr_array slice = tr_view(given->all, step * z->count, z->ndim, z->shape);
  return tr_array_copy(&slice, z);
}

/* "FORM|METHOD|LAST" cut into its parts in place; false for other entries. */
static bool cut(char *entry, char **form, char **method, char **last) {
  char *first = strchr(entry, '|'), *second = first ? strchr(first + 1, '|') : NULL;
  if (!second) return false;
  *first = *second = 0;
  *form = entry, *method = first + 1, *last = second + 1;
  return true;
}

static void one_entry(tr_ctx *ctx, tr_npz *npz, tr_sampler s, const tr_cond *cond, const char *entry) {
  char parts[96], *form, *method, *last;
  snprintf(parts, sizeof parts, "%s", entry);
  if (!cut(parts, &form, &method, &last)) return;
  CHECK_OK(ctx, tr_diffusion_find(ctx, form, &s.diffusion));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, method, (const tr_module **)&s.sde.method));
  CHECK_OK(ctx, tr_last_step_find(ctx, last, &s.last));
  s.diffusion.norm = golden_scalar(ctx, npz, "norm");
  if (s.drift->kind == TR_VELOCITY && strcmp(form, "SBDM") == 0)
    s.sample_eps = golden_scalar(ctx, npz, "sample_eps_velocity_SBDM");
  tr_array *x = golden_array(npz, "z", TR_F64);
  tr_sample_stats stats;
  long per_step = strcmp(method, "Heun") == 0 ? 2 : 1, last_step = strcmp(last, "None") != 0;
  CHECK_OK(ctx, tr_sample_sde(&s, cond, x, &stats));
  double difference = golden_difference(npz, entry, x);
  CHECK_NEAR(difference, 0, 1e-9);
  largest = fmax(largest, difference);
  runs++;
  if (!(difference <= 1e-9)) fprintf(stderr, "  in %s\n", entry);
  CHECK(stats.nfe == (s.n_steps - 1) * per_step + last_step); /* the reference spends twice as many */
  tr_array_destroy(&x);
}

static void one_file(tr_ctx *ctx, const char *path, const char *prediction, int least) {
  char name[64];
  snprintf(name, sizeof name, "sde_%s_%s", path, prediction);
  tr_npz *npz = golden_open(ctx, name);
  const tr_prediction_type *kind;
  tr_sampler s;
  tr_brownian *brownian;
  int32_t labels[4];
  tr_cond cond = {golden_labels(ctx, npz, labels, 4), labels};
  normals given = {golden_array(npz, "normals", TR_F64)};
  CHECK_OK(ctx, tr_prediction_find(ctx, prediction, &kind));
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  CHECK_OK(ctx, tr_brownian_create_given(ctx, given.all->shape[0], read_normals, &given, &brownian));
  s.drift = golden_network(ctx, TR_F64, kind->tag);
  s.path = brownian;
  s.n_steps = (int)golden_scalar(ctx, npz, "num_steps");
  s.last_size = golden_scalar(ctx, npz, "last_step_size");
  int compared = 0;
  for (int i = 0; i < tr_npz_count(npz); i++) {
    compared += strchr(tr_npz_name(npz, i), '|') != NULL;
    one_entry(ctx, npz, s, &cond, tr_npz_name(npz, i));
  }
  CHECK(compared >= least);
  tr_brownian_destroy(&brownian);
  tr_array_destroy(&given.all);
  tr_drift_destroy(&s.drift);
  tr_npz_close(&npz);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  one_file(ctx, "Linear", "velocity", 43);
  one_file(ctx, "GVP", "score", 48);
  one_file(ctx, "VP", "noise", 48);
  printf("largest difference of %d end points: %.1e\n", runs, largest);
  tr_ctx_close(&ctx);
  return check_report();
}
