/* The gradient of a network's parameters through a provider: that of the network itself, turned by the
 * provider's time and sign. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/net.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/mixtures.h"

enum { N = 4 };

typedef struct {
  tr_npz *npz;
  tr_net *net;
  tr_drift *drift;
  tr_array *x, *w, *f, *gradient;
  double t[N], late[N]; /* late: 1 - t */
  int32_t labels[N];
} scene_of_golden;

static void open_scene_of_golden(tr_ctx *ctx, scene_of_golden *s) {
  s->npz = golden_open(ctx, "loss_Linear_velocity_none");
  s->net = golden_net(ctx, &(tr_net_options){.dtype = TR_F64, .trained = true});
  s->x = golden_array(s->npz, "x0", TR_F64), s->w = golden_array(s->npz, "x1", TR_F64);
  tr_array *times = golden_array(s->npz, "t", TR_F64);
  CHECK_OK(ctx, tr_array_get_f64(times, s->t));
  tr_array_destroy(&times);
  for (int i = 0; i < N; i++) s->late[i] = 1 - s->t[i];
  CHECK(golden_labels(ctx, s->npz, s->labels, N) == N);
  CHECK_OK(ctx, tr_array_like(s->x, &s->f));
  CHECK_OK(ctx, tr_params_like(tr_net_params(s->net), &s->gradient));
  CHECK_OK(ctx, tr_drift_of_net(s->net, TR_VELOCITY, &s->drift));
}

static void close_scene_of_golden(scene_of_golden *s) {
  tr_array **const arrays[] = {&s->x, &s->w, &s->f, &s->gradient};
  tr_drift_destroy(&s->drift);
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) tr_array_destroy(arrays[i]);
  tr_net_destroy(&s->net);
  tr_npz_close(&s->npz);
}

/* The covector w, whatever the prediction, which is kept. */
static tr_status keep_and_give(void *user, int64_t first, const tr_array *f, tr_array *w) {
  const scene_of_golden *s = user;
  const int64_t n = f->shape[0];
  tr_array kept = tr_rows(s->f, first, n), given = tr_rows(s->w, first, n);
  TR_TRY(tr_array_copy(f, &kept));
  return tr_array_copy(&given, w);
}

/* factor times what is wanted of the network itself: prediction and gradient. */
static void through(tr_ctx *ctx, scene_of_golden *s, const tr_net_clock *clock, const double *times,
                    const double *f, const double *gradient) {
  CHECK_OK(ctx, tr_drift_set_clock(s->drift, clock));
  CHECK_OK(ctx, tr_fill(0, s->gradient));
  const long before = s->drift->n_forward;
  CHECK_OK(ctx, tr_drift_gradient(s->drift, (tr_times){N, times}, s->x, &(tr_cond){N, s->labels},
                                  keep_and_give, s, s->gradient));
  CHECK(s->drift->n_forward == before + 1);
  double *got_f = values(s->f), *got = values(s->gradient);
  for (int64_t i = 0; i < s->f->count; i++) got_f[i] /= clock->factor;
  for (int64_t i = 0; i < s->gradient->count; i++) got[i] /= clock->factor;
  CHECK(check_relative(got_f, f, s->f->count) < 1e-12);
  CHECK(check_relative(got, gradient, s->gradient->count) < 1e-12);
  free(got_f), free(got);
}

static void refused(tr_ctx *ctx, scene_of_golden *s) {
  tr_interpolant linear;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  tr_drift *exact = mixture_random(ctx, &linear, TR_VELOCITY, 2, 3, 0.1, 1);
  const tr_times times = {N, s->t};
  const tr_cond cond = {N, s->labels};
  CHECK_ERROR(ctx, tr_drift_gradient(exact, times, s->x, &cond, keep_and_give, s, s->gradient), TR_E_ARG,
              "is no network: only those have parameters");
  CHECK_ERROR(ctx, tr_drift_gradient(s->drift, times, s->x, &cond, keep_and_give, s, s->x), TR_E_SHAPE,
              "the gradient");
  tr_drift_destroy(&exact);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  scene_of_golden s;
  CHECK_OK(ctx, tr_register_all(ctx));
  open_scene_of_golden(ctx, &s);
  CHECK_OK(ctx, tr_net_backward(s.net, (tr_times){N, s.t}, s.x, &(tr_cond){N, s.labels},
                                &(tr_net_backward_args){
                                    .want = TR_GRAD_PARAMS, .w = s.w, .f = s.f, .gradient = s.gradient}));
  double *f = values(s.f), *gradient = values(s.gradient);
  through(ctx, &s, &(tr_net_clock){0, 1, 1}, s.t, f, gradient);
  through(ctx, &s, &(tr_net_clock){1, 0, -2}, s.late, f, gradient);
  refused(ctx, &s);
  free(f), free(gradient);
  close_scene_of_golden(&s);
  tr_ctx_close(&ctx);
  return check_report();
}
