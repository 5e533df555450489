#include "tests/support/nets/op_times.h"

#include <stdio.h>
#include <string.h>

#include "core/context_private.h"
#include "core/cpu/cpu.h"
#include "tests/support/fma_loop.h"
#include "tests/support/seconds.h"

typedef struct {
  char name[32], shape[48];
  long calls;
  double seconds, flops;
} entry;

enum { MOST = 128 };
static entry table[MOST];
static int used;

static entry *find(const char *name, const char *shape) {
  int i = 0;
  while (i < used && (strcmp(table[i].name, name) != 0 || strcmp(table[i].shape, shape) != 0)) i++;
  if (i == MOST) return &table[MOST - 1];
  if (i == used) {
    table[used++] = (entry){0};
    snprintf(table[i].name, sizeof table[i].name, "%s", name);
    snprintf(table[i].shape, sizeof table[i].shape, "%s", shape);
  }
  return &table[i];
}

/* ---- what a call is called, and how much it multiplies ---- */

static double shape_of_product(char *shape, size_t size, int64_t rows, int64_t in, int64_t out) {
  snprintf(shape, size, "%lldx%lldx%lld", (long long)rows, (long long)out, (long long)in);
  return 2.0 * (double)rows * (double)in * (double)out;
}

static double shape_of_attention(char *shape, size_t size, const tr_array *qkv, int64_t samples, int heads,
                                 int products) {
  const double tokens = (double)(qkv->shape[0] / samples), width = (double)(qkv->shape[1] / 3);
  snprintf(shape, size, "%lldx%gx%g/%d", (long long)samples, tokens, width, heads);
  return 2.0 * products * (double)samples * tokens * tokens * width;
}

/* Multiplications of matrices; 0: none. */
static double describe(const char *op, const void *args, char *shape, size_t size) {
  shape[0] = 0;
  if (strcmp(op, "linear") == 0) {
    const tr_nn_linear_args *a = args;
    return shape_of_product(shape, size, a->x->shape[0], a->x->shape[1], a->y->shape[1]);
  }
  if (strcmp(op, "gradient_of_linear") == 0) {
    const tr_nn_gradient_of_linear_args *a = args;
    return shape_of_product(shape, size, a->x->shape[0], a->x->shape[1], a->dy->shape[1]);
  }
  if (strcmp(op, "attention") == 0) {
    const tr_nn_attention_args *a = args;
    return shape_of_attention(shape, size, a->qkv, a->samples, a->heads, 2);
  }
  if (strcmp(op, "attention_backward") == 0) {
    const tr_nn_attention_backward_args *a = args;
    return shape_of_attention(shape, size, a->qkv, a->samples, a->heads, 5);
  }
  return 0;
}

static const char *name_of(const char *op, const void *args) {
  const bool turned = strcmp(op, "linear") == 0 && ((const tr_nn_linear_args *)args)->transposed;
  return turned ? "linear transposed" : op;
}

static void note(const char *op, const void *args, double from) {
  char shape[48];
  const double seconds = seconds_of_processors() - from, flops = describe(op, args, shape, sizeof shape);
  entry *e = find(name_of(op, args), shape);
  e->calls++, e->seconds += seconds, e->flops += flops;
}

/* ---- the table ---- */

#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  static tr_status timed_##op(tr_ctx *ctx, const tr_nn_##op##_args *args) {                                  \
    const double from = seconds_of_processors();                                                             \
    tr_status status = tr_cpu_nn.op(ctx, args);                                                              \
    note(#op, args, from);                                                                                   \
    return status;                                                                                           \
  }
#include "core/nn/ops.def"
#undef TR_NN_OP

static tr_status timed_weight_set(tr_ctx *ctx, void *own, const tr_array *values) {
  const double from = seconds_of_processors();
  tr_status status = tr_cpu_nn.weight_set(ctx, own, values);
  entry *e = find("weight_set", "");
  e->calls++, e->seconds += seconds_of_processors() - from;
  return status;
}

void op_times_begin(tr_ctx *ctx) {
  static tr_nn_ops nn;
  static tr_backend backend;
  nn = tr_cpu_nn;
  nn.weight_set = timed_weight_set;
#define TR_NN_OP(op, what, need, moves, must, may) nn.op = timed_##op;
#include "core/nn/ops.def"
#undef TR_NN_OP
  backend = tr_backend_cpu;
  backend.nn = &nn;
  op_times_reset();
  tr_ctx_set_backend(ctx, &backend);
}

void op_times_reset(void) {
  used = 0;
}

void op_times_print(tr_ctx *ctx, int runs, double seconds) {
  const int threads = tr_ctx_threads(ctx);
  const double loop = fma_loop_rate(((const tr_cpu_state *)tr_ctx_backend_state(ctx))->level);
  printf("op\tshape\tcalls\tms\tgflops\tshare\n");
  for (int i = 0; i < used; i++) {
    const entry *e = &table[i];
    const double rate = e->flops / e->seconds;
    seconds -= e->seconds;
    printf("%s\t%s\t%.0f\t%.2f\t", e->name, e->shape, (double)e->calls / runs,
           e->seconds / runs / threads * 1e3);
    printf(e->flops > 0 ? "%.1f\t%.2f\n" : "\t\n", rate * threads * 1e-9, rate / loop);
  }
  printf("rest\t\t\t%.2f\t\t\n", seconds / runs / threads * 1e3);
}
