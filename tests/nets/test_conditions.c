/* Times and labels on the device, read off the context's counter: labels go there once, a time of an
 * evaluation as a small set, one that was there before not at all; after the first evaluation of a shape, or
 * none where it was announced, none allocates or uploads, forward, back and sideways, with guidance on a part
 * of the time too. */
/* TR_TEST_RESOURCES */
#include "nets/conditions.h"

#include <stdlib.h>
#include <string.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/problems/scene.h"
#include "transport/guidance.h"
#include "transport/sampler/sampler.h"
#include "transport/transfer.h"

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

/* The weights are packed for the way back by the first that goes it: one row does. */
static void go_back_once(tr_ctx *ctx, const scene *s) {
  const tr_cond cond = scene_cond(s, 0, 1);
  tr_array x = tr_rows(s->x, 0, 1), w = tr_rows(s->w, 0, 1), *f, *wJ;
  CHECK_OK(ctx, tr_array_like(&x, &f));
  CHECK_OK(ctx, tr_array_like(&x, &wJ));
  CHECK_OK(ctx, tr_drift_vjp(s->network, scene_times(s, 0, 1), &x, &cond, &w, f, wJ));
  tr_array_destroy(&f);
  tr_array_destroy(&wJ);
}

/* What was announced: evaluations on both sides of the edges of guidance, from the first on. */
static void announced(tr_ctx *ctx, const scene *s, bool transfer) {
  static const double times[] = {0.1, 0.4, 0.4, 0.6, 0.2, 0.45, 0.9};
  const tr_guidance guidance = {.scale = 1.5, .low = 0.3, .high = 0.7};
  const tr_cond cond = scene_cond(s, 0, s->rows);
  tr_interpolant linear, gvp;
  tr_drift *guide, *transferred = NULL;
  go_back_once(ctx, s);
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "GVP", &gvp));
  CHECK_OK(ctx, tr_drift_create_guided(s->network, &guidance, &guide));
  if (transfer) CHECK_OK(ctx, tr_drift_create_transferred(guide, &linear, &gvp, &transferred));
  passes p = {.drift = transfer ? transferred : guide, .x = s->x, .w = s->w};
  CHECK_OK(ctx, tr_array_like(s->x, &p.f));
  CHECK_OK(ctx, tr_array_like(s->x, &p.out));
  for (int pass = FORWARD; pass <= BACK; pass++) {
    CHECK_OK(ctx, tr_drift_reserve(p.drift, s->x, &cond, pass));
    CHECK_OK(ctx, tr_drift_reserve(p.drift, s->x, &cond, pass));
    tr_counts before = tr_ctx_counts(ctx);
    for (int i = 0; i < 7; i++) run(ctx, &p, pass, (tr_times){1, &times[i]}, &cond);
    check_quiet(ctx, &before, 6);
  }
  tr_array_destroy(&p.f);
  tr_array_destroy(&p.out);
  tr_drift_destroy(&transferred);
  tr_drift_destroy(&guide);
}

typedef struct {
  tr_ctx *ctx;
  tr_counts first; /* after the first step */
} progress;

static void note_first(double t, long n_rhs, void *user) {
  progress *seen = user;
  (void)t, (void)n_rhs;
  if (seen->first.operations == 0) seen->first = tr_ctx_counts(seen->ctx);
}

/* A sampler announces its solve: with guidance in its middle it allocates and sends nothing but times. */
static void sampled(tr_ctx *ctx, const scene *s, bool sde) {
  const tr_guidance guidance = {.scale = 1.5, .low = 0.3, .high = 0.7};
  const tr_cond cond = scene_cond(s, 0, s->rows);
  progress seen = {.ctx = ctx};
  tr_drift *guide;
  tr_sampler sampler;
  tr_sample_stats stats;
  tr_array *x;
  CHECK_OK(ctx, tr_drift_create_guided(s->network, &guidance, &guide));
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &sampler));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "euler", (const tr_module **)&sampler.ode.method));
  sampler.drift = guide;
  sampler.n_steps = 12;
  sampler.on_progress = note_first;
  sampler.progress_user = &seen;
  CHECK_OK(ctx, tr_array_like(s->x, &x));
  CHECK_OK(ctx, tr_sample_init(&sampler, x));
  CHECK_OK(ctx, sde ? tr_sample_sde(&sampler, &cond, x, &stats) : tr_sample_ode(&sampler, &cond, x, &stats));
  tr_counts news = counts_since(ctx, seen.first);
  CHECK(stats.nfe >= 11 && news.allocations == 0 && news.uploads == 0 && news.downloads == 0);
  CHECK(news.small_sets == stats.nfe - 1);
  tr_array_destroy(&x);
  tr_drift_destroy(&guide);
}

/* Rows that share a time are one time. */
static void shared_time(tr_ctx *ctx, const scene *s) {
  const tr_cond cond = scene_cond(s, 0, s->rows);
  passes p = {.drift = s->network, .x = s->x, .w = s->w};
  double same[SCENE_ROWS], *a = malloc(2 * (size_t)s->x->count * sizeof *a), *b = a + s->x->count;
  for (int64_t i = 0; i < s->rows; i++) same[i] = 0.35;
  CHECK_OK(ctx, tr_array_like(s->x, &p.f));
  CHECK_OK(ctx, tr_array_like(s->x, &p.out));
  for (int pass = FORWARD; pass < PASSES; pass++) {
    const tr_array *result = pass == FORWARD ? p.f : p.out;
    run(ctx, &p, pass, (tr_times){1, same}, &cond);
    CHECK_OK(ctx, tr_array_get_f64(result, a));
    tr_counts before = tr_ctx_counts(ctx);
    run(ctx, &p, pass, (tr_times){s->rows, same}, &cond);
    check_quiet(ctx, &before, 0);
    CHECK_OK(ctx, tr_array_get_f64(result, b));
    CHECK(memcmp(a, b, (size_t)s->x->count * sizeof *a) == 0);
  }
  tr_array_destroy(&p.f);
  tr_array_destroy(&p.out);
  free(a);
}

static void bad_announcements(tr_ctx *ctx, const scene *s) {
  const int32_t label = 12345;
  const tr_cond cond = scene_cond(s, 0, s->rows);
  CHECK_ERROR(ctx, tr_drift_reserve(s->network, s->x, NULL, 0), TR_E_ARG, "class labels");
  CHECK_ERROR(ctx, tr_drift_reserve(s->network, s->x, &(tr_cond){1, &label}, 0), TR_E_ARG, "12345");
  CHECK_ERROR(ctx, tr_drift_reserve(s->network, s->x, &cond, -1), TR_E_ARG, "-1 covectors");
}

static void sit(tr_ctx *ctx, const scene_sizes *config, int64_t rows) {
  scene s;
  open_scene(ctx, config, TR_F32, rows, &s);
  network(ctx, s.network, &s);
  shared_time(ctx, &s);
  bad_announcements(ctx, &s);
  if (config->null_class >= 0) guided(ctx, &s);
  close_scene(&s);
  for (int k = 0; k < 4 && config->null_class >= 0; k++) {
    open_scene(ctx, config, TR_F32, rows, &s); /* nothing is there yet */
    if (k < 2)
      announced(ctx, &s, k == 1);
    else
      sampled(ctx, &s, k == 3);
    close_scene(&s);
  }
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
  CHECK(news.allocations == 2 && news.uploads == 0 && news.small_sets == 3); /* 4800 bytes are two pieces */
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

/* The first of what is there is there; room that was made is used. */
static void beginnings(tr_ctx *ctx) {
  double t[1500], back[1500];
  const int32_t labels[4] = {3, 1, 9, 9};
  tr_conditions c = {0};
  for (int i = 0; i < 1500; i++) t[i] = (i * 7 % 1500) / 1500.;
  CHECK_OK(ctx, tr_conditions_reserve(ctx, &c, 1500, &(tr_cond){4, labels}));
  tr_counts before = tr_ctx_counts(ctx);
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){1500, t}, &(tr_cond){2, labels}));
  check_quiet(ctx, &before, 3);
  tr_array all = tr_conditions_times(&c, 0, 1500);
  CHECK_OK(ctx, tr_array_get_f64(&all, back));
  CHECK(memcmp(t, back, sizeof t) == 0);
  before = tr_ctx_counts(ctx);
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){1, t}, &(tr_cond){4, labels}));
  CHECK(tr_conditions_times(&c, 2, 2).count == 1 && tr_conditions_labels(&c, 1, 3).count == 3);
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){700, t}, &(tr_cond){1, labels}));
  CHECK(tr_conditions_times(&c, 2, 2).count == 2 && tr_conditions_labels(&c, 1, 3).count == 1);
  check_quiet(ctx, &before, 0);
  CHECK_OK(ctx, tr_conditions_set(ctx, &c, (tr_times){2, t + 1}, &(tr_cond){2, labels + 1}));
  check_quiet(ctx, &before, 2);
  tr_conditions_clear(&c);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  mirrors(ctx);
  beginnings(ctx);
  sit(ctx, &scene_odd, 7);
  if (!emulated(ctx)) sit(ctx, &scene_large, 5);
  mlp(ctx, 0);
  mlp(ctx, 4);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
