#include "tests/support/nets/op_bytes.h"

#include <stdio.h>
#include <string.h>

#include "core/context_private.h"
#include "core/cpu/cpu.h"
#include "core/vec/program.h"

static op_bytes counted;

static op_bytes_row *find(const char *name) {
  int i = 0;
  while (i < counted.n && strcmp(counted.row[i].name, name) != 0) i++;
  if (i == OP_BYTES_MOST) return &counted.row[i - 1];
  if (i == counted.n) snprintf(counted.row[counted.n++].name, sizeof counted.row->name, "%s", name);
  return &counted.row[i];
}

/* ---- operands ---- */

typedef struct {
  const tr_array *array; /* NULL: absent */
  bool written;
  const char *text; /* as ops.def writes it: "a->gate.table" */
} operand;

typedef struct {
  const char *op;
  const void *args;
  int n;
  const operand *v;
} call;

/* Of a table one window of columns counts, and at most a row for each of the first operand. */
static bool is_window(const operand *o) {
  const size_t n = strlen(o->text);
  return (n >= 5 && strcmp(o->text + n - 5, "table") == 0) || strcmp(o->text, "a->dgate") == 0;
}

static int64_t rows_of(const tr_array *a) {
  return a->count ? a->shape[0] : 0;
}

static int64_t columns_of(const tr_array *a) {
  return a->count ? a->count / a->shape[0] : 0;
}

/* Columns of a window: those of the result, or else of what it is a sum of. */
static int64_t window_of(const call *c) {
  int i = 0;
  while (i < c->n && !(c->v[i].array && c->v[i].written && !is_window(&c->v[i]))) i++;
  return columns_of(c->v[i < c->n ? i : 0].array);
}

static double bytes_of(const call *c, const operand *o) {
  const double size = (double)tr_dtype_size(o->array->dtype);
  if (!is_window(o)) return (double)o->array->count * size;
  const int64_t rows = rows_of(o->array), most = rows_of(c->v[0].array);
  return (double)(rows < most ? rows : most) * (double)window_of(c) * size;
}

/* Results that are added to or changed. */
static bool is_read_too(const char *op) {
  return strcmp(op, "adamw") == 0 || strcmp(op, "gradient_of_linear") == 0;
}

static double bytes_once(const call *c) {
  double bytes = 0;
  for (int i = 0; i < c->n; i++) {
    const operand *o = &c->v[i];
    if (!o->array || strcmp(o->text, "a->norm.x") == 0) continue; /* that is linear.y */
    bytes += bytes_of(c, o) * (o->written && is_read_too(c->op) ? 2 : 1);
  }
  return bytes;
}

static double size_of(const tr_array *a) {
  return (double)a->count * (double)tr_dtype_size(a->dtype);
}

/* ---- what an operation is called, multiplies, and moves beyond its operands ---- */

/* A product, and behind it, where cuBLASLt cannot do all, a pass over what it gave: a row of its own. */
static void add_linear(const call *c, const tr_nn_linear_args *a, bool apart, op_bytes_row *r) {
  const tr_nn_weight_spec *spec = &a->w->spec;
  const bool rounded = spec->products == TR_NN_BF16;
  const double out = (double)a->y->count, given = size_of(a->x);
  const double product = out * (double)tr_dtype_size(apart ? a->x->dtype : spec->compute);
  r->flops += 2 * out * (double)a->x->shape[1];
  r->once += (double)spec->out * (double)spec->in * (rounded ? 2 : (double)tr_dtype_size(spec->compute));
  if (rounded && a->x->dtype != TR_BF16) r->again += 2 * 2 * (double)a->x->count;
  if (!apart && !a->gate.table && !a->residual) {
    r->once += bytes_once(c);
    return;
  }
  char name[sizeof r->name];
  snprintf(name, sizeof name, "behind %.40s", r->name);
  r->once += given, r->again += product;
  r = find(name);
  r->calls++, r->once += bytes_once(c) - given, r->again += product;
}

static void add_gradient(const call *c, const tr_nn_gradient_of_linear_args *a, op_bytes_row *r) {
  r->flops += 2 * (double)a->dy->count * (double)a->x->shape[1];
  r->once += bytes_once(c);
  if (!a->db) return;
  r = find("sums of columns");
  r->calls++, r->again += size_of(a->dy);
}

static double pairs_of(const tr_array *qkv, int64_t samples) {
  const double rows = (double)qkv->shape[0];
  return rows * (rows / (double)samples) * (double)(qkv->shape[1] / 3);
}

static void add_attention(const tr_nn_attention_args *a, op_bytes_row *r) {
  r->flops += 2 * 2 * pairs_of(a->qkv, a->samples);
}

/* Keys are read again by each tile of queries, out of the second cache: that is not counted. The backward
 * goes over queries and over keys, each with the scores made anew. */
static void add_attention_backward(const tr_nn_attention_backward_args *a, op_bytes_row *r) {
  r->flops += 2 * 7 * pairs_of(a->qkv, a->samples);
  r->again += size_of(a->qkv) + 2 * size_of(a->dy);
}

static void describe(const call *c, op_bytes_row *r) {
  const void *args = c->args;
  if (strcmp(c->op, "linear") == 0) {
    add_linear(c, args, false, r);
  } else if (strcmp(c->op, "linear_norm") == 0) {
    add_linear(c, &((const tr_nn_linear_norm_args *)args)->linear, true, r);
  } else if (strcmp(c->op, "gradient_of_linear") == 0) {
    add_gradient(c, args, r);
  } else {
    r->once += bytes_once(c);
    if (strcmp(c->op, "attention") == 0) add_attention(args, r);
    if (strcmp(c->op, "attention_backward") == 0) add_attention_backward(args, r);
    if (strcmp(c->op, "gradient_of_norm") == 0) /* mean and deviation of rows first */
      r->again += size_of(((const tr_nn_gradient_of_norm_args *)args)->x);
  }
}

static void name_layer(const char *op, const tr_nn_linear_args *a, char *name, size_t size) {
  snprintf(name, size, "%s%s %lldx%lld", op, a->transposed ? " turned" : "", (long long)a->w->spec.out,
           (long long)a->w->spec.in);
}

static void name_call(const call *c, char *name, size_t size) {
  snprintf(name, size, "%s", c->op);
  if (strcmp(c->op, "linear") == 0) name_layer(c->op, c->args, name, size);
  if (strcmp(c->op, "linear_norm") == 0)
    name_layer(c->op, &((const tr_nn_linear_norm_args *)c->args)->linear, name, size);
  if (strcmp(c->op, "gradient_of_linear") == 0) {
    const tr_nn_gradient_of_linear_args *a = c->args;
    snprintf(name, size, "%s %lldx%lld", c->op, (long long)a->dy->shape[1], (long long)a->x->shape[1]);
  }
}

static void count(const call *c) {
  char name[40];
  name_call(c, name, sizeof name);
  op_bytes_row *r = find(name);
  r->calls++;
  describe(c, r);
}

/* ---- the tables ---- */

#define OPERAND(p)                                                                                           \
  { (const tr_array *)(p), _Generic((p), tr_array * : true, default : false), #p }
#define EACH_1(p)                          OPERAND(p)
#define EACH_2(p, ...)                     OPERAND(p), EACH_1(__VA_ARGS__)
#define EACH_3(p, ...)                     OPERAND(p), EACH_2(__VA_ARGS__)
#define EACH_4(p, ...)                     OPERAND(p), EACH_3(__VA_ARGS__)
#define EACH_5(p, ...)                     OPERAND(p), EACH_4(__VA_ARGS__)
#define EACH_6(p, ...)                     OPERAND(p), EACH_5(__VA_ARGS__)
#define SEVENTH(a, b, c, d, e, f, it, ...) it
#define EACH(...)                          SEVENTH(__VA_ARGS__, EACH_6, EACH_5, EACH_4, EACH_3, EACH_2, EACH_1, 0)(__VA_ARGS__)

#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  static tr_status count_##op(tr_ctx *ctx, const tr_nn_##op##_args *a) {                                     \
    const operand all[] = {EACH must, EACH may};                                                             \
    (void)ctx;                                                                                               \
    count(&(call){#op, a, (int)(sizeof all / sizeof *all), all});                                            \
    return TR_OK;                                                                                            \
  }
#include "core/nn/ops.def"
#undef TR_NN_OP

/* A loss is read by the host, so it is made. */
static tr_status count_and_make_loss(tr_ctx *ctx, const tr_nn_loss_args *a) {
  TR_TRY(count_loss(ctx, a));
  memset(a->loss->data, 0, (size_t)a->loss->count * tr_dtype_size(a->loss->dtype));
  return TR_OK;
}

static tr_status count_weight(tr_ctx *ctx, void *own, const tr_array *values) {
  op_bytes_row *r = find("weights made anew");
  (void)ctx, (void)own;
  r->calls++;
  r->once += size_of(values) + 2 * (double)values->count;
  return TR_OK;
}

static int64_t all_at_once(tr_ctx *ctx, bool kept, int64_t bytes) {
  (void)ctx, (void)kept, (void)bytes;
  return INT64_MAX / 2;
}

static int bits_of(unsigned set) {
  int n = 0;
  for (; set; set &= set - 1) n++;
  return n;
}

/* As cuda/vec/program.cu moves vectors: what is read before it is written is loaded, what is written stored.
 */
static tr_status count_program(tr_ctx *ctx, const tr_program *p) {
  unsigned loaded = 0, stored = 0;
  for (int j = 0; j < p->n_ops; j++) {
    for (int k = 0; k < p->op[j].n; k++) loaded |= (1u << p->term[p->op[j].first + k]) & ~stored;
    stored |= 1u << p->op[j].z;
  }
  if (p->reduce.slot >= 0) loaded |= (1u << p->reduce.x) & ~stored;
  if (p->reduce.slot >= 0 && p->reduce.y >= 0) loaded |= (1u << p->reduce.y) & ~stored;
  op_bytes_row *r = find("vectors");
  r->calls++;
  r->once += (double)(bits_of(loaded) + bits_of(stored)) * (double)p->count * (double)tr_dtype_size(p->dtype);
  return tr_backend_cpu.vec->program(ctx, p);
}

void op_bytes_begin(tr_ctx *ctx) {
  static tr_nn_ops nn;
  static tr_vec_ops vec;
  static tr_backend backend;
  nn = tr_cpu_nn;
#define TR_NN_OP(op, what, need, moves, must, may) nn.op = count_##op;
#include "core/nn/ops.def"
#undef TR_NN_OP
  nn.loss = count_and_make_loss, nn.weight_set = count_weight, nn.rows_at_once = all_at_once;
  vec = *tr_backend_cpu.vec;
  vec.program = count_program;
  backend = tr_backend_cpu;
  backend.promises |= TR_BACKEND_BF16_ARRAYS | TR_BACKEND_WANTS_STATS;
  backend.nn = &nn, backend.vec = &vec;
  counted = (op_bytes){0};
  tr_ctx_set_backend(ctx, &backend);
}

void op_bytes_take(op_bytes *out) {
  *out = counted;
  counted = (op_bytes){0};
}
