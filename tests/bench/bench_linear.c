/* Times the linear layers of a block of SiT, over the tokens of a batch, in tiles of rows as networks ask for
 * them and in the largest ones: what it costs that no row depends on the batch, and what a device does behind
 * the product. Calls are queued, and waited for together; the best of several rounds. Tab-separated.
 *   bench_linear [--device cpu] [--width 1152] [--tokens 256] [--batch 32,128] [--dtype f32|bf16|tf32]
 *                [--calls 20] [--rounds 5]
 * behind: nothing, or bias (and gelu in the layer that has it). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/seconds.h"

enum { LARGEST = 4096 }; /* rows of a tile, at most */

typedef struct {
  const char *device, *batches;
  int width, tokens, calls, rounds;
  tr_nn_products products;
} bench_options;

/* Of a block of SiT, in multiples of the width. */
static const struct {
  const char *name;
  int in, out;
  tr_nn_activation activation;
} layers[] = {{"qkv", 1, 3, TR_NN_IDENTITY},
              {"proj", 1, 1, TR_NN_IDENTITY},
              {"fc1", 1, 4, TR_NN_GELU_TANH},
              {"fc2", 4, 1, TR_NN_IDENTITY}};
enum { LAYERS = sizeof layers / sizeof *layers };

typedef struct {
  tr_array *x, *bias, *y;
  tr_nn_weight *w;
} bench_case;

/* Normals, in the type in which products read them. */
static tr_status random_array(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols, tr_array **out) {
  const tr_random_address address = {.seed = (uint64_t)(rows * 31 + cols), .purpose = TR_RANDOM_TEST};
  const int64_t shape[] = {rows, cols};
  tr_array *wide = NULL;
  tr_status status = tr_array_create(ctx, dtype, 2, shape, out);
  if (status == TR_OK) status = tr_array_create(ctx, TR_F32, 2, shape, &wide);
  if (status == TR_OK) status = tr_randn(&address, wide);
  if (status == TR_OK) status = tr_nn_activate(&(tr_nn_activate_args){.v = wide, .y = *out});
  tr_array_destroy(&wide);
  return status;
}

static tr_status open_weight(tr_ctx *ctx, const tr_nn_weight_spec *spec, tr_nn_weight **out) {
  tr_array *values = NULL;
  tr_status status = tr_nn_weight_create(ctx, spec, out);
  if (status == TR_OK) status = random_array(ctx, TR_F32, spec->out, spec->in, &values);
  if (status == TR_OK) status = tr_nn_weight_set(*out, values);
  tr_array_destroy(&values);
  return status;
}

static tr_status open_case(tr_ctx *ctx, const bench_options *o, int layer, int64_t rows, int64_t tile,
                           bench_case *c) {
  const int64_t in = (int64_t)o->width * layers[layer].in, out = (int64_t)o->width * layers[layer].out;
  const tr_dtype dtype = tr_nn_product_dtype(ctx, TR_F32, o->products);
  const tr_nn_weight_spec spec = {.out = out,
                                  .in = in,
                                  .storage = o->products == TR_NN_BF16 ? TR_BF16 : TR_F32,
                                  .compute = TR_F32,
                                  .products = o->products,
                                  .rows = tile};
  TR_TRY(open_weight(ctx, &spec, &c->w));
  TR_TRY(random_array(ctx, dtype, rows, in, &c->x));
  TR_TRY(tr_array_create(ctx, TR_F32, 1, &out, &c->bias));
  TR_TRY(tr_fill(0.5, c->bias));
  return tr_array_create(ctx, dtype, 2, (int64_t[]){rows, out}, &c->y);
}

static void close_case(bench_case *c) {
  tr_array_destroy(&c->x);
  tr_array_destroy(&c->bias);
  tr_array_destroy(&c->y);
  tr_nn_weight_destroy(&c->w);
}

static tr_status time_calls(const tr_nn_linear_args *a, int calls, double *seconds) {
  tr_ctx *ctx = a->y->ctx;
  TR_TRY(tr_wait(ctx));
  const double from = seconds_now();
  for (int i = 0; i < calls; i++) TR_TRY(tr_nn_linear(a));
  TR_TRY(tr_wait(ctx));
  *seconds = (seconds_now() - from) / calls;
  return TR_OK;
}

/* A row: the layer with nothing behind the product, or with all. */
static tr_status bench_layer(const bench_options *o, int layer, int64_t tile, bool all, const bench_case *c) {
  const tr_nn_linear_args a = {.x = c->x,
                               .w = c->w,
                               .bias = all ? c->bias : NULL,
                               .activation = all ? layers[layer].activation : TR_NN_IDENTITY,
                               .y = c->y};
  const char *behind = !all ? "nothing" : layers[layer].activation ? "bias, gelu" : "bias";
  double best = 1e300, took;
  TR_TRY(time_calls(&a, 3, &took)); /* warms up */
  for (int round = 0; round < o->rounds; round++) {
    TR_TRY(time_calls(&a, o->calls, &took));
    if (took < best) best = took;
  }
  const double flops = 2. * (double)c->x->count * (double)c->y->shape[1];
  printf("%s\t%s\t%lld\t%lld\t%.4f\t%.1f\n", layers[layer].name, behind, (long long)c->x->shape[0],
         (long long)tile, best * 1e3, flops / best * 1e-12);
  fflush(stdout);
  return TR_OK;
}

static tr_status bench_tile(tr_ctx *ctx, const bench_options *o, int layer, int64_t rows, int64_t tile) {
  bench_case c = {0};
  tr_status status = open_case(ctx, o, layer, rows, tile, &c);
  for (int all = 0; all < 2 && status == TR_OK; all++) status = bench_layer(o, layer, tile, all, &c);
  close_case(&c);
  return status;
}

static tr_status bench_all(tr_ctx *ctx, const bench_options *o) {
  printf("layer\tbehind\trows\ttile\tms\ttflops\n");
  for (const char *at = o->batches; at; at = strchr(at, ',')) {
    at += *at == ',';
    const int64_t rows = (int64_t)atoi(at) * o->tokens;
    if (rows <= 0) return TR_FAIL(ctx, TR_E_ARG, "--batch '%s': use positive numbers", o->batches);
    for (int layer = 0; layer < LAYERS; layer++) {
      TR_TRY(bench_tile(ctx, o, layer, rows, o->tokens));
      if (o->tokens < LARGEST && o->tokens < rows)
        TR_TRY(bench_tile(ctx, o, layer, rows, rows < LARGEST ? rows : LARGEST));
    }
  }
  return TR_OK;
}

static bool set_dtype(bench_options *o, const char *name) {
  if (strcmp(name, "bf16") == 0)
    o->products = TR_NN_BF16;
  else if (strcmp(name, "tf32") == 0)
    o->products = TR_NN_TF32;
  else
    return strcmp(name, "f32") == 0;
  return true;
}

static bool parse(bench_options *o, const char *name, const char *value) {
  if (strcmp(name, "--device") == 0)
    o->device = value;
  else if (strcmp(name, "--batch") == 0)
    o->batches = value;
  else if (strcmp(name, "--dtype") == 0)
    return set_dtype(o, value);
  else if (strcmp(name, "--width") == 0)
    o->width = atoi(value);
  else if (strcmp(name, "--tokens") == 0)
    o->tokens = atoi(value);
  else if (strcmp(name, "--calls") == 0)
    o->calls = atoi(value);
  else if (strcmp(name, "--rounds") == 0)
    o->rounds = atoi(value);
  else
    return false;
  return o->width > 0 && o->tokens > 0 && o->calls > 0 && o->rounds > 0;
}

int main(int argc, char **argv) {
  tr_ctx *ctx;
  tr_error error;
  bench_options options = {
      .device = "cpu", .batches = "32,128", .width = 1152, .tokens = 256, .calls = 20, .rounds = 5};
  for (int i = 1; i < argc; i += 2)
    if (i + 1 == argc || !parse(&options, argv[i], argv[i + 1])) {
      fprintf(stderr,
              "bench_linear: bad option '%s'\nusage: bench_linear [--device NAME] [--width N] [--tokens N] "
              "[--batch 32,128] [--dtype f32|bf16|tf32] [--calls N] [--rounds N]\n",
              argv[i]);
      return 2;
    }
  if (tr_ctx_open(options.device, 1, &ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_linear: %s\n", error.message);
    return 1;
  }
  const tr_status status = bench_all(ctx, &options);
  if (status != TR_OK) fprintf(stderr, "bench_linear: %s\n", tr_ctx_error(ctx)->message);
  tr_ctx_close(&ctx);
  return status != TR_OK;
}
