/* Whole solves of a network: once they are under way the state stays on the device. Nothing is allocated,
 * uploaded or downloaded between the first step and the last; what is set are times. On the emulator all
 * copies between host and device together are smaller than one state, and a step of CVODE on a SiT-S/2 of one
 * row is counted, where what is launched for the solver weighs most. */
/* TR_TEST_RESOURCES */
#include <string.h>

#include "nets/register.h"
#include "tests/simt/counters.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/problems/scene.h"
#include "transport/sampler/sampler.h"

enum { ROWS = 128, POINTS = 18, CLASSES = 3 };
static const scene_sizes sizes = {.channels = 4,
                                  .out_channels = 4,
                                  .patch = 2,
                                  .grid = 2,
                                  .hidden = 32,
                                  .depth = 1,
                                  .heads = 1,
                                  .mlp_hidden = 32,
                                  .time_frequencies = 16,
                                  .num_classes = CLASSES,
                                  .null_class = CLASSES};

/* Counts after the first step and after the latest. */
typedef struct {
  tr_ctx *ctx;
  long steps;
  tr_counts first, last;
  device_counts device_first, device_last;
  bool counted;
} walk;

static void on_progress(double t, long n_rhs, void *user) {
  walk *w = user;
  (void)t, (void)n_rhs;
  w->last = tr_ctx_counts(w->ctx);
  w->counted = device_count(&w->device_last);
  if (w->steps++ == 0) w->first = w->last, w->device_first = w->device_last;
}

static void check_walk(const char *name, const walk *w, int64_t state) {
  const tr_counts c = counts_between(w->first, w->last);
  const device_counts d = device_between(w->device_first, w->device_last);
  printf("%s: %ld steps, %lld small sets; the device: %lld transfers of %lld bytes; a state: %lld bytes\n",
         name, w->steps, (long long)c.small_sets, (long long)d.transfers, (long long)d.bytes,
         (long long)state);
  CHECK(w->steps > 3);
  CHECK(c.allocations == 0 && c.uploads == 0 && c.downloads == 0);
  CHECK(c.bytes_up == 0 && c.bytes_down == 0);
  if (w->counted) CHECK(d.bytes < state && d.transfers <= 4 * c.small_sets); /* times, and where a state is */
}

static void solve(tr_ctx *ctx, const char *name, bool sde) {
  scene scene;
  tr_sampler s;
  tr_sample_stats stats;
  tr_array *x;
  int32_t labels[ROWS];
  walk w = {.ctx = ctx};
  for (int i = 0; i < ROWS; i++) labels[i] = i % CLASSES;
  open_scene(ctx, &sizes, TR_F32, ROWS, &scene);
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  s.drift = scene.network;
  s.n_steps = POINTS;
  s.on_progress = on_progress;
  s.progress_user = &w;
  CHECK_OK(ctx, tr_find(ctx, sde ? TR_KIND_SDE_METHOD : TR_KIND_ODE_METHOD, name,
                        sde ? (const tr_module **)&s.sde.method : (const tr_module **)&s.ode.method));
  CHECK_OK(ctx, tr_array_like(scene.x, &x));
  CHECK_OK(ctx, tr_sample_init(&s, x));
  const tr_cond cond = {ROWS, labels};
  CHECK_OK(ctx, sde ? tr_sample_sde(&s, &cond, x, &stats) : tr_sample_ode(&s, &cond, x, &stats));
  check_walk(name, &w, x->count * (int64_t)tr_dtype_size(x->dtype));
  tr_array_destroy(&x);
  close_scene(&scene);
}

/* ---- SiT-S/2 ---- */

static const scene_sizes small_2 = {.channels = 4,
                                    .out_channels = 8,
                                    .patch = 2,
                                    .grid = 16,
                                    .hidden = 384,
                                    .depth = 12,
                                    .heads = 6,
                                    .mlp_hidden = 1536,
                                    .time_frequencies = 256,
                                    .num_classes = 1000,
                                    .null_class = 1000};

/* From the step on by which evaluations are replayed. */
enum { REPLAYED = 3 };
typedef struct {
  long steps, first_rhs, last_rhs;
  simt_counters first, last;
} paces;

static void note_pace(double t, long n_rhs, void *user) {
  paces *p = user;
  (void)t;
  (void)simt_counted(&p->last);
  p->last_rhs = n_rhs;
  if (++p->steps == REPLAYED) p->first = p->last, p->first_rhs = n_rhs;
}

/* An evaluation is a graph, all other launches are the solver's. */
static void check_paces(const paces *p) {
  const double steps = (double)(p->steps - REPLAYED), evaluations = (double)(p->last_rhs - p->first_rhs);
  const double launches = (double)(p->last.launches - p->first.launches);
  const double waits = (double)(p->last.waits - p->last.frees - p->first.waits + p->first.frees);
  const double graphs = (double)(p->last.graph_launches - p->first.graph_launches);
  printf("S/2, one row, a step: %.2f launches, %.2f waits, %.2f evaluations; %g steps\n", launches / steps,
         waits / steps, evaluations / steps, steps);
  CHECK(steps >= 5);
  CHECK(graphs == evaluations);
  CHECK(launches <= 5 * steps);
  CHECK(waits <= 2 * steps);
}

static void pace_of_cvode(tr_ctx *ctx) {
  scene scene;
  tr_sampler s;
  paces p = {0};
  const int32_t label = 207;
  open_scene(ctx, &small_2, TR_F32, 1, &scene);
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  s.drift = scene.network;
  s.ode.rtol = s.ode.atol = 1e-2;
  s.on_progress = note_pace;
  s.progress_user = &p;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "cvode-adams", (const tr_module **)&s.ode.method));
  CHECK_OK(ctx, tr_sample_ode(&s, &(tr_cond){1, &label}, scene.x, NULL));
  check_paces(&p);
  close_scene(&scene);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  solve(ctx, "cvode-adams", false);
  solve(ctx, "dopri5", false);
  solve(ctx, "heun2", false);
  solve(ctx, "euler-maruyama", true);
  if (emulated(ctx)) pace_of_cvode(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
