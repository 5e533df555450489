/* Gradients of linear layers with the sums for their biases, in every type, where a library has these sums
 * beside the product and where it has none: right, the same each time, also in a recording, and in as many
 * launches as that takes. However many row counts there are, a bounded number of products is kept. */
/* TR_TEST_RESOURCES */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/record/record.h"
#include "core/vec/vec.h"
#include "tests/simt/counters.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"
#include "tests/support/problems/matrices.h"

/* How it is computed; half: dy is bf16, and so is x. */
typedef struct {
  const char *name;
  tr_dtype dtype;
  tr_nn_products products;
  bool half;
  double of_w, of_b; /* bounds of what differs from sums of f64, of operands as they are */
} kind;

static const kind kinds[] = {{"f64", TR_F64, TR_NN_FULL, false, 1e-13, 1e-13},
                             {"f32", TR_F32, TR_NN_FULL, false, 1e-5, 1e-5},
                             {"tf32", TR_F32, TR_NN_TF32, false, 1e-3, 1e-3},
                             {"bf16", TR_F32, TR_NN_BF16, true, 1e-5, 1e-5},
                             {"bf16 of f32", TR_F32, TR_NN_BF16, false, 1e-2, 1e-5}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool possible(const tr_ctx *ctx, const kind *k) {
  if (k->products == TR_NN_TF32) return promises(ctx, TR_BACKEND_TF32);
  return !k->half || promises(ctx, TR_BACKEND_BF16_ARRAYS);
}

/* A layer of `rows` rows, its gradients with what was in them before. */
typedef struct {
  kind k;
  int64_t rows, in, out;
  tr_array *x, *dy, *dw, *bias;
  tr_array db;
} layer;

static tr_array *operand(tr_ctx *ctx, const kind *k, int64_t rows, int64_t cols, uint32_t number) {
  tr_array *a = matrix(ctx, k->dtype, rows, cols, number), *half;
  if (!k->half) return a;
  double *host = values(a);
  CHECK_OK(ctx, tr_array_create(ctx, TR_BF16, 2, a->shape, &half));
  CHECK_OK(ctx, tr_array_set_f64(half, host));
  free(host);
  tr_array_destroy(&a);
  return half;
}

static layer open_layer(tr_ctx *ctx, const kind *k, int64_t rows, int64_t in, int64_t out) {
  layer l = {*k,
             rows,
             in,
             out,
             operand(ctx, k, rows, in, 1),
             operand(ctx, k, rows, out, 2),
             matrix(ctx, k->dtype, out, in, 3),
             matrix(ctx, k->dtype, 1, out, 4),
             {0}};
  l.db = tr_view(l.bias, 0, 1, &out);
  return l;
}

static void close_layer(layer *l) {
  tr_array_destroy(&l->x), tr_array_destroy(&l->dy);
  tr_array_destroy(&l->dw), tr_array_destroy(&l->bias);
}

static tr_status add(const layer *l, const tr_array *x, const tr_array *dy, tr_array *db) {
  return tr_nn_gradient_of_linear(
      &(tr_nn_gradient_of_linear_args){.x = x, .dy = dy, .dw = l->dw, .db = db, .products = l->k.products});
}

static tr_status add_all(layer *l) {
  return add(l, l->x, l->dy, &l->db);
}

/* ---- right ---- */

/* What both should be; the caller frees. */
static void expect(const layer *l, double **dw, double **db) {
  double *x = values(l->x), *dy = values(l->dy);
  *dw = values(l->dw), *db = values(l->bias);
  for (int64_t o = 0; o < l->out; o++)
    for (int64_t r = 0; r < l->rows; r++) {
      (*db)[o] += dy[r * l->out + o];
      for (int64_t i = 0; i < l->in; i++) (*dw)[o * l->in + i] += dy[r * l->out + o] * x[r * l->in + i];
    }
  free(x), free(dy);
}

static void sums(tr_ctx *ctx, const kind *k, int64_t rows, int64_t in, int64_t out) {
  layer l = open_layer(ctx, k, rows, in, out), again = open_layer(ctx, k, rows, in, out);
  double *dw, *db;
  expect(&l, &dw, &db);
  CHECK_OK(ctx, add_all(&l));
  CHECK_OK(ctx, add_all(&again));
  double *got_w = values(l.dw), *got_b = values(l.bias), *twice_w = values(again.dw),
         *twice_b = values(again.bias);
  CHECK(check_relative(got_w, dw, in * out) < k->of_w);
  CHECK(check_relative(got_b, db, out) < k->of_b);
  CHECK(memcmp(got_w, twice_w, (size_t)(in * out) * sizeof *dw) == 0);
  CHECK(memcmp(got_b, twice_b, (size_t)out * sizeof *db) == 0);
  double *const all[] = {dw, db, got_w, got_b, twice_w, twice_b};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  close_layer(&l), close_layer(&again);
}

/* A copy that begins one element behind where memory does: `own` is to be destroyed. */
static tr_array moved(const tr_array *a, tr_array **own) {
  CHECK_OK(a->ctx, tr_array_create(a->ctx, a->dtype, 2, (int64_t[]){1, a->count + 1}, own));
  tr_array view = tr_view(*own, 1, a->ndim, a->shape);
  CHECK_OK(a->ctx, tr_array_copy(a, &view));
  return view;
}

/* Operands and sums that begin anywhere: sums to the rounding of theirs. */
static void unaligned(tr_ctx *ctx, const kind *k, int64_t rows, int64_t in, int64_t out) {
  layer l = open_layer(ctx, k, rows, in, out);
  tr_array *own[3], x = moved(l.x, &own[0]), dy = moved(l.dy, &own[1]), db = moved(&l.db, &own[2]);
  double *dw, *want;
  expect(&l, &dw, &want);
  CHECK_OK(ctx, add(&l, &x, &dy, &db));
  double *got_w = values(l.dw), *got_b = values(&db);
  CHECK(check_relative(got_w, dw, in * out) < k->of_w);
  CHECK(check_relative(got_b, want, out) < k->of_b);
  free(dw), free(want), free(got_w), free(got_b);
  for (int i = 0; i < 3; i++) tr_array_destroy(&own[i]);
  close_layer(&l);
}

/* ---- launches ---- */

static int64_t launches(tr_ctx *ctx, layer *l, bool biased) {
  device_counts from, to;
  (void)device_count(&from);
  CHECK_OK(ctx, add(l, l->x, l->dy, biased ? &l->db : NULL));
  CHECK_OK(ctx, tr_wait(ctx));
  (void)device_count(&to);
  return device_between(from, to).launches;
}

/* The emulator's library has no sums where 5 divides `in`, and has them by another kind of kernel where 7
 * does. */
enum { AKIN = 24, OTHER = 28, NONE = 40 };

/* Those of db beyond the product's. */
static int64_t for_bias(tr_ctx *ctx, const kind *k, int64_t in) {
  layer l = open_layer(ctx, k, 37, in, 16);
  const int64_t alone = launches(ctx, &l, false), both = launches(ctx, &l, true);
  close_layer(&l);
  return both - alone;
}

enum { SUMMED_BY_PRODUCT = 1, SUMMED_APART = 2 };

static void counted(tr_ctx *ctx, bool always, bool never) {
  if (!emulated(ctx)) return;
  for (int i = 0; i < KINDS; i++) {
    const bool rounded = kinds[i].products == TR_NN_BF16 && !kinds[i].half; /* db is of dy as it is */
    CHECK(for_bias(ctx, &kinds[i], AKIN) == (rounded || never ? SUMMED_APART : SUMMED_BY_PRODUCT));
    CHECK(for_bias(ctx, &kinds[i], OTHER) == (rounded || !always ? SUMMED_APART : SUMMED_BY_PRODUCT));
    CHECK(for_bias(ctx, &kinds[i], NONE) == SUMMED_APART);
  }
}

/* The variable of measurements. */
static void told(int argc, char **argv, const char *when) {
  setenv("TRANSIT_CUDA_BGRAD", when, 1);
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < KINDS; i++)
    if (possible(ctx, &kinds[i])) sums(ctx, &kinds[i], 37, AKIN, 16), sums(ctx, &kinds[i], 37, OTHER, 16);
  counted(ctx, strcmp(when, "1") == 0, strcmp(when, "0") == 0);
  tr_ctx_close(&ctx);
  unsetenv("TRANSIT_CUDA_BGRAD");
}

/* ---- recordings ---- */

enum { PIECES = 2, REPLAYS = 3 };

/* The rows of a layer as they come in pieces, of row counts from 1 to `most`. */
typedef struct {
  layer *l;
  int64_t most;
} pieces;

static tr_status add_pieces(void *user) {
  const pieces *p = user;
  for (int64_t n = 1; n <= p->most; n++) {
    const tr_array x = tr_rows(p->l->x, 0, n), dy = tr_rows(p->l->dy, 0, n);
    TR_TRY(add(p->l, &x, &dy, &p->l->db));
  }
  return TR_OK;
}

/* More products than are kept. */
enum { KEPT = 256, MANY = 3 * KEPT };

static void add_others(tr_ctx *ctx) {
  layer l = open_layer(ctx, &kinds[1], MANY, 3, 2);
  pieces all = {&l, MANY};
  CHECK_OK(ctx, add_pieces(&all));
  close_layer(&l);
}

/* Against the same one by one, of row counts up to `most`; what a replay launches is not among the products
 * that are kept when there were many others since. */
static void recorded(tr_ctx *ctx, const kind *k, int64_t in, int64_t most) {
  layer l = open_layer(ctx, k, most, in, 8), plain = open_layer(ctx, k, most, in, 8);
  pieces p = {&l, most}, q = {&plain, most};
  const tr_counts before = tr_ctx_counts(ctx);
  const tr_record_call call = {.key = {&l, {1}}, .what = "a test", .body = add_pieces, .user = &p};
  for (int i = 0; i < REPLAYS; i++) {
    CHECK_OK(ctx, tr_record(ctx, &call));
    CHECK_OK(ctx, add_pieces(&q));
    if (most > PIECES) add_others(ctx);
  }
  const tr_counts c = counts_since(ctx, before);
  CHECK(c.unrecorded == 0);
  if (tr_record_possible(ctx)) CHECK(c.recorded == 1 && c.replays == REPLAYS - 1);
  double *dw = values(l.dw), *db = values(l.bias), *want_w = values(plain.dw), *want_b = values(plain.bias);
  CHECK(memcmp(dw, want_w, (size_t)l.dw->count * sizeof *dw) == 0);
  CHECK(memcmp(db, want_b, (size_t)l.bias->count * sizeof *db) == 0);
  free(dw), free(db), free(want_w), free(want_b);
  tr_record_drop(ctx, &l);
  close_layer(&l), close_layer(&plain);
}

/* ---- what is kept ---- */

static int64_t described(void) {
  simt_counters c;
  (void)simt_counted(&c);
  return c.described;
}

/* The first row count has its bits again after many others have come. */
static void bounded(tr_ctx *ctx) {
  layer first = open_layer(ctx, &kinds[1], 7, 3, 2), again = open_layer(ctx, &kinds[1], 7, 3, 2);
  const tr_array x = tr_rows(first.x, 0, 7), dy = tr_rows(first.dy, 0, 7);
  const int64_t before = described();
  CHECK_OK(ctx, add(&first, &x, &dy, &first.db));
  add_others(ctx);
  CHECK(described() - before <= KEPT);
  CHECK_OK(ctx, add(&again, &x, &dy, &again.db));
  double *dw = values(first.dw), *db = values(first.bias), *again_w = values(again.dw),
         *again_b = values(again.bias);
  CHECK(memcmp(dw, again_w, (size_t)first.dw->count * sizeof *dw) == 0);
  CHECK(memcmp(db, again_b, (size_t)first.bias->count * sizeof *db) == 0);
  free(dw), free(db), free(again_w), free(again_b);
  close_layer(&first), close_layer(&again);
}

int main(int argc, char **argv) {
  const int64_t before = described();
  tr_ctx *ctx = check_context(argc, argv);
  static const int64_t sizes[][3] = {{1, 1, 4},   {1, 24, 16}, {3, 8, 5},    {37, 24, 40},
                                     {37, 20, 9}, {37, 21, 6}, {130, 33, 7}, {300, 48, 96}};
  for (int i = 0; i < KINDS; i++) {
    if (!possible(ctx, &kinds[i])) continue;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      sums(ctx, &kinds[i], sizes[s][0], sizes[s][1], sizes[s][2]);
    unaligned(ctx, &kinds[i], 37, 24, 40);
    unaligned(ctx, &kinds[i], 130, 33, 7);
    recorded(ctx, &kinds[i], 24, PIECES);
    recorded(ctx, &kinds[i], 20, PIECES);
    recorded(ctx, &kinds[i], OTHER, PIECES);
  }
  counted(ctx, false, false);
  bounded(ctx);
  recorded(ctx, &kinds[1], 3, KEPT + 20); /* more than are kept */
  tr_ctx_close(&ctx);
  CHECK(described() == before);
  told(argc, argv, "0");
  told(argc, argv, "1");
  return check_report();
}
