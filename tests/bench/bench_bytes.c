/* What a forward or a training step of a SiT on latents of 4 channels moves and multiplies on a device with
 * --dtype bf16, operation by operation, and the time that this takes at least: counted, not run
 * (tests/support/nets/op_bytes.h). bench_bytes [--model XL/2] [--batch N] [--side N] [--pass forward|train]
 * [--bandwidth TB/S] [--rate TFLOP/S]; the last two are an H200's, 4.8 and 989. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/sit/sit_private.h"
#include "nets/train/trainer.h"
#include "tests/support/nets/networks.h"
#include "tests/support/nets/op_bytes.h"

enum { CHANNELS = 4, CLASSES = 1000 };

typedef struct {
  const char *model;
  int batch, side;
  bool train;
  double bandwidth, rate;
} options;

static tr_status make_net(tr_ctx *ctx, const options *o, int depth, tr_net **out) {
  const tr_net_size sizes[] = {
      {"channels", CHANNELS}, {"latent_size", o->side}, {"num_classes", CLASSES}, {"learn_sigma", true}};
  char name[32];
  tr_net_config config;
  snprintf(name, sizeof name, "SiT-%s", o->model);
  tr_status status = tr_net_configure_named(ctx, name, 4, sizes, &config);
  if (status == TR_OK) {
    ((tr_sit_config *)config.sizes)->depth = depth;
    status = tr_net_create_random(
        ctx, &config, &(tr_net_options){.dtype = TR_F32, .products = TR_NN_BF16, .trained = o->train},
        TR_NET_INITIAL, 1, out);
  }
  tr_net_config_clear(&config);
  return status;
}

typedef struct {
  tr_array *x, *f;
  double *times;
  int32_t *labels;
} states;

static tr_status make_states(tr_ctx *ctx, const options *o, states *s) {
  const int64_t shape[] = {o->batch, CHANNELS, o->side, o->side};
  *s = (states){.times = calloc((size_t)o->batch, sizeof *s->times),
                .labels = calloc((size_t)o->batch, sizeof *s->labels)};
  if (!s->times || !s->labels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a batch of %d", o->batch);
  for (int i = 0; i < o->batch; i++) s->times[i] = (i + 0.5) / o->batch;
  TR_TRY(tr_array_create(ctx, TR_F32, 4, shape, &s->x));
  return tr_array_like(s->x, &s->f);
}

static void clear_states(states *s) {
  tr_array_destroy(&s->x);
  tr_array_destroy(&s->f);
  free(s->times);
  free(s->labels);
}

/* One step, with the average that training has. */
static tr_status train(tr_net *net, const options *o, const states *s, op_bytes *out) {
  tr_ctx *ctx = tr_net_ctx(net);
  tr_trainer *trainer;
  tr_train_report report;
  tr_trainer_options t;
  tr_trainer_defaults(&t);
  t.batch = o->batch;
  TR_TRY(tr_interpolant_find(ctx, "Linear", &t.loss.interpolant));
  TR_TRY(tr_prediction_find(ctx, "velocity", &t.loss.prediction));
  TR_TRY(tr_loss_weight_find(ctx, "none", &t.loss.weight));
  TR_TRY(tr_trainer_create(net, &t, &trainer));
  op_bytes_take(out);
  tr_status status = tr_trainer_step(trainer, &(tr_train_batch){.x1 = s->x, .labels = s->labels}, &report);
  tr_trainer_destroy(&trainer);
  return status;
}

static tr_status forward(tr_net *net, const options *o, const states *s, op_bytes *out) {
  op_bytes_take(out);
  return tr_net_forward(net, (tr_times){o->batch, s->times}, s->x, &(tr_cond){o->batch, s->labels}, s->f);
}

/* What one pass of a network of so many blocks takes. */
static tr_status count_pass(tr_ctx *ctx, const options *o, int depth, op_bytes *out) {
  tr_net *net = NULL;
  states s;
  tr_status status = make_states(ctx, o, &s);
  if (status == TR_OK) status = make_net(ctx, o, depth, &net);
  if (status == TR_OK) status = (o->train ? train : forward)(net, o, &s, out);
  op_bytes_take(out);
  tr_net_destroy(&net);
  clear_states(&s);
  return status;
}

static const op_bytes_row *row_of(const op_bytes *all, const char *name) {
  for (int i = 0; i < all->n; i++)
    if (strcmp(all->row[i].name, name) == 0) return &all->row[i];
  return NULL;
}

/* Of all blocks, from one and two; false if these have other operations than that. */
static bool extend(op_bytes *one, const op_bytes *two, int depth) {
  if (one->n != two->n) return false;
  for (int i = 0; i < one->n; i++) {
    op_bytes_row *a = &one->row[i];
    const op_bytes_row *b = row_of(two, a->name);
    if (!b) return false;
    a->calls += (depth - 1) * (b->calls - a->calls);
    a->once += (depth - 1) * (b->once - a->once);
    a->again += (depth - 1) * (b->again - a->again);
    a->flops += (depth - 1) * (b->flops - a->flops);
  }
  return true;
}

static void print(const options *o, const op_bytes *all) {
  double once = 0, again = 0, flops = 0, total = 0;
  printf("op\tcalls\tonce_mb\tagain_mb\tgflop\tmemory_ms\tproducts_ms\tbound_ms\n");
  for (int i = 0; i < all->n; i++) {
    const op_bytes_row *r = &all->row[i];
    const double memory = (r->once + r->again) / o->bandwidth * 1e-9, products = r->flops / o->rate * 1e-9;
    const double bound = memory > products ? memory : products;
    printf("%s\t%.0f\t%.1f\t%.1f\t%.1f\t%.3f\t%.3f\t%.3f\n", r->name, r->calls, r->once * 1e-6,
           r->again * 1e-6, r->flops * 1e-9, memory, products, bound);
    once += r->once, again += r->again, flops += r->flops, total += bound;
  }
  printf("all\t\t%.1f\t%.1f\t%.1f\t%.3f\t%.3f\t%.3f\n", once * 1e-6, again * 1e-6, flops * 1e-9,
         (once + again) / o->bandwidth * 1e-9, flops / o->rate * 1e-9, total);
}

static tr_status run(tr_ctx *ctx, const options *o) {
  op_bytes one, two;
  tr_net_config config;
  char name[32];
  const tr_net_size sizes[] = {{"channels", CHANNELS}, {"latent_size", o->side}, {"num_classes", CLASSES}};
  snprintf(name, sizeof name, "SiT-%s", o->model);
  TR_TRY(networks_register(ctx));
  op_bytes_begin(ctx);
  TR_TRY(tr_net_configure_named(ctx, name, 3, sizes, &config));
  const int depth = (int)tr_net_config_value(&config, "depth");
  tr_net_config_clear(&config);
  TR_TRY(count_pass(ctx, o, 1, &one));
  TR_TRY(count_pass(ctx, o, 2, &two));
  if (!extend(&one, &two, depth))
    return TR_FAIL(ctx, TR_E_ARG, "two blocks ask for other operations than one");
  print(o, &one);
  return TR_OK;
}

static bool parse(options *o, const char *name, const char *value) {
  if (strcmp(name, "--model") == 0)
    o->model = value;
  else if (strcmp(name, "--batch") == 0)
    o->batch = atoi(value);
  else if (strcmp(name, "--side") == 0)
    o->side = atoi(value);
  else if (strcmp(name, "--pass") == 0 && (strcmp(value, "train") == 0 || strcmp(value, "forward") == 0))
    o->train = strcmp(value, "train") == 0;
  else if (strcmp(name, "--bandwidth") == 0)
    o->bandwidth = atof(value);
  else if (strcmp(name, "--rate") == 0)
    o->rate = atof(value);
  else
    return false;
  return o->batch > 0 && o->side > 0 && o->bandwidth > 0 && o->rate > 0;
}

int main(int argc, char **argv) {
  options o = {.model = "XL/2", .batch = 32, .side = 32, .bandwidth = 4.8, .rate = 989};
  tr_ctx *ctx;
  tr_error error;
  for (int i = 1; i < argc; i += 2)
    if (i + 1 == argc || !parse(&o, argv[i], argv[i + 1])) {
      fprintf(
          stderr,
          "bench_bytes: bad option '%s'\nusage: bench_bytes [--model XL/2] [--batch N] [--side N] [--pass "
          "forward|train] [--bandwidth TB/S] [--rate TFLOP/S]\n",
          argv[i]);
      return 2;
    }
  if (tr_ctx_open("cpu", 1, &ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_bytes: %s\n", error.message);
    return 1;
  }
  tr_status status = run(ctx, &o);
  if (status != TR_OK) fprintf(stderr, "bench_bytes: %s\n", tr_ctx_error(ctx)->message);
  tr_ctx_close(&ctx);
  return status != TR_OK;
}
