/* A training written and taken up again: every array and the step; averages that a file lacks; files of
 * another network, of no training, and with steps that differ. */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/train/state.h"
#include "tests/support/check.h"
#include "tests/support/nets/networks.h"
#include "tests/support/nets/trainings.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/scratch.h"

/* TR_TEST_RESOURCES */

static void open_training(tr_ctx *ctx, int hidden, int averages, uint64_t seed, training *t) {
  tr_trainer_options o = training_options(ctx);
  o.n_averages = averages;
  o.keep[0] = 0.9;
  o.keep[1] = 0.5;
  *t = training_open(ctx, hidden, seed, &o);
}

static void same(const tr_array *a, const tr_array *b) {
  double *x = values(a), *y = values(b);
  CHECK(a->count == b->count && !memcmp(x, y, (size_t)a->count * sizeof *x));
  free(x), free(y);
}

static tr_status load(tr_ctx *ctx, tr_trainer *trainer, const char *path) {
  tr_checkpoint *checkpoint;
  CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &checkpoint));
  tr_status status = tr_trainer_load(trainer, checkpoint);
  tr_checkpoint_close(&checkpoint);
  return status;
}

static void round_trip(tr_ctx *ctx) {
  training one, other;
  open_training(ctx, 8, 2, 1, &one);
  open_training(ctx, 8, 2, 2, &other);
  for (int k = 0; k < 3; k++) training_step(ctx, &one, k);
  const tr_saved_arg args[] = {{.name = "path_type", .kind = TR_SAVED_TEXT, .text = "Linear"}};
  CHECK_OK(ctx, tr_trainer_save(one.trainer, scratch("state.pt"), 1, args));
  CHECK_OK(ctx, load(ctx, other.trainer, scratch("state.pt")));
  CHECK(tr_trainer_steps(other.trainer) == 3);
  same(tr_params_values(tr_net_params(one.net)), tr_params_values(tr_net_params(other.net)));
  same(tr_trainer_first_moment(one.trainer), tr_trainer_first_moment(other.trainer));
  same(tr_trainer_second_moment(one.trainer), tr_trainer_second_moment(other.trainer));
  for (int i = 0; i < 2; i++) same(tr_trainer_average(one.trainer, i), tr_trainer_average(other.trainer, i));
  for (int k = 3; k < 5; k++) CHECK(training_step(ctx, &one, k) == training_step(ctx, &other, k));
  same(tr_trainer_average(one.trainer, 0), tr_trainer_average(other.trainer, 0));
  training_close(&one);
  training_close(&other);
}

/* A file with one average for a training with two: the second begins with the parameters. */
static void fewer_averages(tr_ctx *ctx) {
  training one, two;
  open_training(ctx, 8, 1, 1, &one);
  open_training(ctx, 8, 2, 2, &two);
  training_step(ctx, &one, 0);
  CHECK_OK(ctx, tr_trainer_save(one.trainer, scratch("one.pt"), 0, NULL));
  CHECK_OK(ctx, load(ctx, two.trainer, scratch("one.pt")));
  same(tr_trainer_average(one.trainer, 0), tr_trainer_average(two.trainer, 0));
  same(tr_params_values(tr_net_params(one.net)), tr_trainer_average(two.trainer, 1));
  training_close(&one);
  training_close(&two);
}

static void exported(tr_ctx *ctx) {
  training one;
  tr_checkpoint *checkpoint;
  tr_tensors set;
  open_training(ctx, 8, 1, 1, &one);
  training_step(ctx, &one, 0);
  CHECK_OK(ctx, tr_trainer_export(one.trainer, 0, scratch("ema.safetensors"), 0, NULL));
  CHECK_OK(ctx, tr_checkpoint_open(ctx, scratch("ema.safetensors"), &checkpoint));
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, checkpoint, NULL, &set));
  tr_params *params = tr_net_params(one.net);
  CHECK(set.n == tr_params_n(params));
  for (int i = 0; i < set.n; i++) {
    const tr_tensor *t = tr_tensors_find(&set, tr_params_entry(params, i)->name);
    tr_array part = tr_params_at(params, tr_trainer_average(one.trainer, 0), i);
    double *want = values(&part), *got = malloc((size_t)part.count * sizeof *got);
    CHECK(t && t->count == part.count);
    CHECK_OK(ctx, tr_tensor_to_f64(ctx, t, got));
    CHECK(!memcmp(want, got, (size_t)part.count * sizeof *got));
    free(want), free(got);
  }
  CHECK_ERROR(ctx, tr_trainer_export(one.trainer, 1, scratch("no.safetensors"), 0, NULL), TR_E_ARG,
              "average 1");
  tr_checkpoint_close(&checkpoint);
  training_close(&one);
}

static void refused(tr_ctx *ctx) {
  training one, wide;
  open_training(ctx, 8, 1, 1, &one);
  open_training(ctx, 12, 1, 1, &wide);
  training_step(ctx, &one, 0);
  CHECK_OK(ctx, tr_trainer_save(one.trainer, scratch("small.pt"), 0, NULL));
  CHECK_ERROR(ctx, load(ctx, wide.trainer, scratch("small.pt")), TR_E_SHAPE, "another shape");
  /* no optimiser: a file of weights alone */
  const tr_array weight = tr_params_value(tr_net_params(one.net), 0);
  const tr_saved_tensor item = {.name = tr_params_entry(tr_net_params(one.net), 0)->name, .array = &weight};
  const tr_saved_set sets[2] = {{"model", 1, &item}, {"ema", 1, &item}};
  CHECK_OK(ctx, tr_torch_save(ctx, scratch("weights.pt"), &(tr_saved){.n_sets = 2, .sets = sets}));
  CHECK_ERROR(ctx, load(ctx, one.trainer, scratch("weights.pt")), TR_E_IO, "no state of AdamW");
  /* moments, but not of all parameters */
  const tr_saved_adamw some = {.step = 4, .n = 1, .first = &item, .second = &item};
  CHECK_OK(ctx,
           tr_torch_save(ctx, scratch("some.pt"), &(tr_saved){.n_sets = 2, .sets = sets, .adamw = &some}));
  CHECK_ERROR(ctx, load(ctx, one.trainer, scratch("some.pt")), TR_E_SHAPE, "lacks 'x_in.bias'");
  training_close(&one);
  training_close(&wide);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, networks_register(ctx));
  round_trip(ctx);
  fewer_averages(ctx);
  exported(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
