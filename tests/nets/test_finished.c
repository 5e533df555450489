/* What a backward says of finished gradients: falling numbers of parameters down to 0, and behind each the
 * bits that are there at the end, in a batch of more than one group of samples too. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/nets/networks.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"

typedef struct {
  const tr_params *params;
  tr_array *gradient, *told; /* the gradient, and what it was when it was said to be finished */
  int calls, from;           /* the last number */
  tr_status status;          /* to answer with */
} listener;

static tr_status listen(void *user, int from) {
  listener *l = user;
  CHECK(from < l->from || (from == 0 && l->from == 0 && !l->calls));
  for (int i = from; i < l->from; i++) {
    tr_array now = tr_params_at(l->params, l->gradient, i), told = tr_params_at(l->params, l->told, i);
    CHECK_OK(now.ctx, tr_array_copy(&now, &told));
  }
  l->calls++;
  l->from = from;
  return l->status;
}

static tr_status back(const scene *s, listener *l) {
  const tr_cond cond = scene_cond(s, 0, s->rows);
  l->calls = 0;
  l->from = tr_params_n(l->params);
  return tr_net_backward(
      s->net, scene_times(s, 0, s->rows), s->x, &cond,
      &(tr_net_backward_args){
          .want = TR_GRAD_PARAMS, .w = s->w, .finished = listen, .user = l, .gradient = l->gradient});
}

/* As many calls as `calls`, at least. */
static void finished(tr_ctx *ctx, scene *s, int calls) {
  const tr_cond cond = scene_cond(s, 0, s->rows);
  listener l = {.params = tr_net_params(s->net)};
  CHECK_OK(ctx, tr_params_like(l.params, &l.gradient));
  CHECK_OK(ctx, tr_params_like(l.params, &l.told));
  CHECK_OK(ctx, back(s, &l));
  CHECK(l.from == 0 && l.calls >= calls);
  double *at_last = values(l.gradient), *told = values(l.told);
  CHECK(!memcmp(at_last, told, (size_t)l.gradient->count * sizeof *told));
  l.status = TR_E_IO;
  CHECK_ERROR(ctx, back(s, &l), TR_E_IO, "who asks for finished gradients");
  CHECK(l.calls == 1);
  CHECK_ERROR(ctx,
              tr_net_backward(
                  s->net, scene_times(s, 0, s->rows), s->x, &cond,
                  &(tr_net_backward_args){.want = TR_GRAD_INPUT, .w = s->w, .finished = listen, .wJ = s->x}),
              TR_E_ARG, "finished");
  free(at_last), free(told);
  tr_array_destroy(&l.gradient);
  tr_array_destroy(&l.told);
  close_scene(s);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  scene s;
  CHECK_OK(ctx, networks_register(ctx));
  open_trained_scene(ctx, &scene_odd, TR_F64, 59, &s); /* more than one group of samples */
  finished(ctx, &s, 2 + scene_odd.depth);              /* the final layer, the blocks, the rest */
  open_trained_scene(ctx, &scene_large, TR_F32, 2, &s);
  CHECK_OK(ctx, tr_net_set_recompute(s.net, true));
  finished(ctx, &s, 2 + scene_large.depth);
  weights *w = weights_of_mlp(
      ctx, &(weights_mlp_sizes){.dim = 2, .hidden = 19, .depth = 2, .frequencies = 6, .label_rows = 4});
  open_trained_mlp_scene(ctx, w, TR_F32, SCENE_ROWS, &s);
  finished(ctx, &s, 1);
  weights_free(w);
  tr_ctx_close(&ctx);
  return check_report();
}
