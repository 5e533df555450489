/* Times and labels on the device, read off the context's counter: labels go there once, a time of an
 * evaluation as a small set, one that was there before not at all; after the first evaluation of a shape none
 * allocates or uploads, forward, back and sideways, with guidance too. */
/* TR_TEST_RESOURCES */
#include "nets/conditions.h"

#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/problems/scene.h"
#include "transport/guidance.h"

typedef struct {
  tr_drift *drift;
  const tr_array *x, *w;
  tr_array *f, *out;
} passes;

enum { FORWARD, BACK, SIDEWAYS, PASSES };

static void run(tr_ctx *ctx, const passes *p, int pass, tr_times times, const tr_cond *cond) {
  if (pass == FORWARD) CHECK_OK(ctx, tr_drift_eval(p->drift, times, p->x, cond, p->f));
  if (pass == BACK) CHECK_OK(ctx, tr_drift_vjp(p->drift, times, p->x, cond, p->w, p->f, p->out));
  if (pass == SIDEWAYS) CHECK_OK(ctx, tr_drift_jvp(p->drift, times, p->x, cond, p->w, p->out));
}

/* Nothing but so many small sets. */
static void check_quiet(tr_ctx *ctx, const tr_counts *before, int64_t small_sets) {
  tr_counts news = counts_since(ctx, *before);
  CHECK(news.allocations == 0 && news.uploads == 0 && news.downloads == 0 && news.waits == 0);
  CHECK(news.small_sets == small_sets);
}

/* A solve's evaluations: another time each, the labels of the solve. */
static void solve(tr_ctx *ctx, const passes *p, int pass, const tr_cond *cond) {
  const double times[] = {0.25, 0.5, 0.5, 0.75};
  run(ctx, p, pass, (tr_times){1, &times[0]}, cond);
  for (int i = 1; i < 4; i++) {
    tr_counts before = tr_ctx_counts(ctx);
    run(ctx, p, pass, (tr_times){1, &times[i]}, cond);
    check_quiet(ctx, &before, i == 2 ? 0 : 1); /* the time that was there before goes nowhere */
  }
}

static void network(tr_ctx *ctx, tr_drift *drift, const scene *s) {
  passes p = {.drift = drift, .x = s->x, .w = s->w};
  tr_cond each = scene_cond(s, 0, s->rows), one = each;
  if (one.labels) one.n = 1;
  CHECK_OK(ctx, tr_array_like(s->x, &p.f));
  CHECK_OK(ctx, tr_array_like(s->x, &p.out));
  for (int pass = FORWARD; pass < PASSES; pass++) {
    solve(ctx, &p, pass, &each);
    solve(ctx, &p, pass, &one);
    solve(ctx, &p, pass, &each); /* fewer labels than there were, and more again */
  }
  tr_array_destroy(&p.f);
  tr_array_destroy(&p.out);
}

static void guided(tr_ctx *ctx, const scene *s) {
  const tr_guidance guidance = {.scale = 1.5, .low = 0, .high = 1};
  tr_drift *guide;
  CHECK_OK(ctx, tr_drift_create_guided(s->network, &guidance, &guide));
  network(ctx, guide, s);
  tr_drift_destroy(&guide);
}

static void sit(tr_ctx *ctx, const scene_sizes *config, int64_t rows) {
  scene s;
  open_scene(ctx, config, TR_F32, rows, &s);
  network(ctx, s.network, &s);
  if (config->null_class >= 0) guided(ctx, &s);
  close_scene(&s);
}

static void mlp(tr_ctx *ctx, int label_rows) {
  weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 20, 2, 8, label_rows});
  scene s;
  open_mlp_scene(ctx, w, TR_F64, 40, &s);
  network(ctx, s.network, &s);
  close_scene(&s);
  weights_free(w);
}

/* Values that are there stay, and what is there is what was set. */
static void mirrors(tr_ctx *ctx) {
  double t[600];
  int32_t labels[3] = {4, 5, 6};
  tr_conditions c = {0};
  tr_counts before = tr_ctx_counts(ctx), news;
  for (int i = 0; i < 600; i++) t[i] = i / 600.;
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){600, t}, &(tr_cond){3, labels}));
  news = counts_since(ctx, before);
  CHECK(news.allocations == 2 && news.uploads == 1 && news.small_sets == 1); /* 4800 bytes are not small */
  before = tr_ctx_counts(ctx);
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){600, t}, NULL));
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){600, t}, &(tr_cond){3, labels}));
  check_quiet(ctx, &before, 0);
  labels[1] = 7;
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){2, t + 5}, &(tr_cond){3, labels}));
  check_quiet(ctx, &before, 2);
  double some[2], whole[3];
  tr_array rows = tr_conditions_times(&c, 0, 2), all = tr_conditions_labels(&c, 0, 3);
  CHECK_OK(ctx, tr_array_get_f64(&rows, some));
  CHECK_OK(ctx, tr_array_get_f64(&all, whole));
  CHECK(rows.dtype == TR_F64 && some[0] == t[5] && some[1] == t[6]);
  CHECK(all.dtype == TR_I32 && whole[0] == 4 && whole[1] == 7 && whole[2] == 6);
  rows = tr_conditions_labels(&c, 1, 2);
  CHECK_OK(ctx, tr_array_get_f64(&rows, some));
  CHECK(some[0] == 7 && some[1] == 6);
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){1, t + 9}, NULL));
  rows = tr_conditions_times(&c, 40, 7); /* one for all */
  CHECK_OK(ctx, tr_array_get_f64(&rows, some));
  CHECK(rows.count == 1 && some[0] == t[9]);
  tr_conditions_clear(&c);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  mirrors(ctx);
  sit(ctx, &scene_odd, 7);
  sit(ctx, &scene_large, 5);
  mlp(ctx, 0);
  mlp(ctx, 4);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
