#include "tests/support/nets/bench_network.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/vec/vec.h"
#include "experiments/output/machine.h"
#include "nets/train/trainer.h"
#include "tests/support/check.h"
#include "tests/support/nets/networks.h"
#include "tests/support/nets/op_times.h"
#include "tests/support/seconds.h"

enum { CHANNELS = 4, CLASSES = 1000 };

typedef struct {
  const char *device, *models, *batches;
  int side;
  tr_dtype dtype;
  tr_nn_products products;
  tr_net_storage storage;
  int threads, runs;
  double seconds;
  bool by_op;
  bench_kind kind;
} bench_options;

/* What --dtype says. */
static const struct {
  const char *name;
  tr_dtype dtype;
  tr_nn_products products;
} dtypes[] = {{"f32", TR_F32, TR_NN_FULL},
              {"f64", TR_F64, TR_NN_FULL},
              {"bf16", TR_F32, TR_NN_BF16},
              {"tf32", TR_F32, TR_NN_TF32}};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static const char *dtype_name(const bench_options *o) {
  int i = 0;
  while (dtypes[i].dtype != o->dtype || dtypes[i].products != o->products) i++;
  return dtypes[i].name;
}

static bool set_dtype(bench_options *o, const char *name) {
  for (int i = 0; i < DTYPES; i++) {
    if (strcmp(dtypes[i].name, name) != 0) continue;
    o->dtype = dtypes[i].dtype, o->products = dtypes[i].products;
    return true;
  }
  return false;
}

/* Multiply-adds of one sample: linear layers of the tokens, attention, and the conditioning. */
static double multiply_adds(const tr_net *net) {
  const double tokens = (double)tr_net_value(net, "tokens"), d = (double)tr_net_value(net, "hidden");
  const double side = (double)tr_net_value(net, "patch"), area = side * side;
  const double channels = (double)(tr_net_value(net, "channels") + tr_net_value(net, "out_channels"));
  double block = tokens * (4 * d * d + 2 * d * (double)tr_net_value(net, "mlp_hidden")) +
                 2 * tokens * tokens * d + 6 * d * d;
  double ends = tokens * d * area * channels + 2 * d * d;
  return (double)tr_net_value(net, "depth") * block + ends +
         (double)tr_net_value(net, "time_frequencies") * d + d * d;
}

typedef struct {
  tr_drift *drift;
  tr_trainer *trainer;  /* NULL: no training */
  tr_array *x, *f, *wJ; /* wJ NULL: forward only */
  double *times;
  int32_t *labels;
  int64_t batch;
} bench_case;

static tr_status open_trainer(tr_ctx *ctx, tr_net *net, int batch, tr_trainer **out) {
  tr_trainer_options o;
  tr_trainer_defaults(&o);
  o.batch = batch;
  TR_TRY(tr_interpolant_find(ctx, "Linear", &o.loss.interpolant));
  TR_TRY(tr_prediction_find(ctx, "velocity", &o.loss.prediction));
  TR_TRY(tr_loss_weight_find(ctx, "none", &o.loss.weight));
  return tr_trainer_create(net, &o, out);
}

static tr_status open_case(tr_ctx *ctx, const bench_options *options, tr_drift *drift, int batch,
                           bench_case *b) {
  const tr_random_address address = {.seed = 1, .purpose = TR_RANDOM_INIT};
  *b = (bench_case){.drift = drift, .batch = batch};
  b->times = malloc((size_t)batch * sizeof *b->times);
  b->labels = malloc((size_t)batch * sizeof *b->labels);
  if (!b->times || !b->labels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a batch of %d", batch);
  for (int i = 0; i < batch; i++) b->times[i] = (i + 0.5) / batch, b->labels[i] = i % CLASSES;
  TR_TRY(tr_array_create(ctx, options->dtype, 4, (int64_t[]){batch, CHANNELS, options->side, options->side},
                         &b->x));
  TR_TRY(tr_array_like(b->x, &b->f));
  if (options->kind == BENCH_VJP) TR_TRY(tr_array_like(b->x, &b->wJ));
  if (options->kind == BENCH_TRAIN) TR_TRY(open_trainer(ctx, tr_net_of_drift(drift), batch, &b->trainer));
  return tr_randn(&address, b->x);
}

static void close_case(bench_case *b) {
  tr_trainer_destroy(&b->trainer);
  tr_array_destroy(&b->x);
  tr_array_destroy(&b->f);
  tr_array_destroy(&b->wJ);
  free(b->times);
  free(b->labels);
}

/* The covector of the VJP is x itself: any will do. */
static tr_status evaluate(const bench_case *b) {
  const tr_cond cond = {b->batch, b->labels};
  const tr_times times = {b->batch, b->times};
  tr_train_report report;
  if (b->trainer)
    return tr_trainer_step(b->trainer, &(tr_train_batch){.x1 = b->x, .labels = b->labels}, &report);
  return b->wJ ? tr_drift_vjp(b->drift, times, b->x, &cond, b->x, b->f, b->wJ)
               : tr_drift_eval(b->drift, times, b->x, &cond, b->f);
}

typedef struct {
  int runs;
  double best, processor; /* of one run, by the clock; of all, of the processors */
} bench_time;

static tr_status time_runs(const bench_case *b, const bench_options *options, bench_time *out) {
  tr_ctx *ctx = b->x->ctx;
  TR_TRY(evaluate(b)); /* warms up */
  TR_TRY(tr_wait(ctx));
  op_times_reset();
  double start = seconds_now(), processor = seconds_of_processors();
  *out = (bench_time){.best = 1e300};
  for (; out->runs < options->runs || seconds_now() - start < options->seconds; out->runs++) {
    double from = seconds_now();
    TR_TRY(evaluate(b));
    TR_TRY(tr_wait(ctx));
    double took = seconds_now() - from;
    if (took < out->best) out->best = took;
  }
  out->processor = seconds_of_processors() - processor;
  return TR_OK;
}

static tr_status bench_batch(tr_ctx *ctx, const bench_options *options, const char *model, tr_drift *drift,
                             int batch) {
  bench_case b;
  bench_time time;
  tr_status status = open_case(ctx, options, drift, batch, &b);
  if (status == TR_OK) status = time_runs(&b, options, &time);
  close_case(&b);
  TR_TRY(status);
  /* The backward of states multiplies as often as the forward, attention apart, and so does that of weights.
   */
  double passes = 1 + options->kind;
  double flops = 2 * passes * multiply_adds(tr_net_of_drift(drift)) * batch;
  printf("%s\t%d\t%s\t%d\t%.3f\t%.1f\t%.0f\t%.3f\n", model, batch, dtype_name(options), options->threads,
         time.best * 1e3, flops / time.best * 1e-9, machine_peak_resident(),
         time.processor / time.runs / options->threads * 1e3);
  if (options->by_op) op_times_print(ctx, time.runs, time.processor);
  fflush(stdout);
  return TR_OK;
}

static tr_status bench_model(tr_ctx *ctx, const bench_options *options, const char *model) {
  const tr_net_size sizes[] = {{"channels", CHANNELS},
                               {"latent_size", options->side},
                               {"num_classes", CLASSES},
                               {"learn_sigma", true}};
  tr_net *net;
  tr_drift *drift;
  char full[64];
  snprintf(full, sizeof full, strncmp(model, "SiT-", 4) == 0 ? "%s" : "SiT-%s", model);
  TR_TRY(networks_register(ctx));
  TR_TRY(tr_net_create_named(ctx, full, 4, sizes,
                             &(tr_net_options){.dtype = options->dtype,
                                               .products = options->products,
                                               .trained = options->kind == BENCH_TRAIN,
                                               .storage = options->storage},
                             1, &net));
  TR_TRY(tr_drift_take_net(&net, TR_VELOCITY, &drift));
  tr_status status = TR_OK;
  for (const char *at = options->batches; at && status == TR_OK; at = strchr(at, ',')) {
    at += *at == ',';
    int batch = atoi(at);
    status = batch > 0 ? bench_batch(ctx, options, model, drift, batch)
                       : TR_FAIL(ctx, TR_E_ARG, "--batch '%s': use positive numbers", options->batches);
  }
  tr_drift_destroy(&drift);
  return status;
}

static tr_status bench_all(tr_ctx *ctx, const bench_options *options) {
  char names[256];
  snprintf(names, sizeof names, "%s", options->models);
  TR_TRY(tr_ctx_set_threads(ctx, options->threads));
  if (options->by_op && !promises(ctx, TR_BACKEND_HOST_MEMORY))
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "--by op is for the processor");
  if (options->by_op) op_times_begin(ctx);
  printf("model\tbatch\tdtype\tthreads\tms\tgflops\tpeak_mib\tprocessor_ms\n");
  for (char *rest, *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
    TR_TRY(bench_model(ctx, options, name));
  return TR_OK;
}

static int usage(const char *name, const char *bad) {
  fprintf(stderr,
          "%s: bad option '%s'\nusage: %s [--device NAME] [--model S/2,B/2,...] [--batch 1,8,...] [--side N] "
          "[--dtype f32|f64|bf16|tf32] [--weights wide|bf16] [--threads N] [--runs N] [--seconds S] [--by "
          "step|op]\n",
          name, bad, name);
  return 2;
}

static bool parse(bench_options *o, const char *name, const char *value) {
  if (strcmp(name, "--device") == 0)
    o->device = value;
  else if (strcmp(name, "--side") == 0)
    o->side = atoi(value);
  else if (strcmp(name, "--model") == 0)
    o->models = value;
  else if (strcmp(name, "--batch") == 0)
    o->batches = value;
  else if (strcmp(name, "--dtype") == 0)
    return set_dtype(o, value);
  else if (strcmp(name, "--weights") == 0 && (strcmp(value, "bf16") == 0 || strcmp(value, "wide") == 0))
    o->storage = strcmp(value, "bf16") == 0 ? TR_WEIGHTS_BF16 : TR_WEIGHTS_WIDE;
  else if (strcmp(name, "--by") == 0 && (strcmp(value, "step") == 0 || strcmp(value, "op") == 0))
    o->by_op = strcmp(value, "op") == 0;
  else if (strcmp(name, "--threads") == 0)
    o->threads = atoi(value);
  else if (strcmp(name, "--runs") == 0)
    o->runs = atoi(value);
  else if (strcmp(name, "--seconds") == 0)
    o->seconds = atof(value);
  else
    return false;
  return o->threads >= 0 && o->runs > 0 && o->side > 0;
}

int bench_network(const char *name, bench_kind kind, int argc, char **argv) {
  tr_ctx *ctx;
  tr_error error;
  bench_options options = {.device = "cpu",
                           .models = "S/2,B/2,XL/2",
                           .batches = "1,8",
                           .side = 32,
                           .dtype = TR_F32,
                           .runs = 3,
                           .seconds = 1,
                           .kind = kind};
  for (int i = 1; i < argc; i += 2)
    if (i + 1 == argc || !parse(&options, argv[i], argv[i + 1])) return usage(name, argv[i]);
  if (tr_ctx_open(options.device, 1, &ctx, &error) != TR_OK) {
    fprintf(stderr, "%s: %s\n", name, error.message);
    return 1;
  }
  if (!options.threads) options.threads = tr_ctx_threads(ctx);
  tr_status status = bench_all(ctx, &options);
  if (status != TR_OK) fprintf(stderr, "%s: %s\n", name, tr_ctx_error(ctx)->message);
  tr_ctx_close(&ctx);
  return status != TR_OK;
}
