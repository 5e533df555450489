/* Autoguidance between two networks: several covectors at once have the bits of one after the other, behind
 * one forward of each, and a call within what was announced takes no memory of its own. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/backend.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"
#include "transport/autoguidance.h"

enum { ROWS = 3, VECTORS = 2 };

/* A network that another one of its sizes guides. */
typedef struct {
  scene s;
  tr_net *other;
  tr_drift *guide, *both;
} pair;

static void open_pair(tr_ctx *ctx, pair *p) {
  tr_net_config config;
  const tr_net_options options = {.dtype = TR_F64};
  open_scene(ctx, &scene_odd, TR_F64, ROWS, &p->s);
  CHECK_OK(ctx, scene_configure(ctx, &scene_odd, &config));
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, &options, TR_NET_RANDOM, 77, &p->other));
  CHECK_OK(ctx, tr_drift_of_net(p->other, TR_VELOCITY, &p->guide));
  tr_net_config_clear(&config);
  CHECK_OK(ctx, tr_drift_create_autoguided(p->s.network, p->guide, &(tr_guidance){1.75, 0, 0, 1}, &p->both));
}

static void close_pair(pair *p) {
  tr_drift_destroy(&p->both);
  tr_drift_destroy(&p->guide);
  tr_net_destroy(&p->other);
  close_scene(&p->s);
}

/* VECTORS covectors a row: the scene's and its states in turn. */
static tr_array *covectors(tr_ctx *ctx, const scene *s) {
  int64_t shape[TR_MAX_DIMS] = {VECTORS};
  tr_array *w;
  for (int i = 0; i < s->x->ndim; i++) shape[1 + i] = s->x->shape[i];
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, s->x->ndim + 1, shape, &w));
  for (int r = 0; r < VECTORS; r++) {
    tr_array one = tr_view(w, r * s->x->count, s->x->ndim, s->x->shape);
    CHECK_OK(ctx, tr_array_copy(r % 2 ? s->x : s->w, &one));
  }
  return w;
}

static void several_at_once(tr_ctx *ctx, const pair *p) {
  const scene *s = &p->s;
  const tr_times times = scene_times(s, 0, ROWS);
  const tr_cond cond = scene_cond(s, 0, ROWS);
  tr_array *w = covectors(ctx, s), *wJ, *f, *each;
  CHECK_OK(ctx, tr_array_like(w, &wJ));
  CHECK_OK(ctx, tr_array_like(w, &each));
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  /* What a network makes of its weights at its first backward is no memory of a call. */
  CHECK_OK(ctx, tr_drift_vjp_multi(s->network, times, s->x, &cond, w, f, wJ));
  CHECK_OK(ctx, tr_drift_vjp_multi(p->guide, times, s->x, &cond, w, f, wJ));
  CHECK_OK(ctx, tr_drift_reserve(p->both, s->x, &cond, VECTORS));
  const int64_t before = tr_ctx_memory(ctx);
  CHECK_OK(ctx, tr_drift_vjp_multi(p->both, times, s->x, &cond, w, f, wJ));
  CHECK(p->both->n_forward == 2 && p->both->n_vjp == 2 * VECTORS);
  for (int r = 0; r < VECTORS; r++) {
    const tr_array one = tr_view(w, r * s->x->count, s->x->ndim, s->x->shape);
    tr_array own = tr_view(each, r * s->x->count, s->x->ndim, s->x->shape);
    CHECK_OK(ctx, tr_drift_vjp(p->both, times, s->x, &cond, &one, f, &own));
  }
  CHECK(tr_ctx_memory(ctx) == before);
  double *a = values(wJ), *b = values(each);
  if (promises(ctx, TR_BACKEND_ROWS_INDEPENDENT))
    CHECK(memcmp(a, b, (size_t)w->count * sizeof *a) == 0);
  else
    CHECK_NEAR(check_relative(a, b, w->count), 0, 1e-12);
  free(a), free(b);
  tr_array_destroy(&w), tr_array_destroy(&wJ), tr_array_destroy(&f), tr_array_destroy(&each);
}

/* w' (df/dx) v by the covector and by the vector. */
static void products_agree(tr_ctx *ctx, const pair *p) {
  const scene *s = &p->s;
  const tr_times times = scene_times(s, 0, ROWS);
  const tr_cond cond = scene_cond(s, 0, ROWS);
  tr_array *f, *wJ, *Jv;
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_array_like(s->x, &wJ));
  CHECK_OK(ctx, tr_array_like(s->x, &Jv));
  CHECK_OK(ctx, tr_drift_vjp(p->both, times, s->x, &cond, s->w, f, wJ));
  CHECK_OK(ctx, tr_drift_jvp(p->both, times, s->x, &cond, s->x, Jv));
  double *x = values(s->x), *w = values(s->w), *a = values(wJ), *b = values(Jv);
  const double by_covector = scene_dot(a, x, s->x->count), by_vector = scene_dot(w, b, s->x->count);
  CHECK(fabs(by_vector) > 1e-3);
  CHECK_NEAR(by_covector, by_vector, 1e-10 * (1 + fabs(by_vector)));
  free(x), free(w), free(a), free(b);
  tr_array_destroy(&f), tr_array_destroy(&wJ), tr_array_destroy(&Jv);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  pair p;
  open_pair(ctx, &p);
  several_at_once(ctx, &p);
  products_agree(ctx, &p);
  close_pair(&p);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
