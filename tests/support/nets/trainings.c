#include "tests/support/nets/trainings.h"

#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

tr_trainer_options training_options(tr_ctx *ctx) {
  tr_trainer_options o;
  tr_trainer_defaults(&o);
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &o.loss.interpolant));
  CHECK_OK(ctx, tr_prediction_find(ctx, "velocity", &o.loss.prediction));
  CHECK_OK(ctx, tr_loss_weight_find(ctx, "none", &o.loss.weight));
  o.batch = TRAINING_ROWS;
  o.label_dropout = 0;
  return o;
}

training training_open(tr_ctx *ctx, int hidden, uint64_t seed, const tr_trainer_options *options) {
  const tr_net_size sizes[] = {{"dim", TRAINING_DIM},   {"hidden", hidden}, {"depth", 2},
                               {"time_frequencies", 8}, {"num_classes", 0}, {"null_class", -1}};
  tr_net_config config = {0};
  training t = {0};
  CHECK_OK(ctx, tr_net_configure_sizes(ctx, "mlp", sizeof sizes / sizeof *sizes, sizes, &config));
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, &(tr_net_options){.dtype = TR_F32, .trained = true},
                                     TR_NET_INITIAL, seed, &t.net));
  tr_net_config_clear(&config);
  CHECK_OK(ctx, tr_trainer_create(t.net, options, &t.trainer));
  return t;
}

void training_close(training *t) {
  tr_trainer_destroy(&t->trainer);
  tr_net_destroy(&t->net);
}

double training_step(tr_ctx *ctx, training *t, int k) {
  tr_train_report report = {0};
  tr_array *x1 = matrix(ctx, TR_F32, TRAINING_ROWS, TRAINING_DIM, (uint32_t)(100 + k));
  CHECK_OK(ctx, tr_trainer_step(t->trainer, &(tr_train_batch){.x1 = x1}, &report));
  tr_array_destroy(&x1);
  return report.loss;
}
