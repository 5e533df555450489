/* A model with states of another size than in training. The oracle of a network of 2 x 8 tokens is that of
 * 4 x 4, whose rows of the table of positions are those of the tokens of 2 x 8, on the same patches in
 * another place: attention knows positions by that table alone. The trained size has the bits of the file;
 * what is refused. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/model.h"
#include "nets/network.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

#define DIGITS TR_EXPERIMENT_DATA "/digits-ema.pt"
enum { PATCH = 2, SIDE = 8, TOKENS = 16, HIDDEN = 64, ROWS = 3 };
static const double times[ROWS] = {0.1, 0.5, 0.9};
static const int32_t labels[ROWS] = {3, 10, 7};

static tr_model *open_as(tr_ctx *ctx, int height, int width) {
  tr_model *m = NULL;
  CHECK_OK(ctx, tr_model_open(ctx, DIGITS, &(tr_model_options){.height = height, .width = width}, &m));
  return m;
}

/* The table of the reference for rows of `columns` tokens: column first, then row. */
static void fill_table(int columns, double *table) {
  for (int n = 0; n < TOKENS; n++)
    for (int k = 0; k < HIDDEN; k++) {
      const int quarter = HIDDEN / 4, at = k < 2 * quarter ? n % columns : n / columns;
      const double angle = at / pow(10000, (double)(k % quarter) / quarter);
      table[n * HIDDEN + k] = k / quarter % 2 ? cos(angle) : sin(angle);
    }
}

/* Element (r, i, j) of images of the first width is that of the same patch and place in images of the other.
 */
static void rearrange(const double *from, int width_from, int width_to, double *to) {
  for (int r = 0; r < ROWS; r++)
    for (int n = 0; n < TOKENS; n++)
      for (int p = 0; p < PATCH * PATCH; p++) {
        const int a = width_from / PATCH, b = width_to / PATCH, i = p / PATCH, j = p % PATCH,
                  all = SIDE * SIDE;
        to[r * all + (n / b * PATCH + i) * width_to + n % b * PATCH + j] =
            from[r * all + (n / a * PATCH + i) * width_from + n % a * PATCH + j];
      }
}

/* The velocity of the network at images of this height, with the values x (ROWS, 64). */
static double *velocity(tr_ctx *ctx, tr_net *net, tr_dtype dtype, int height, const double *x) {
  tr_drift *drift;
  tr_array *in, *out;
  CHECK_OK(ctx, tr_drift_of_net(net, TR_VELOCITY, &drift));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 4, (int64_t[]){ROWS, 1, height, SIDE * SIDE / height}, &in));
  CHECK_OK(ctx, tr_array_like(in, &out));
  CHECK_OK(ctx, tr_array_set_f64(in, x));
  CHECK_OK(ctx, tr_drift_eval(drift, (tr_times){ROWS, times}, in, &(tr_cond){ROWS, labels}, out));
  double *f = values(out);
  tr_array_destroy(&in);
  tr_array_destroy(&out);
  tr_drift_destroy(&drift);
  return f;
}

static double *inputs(void) {
  double *x = malloc(sizeof(double[ROWS * SIDE * SIDE]));
  for (int i = 0; i < ROWS * SIDE * SIDE; i++) x[i] = sin(0.37 * i) + 0.1 * (i % 5);
  return x;
}

/* A network of the digits' weights with another table. */
static tr_net *with_table(tr_ctx *ctx, const tr_model *m, tr_dtype dtype, const double *table) {
  tr_tensor *items = malloc((size_t)m->weights.n * sizeof *items);
  tr_net *net = NULL;
  for (int i = 0; i < m->weights.n; i++) {
    items[i] = m->weights.items[i];
    if (strcmp(items[i].name, "pos_embed") == 0)
      items[i] = tr_tensor_of_f64("pos_embed", 3, (int64_t[]){1, TOKENS, HIDDEN}, table);
  }
  CHECK_OK(ctx, tr_net_create(ctx, &m->config, &(tr_net_options){.dtype = dtype},
                              &(tr_tensors){.n = m->weights.n, .items = items}, &net));
  free(items);
  return net;
}

static void not_square(tr_ctx *ctx, int height, tr_dtype dtype) {
  const int width = SIDE * SIDE / height;
  tr_model *square = open_as(ctx, 0, 0), *m = open_as(ctx, height, width);
  double table[TOKENS * HIDDEN], *x = inputs(), moved[ROWS * SIDE * SIDE], back[ROWS * SIDE * SIDE];
  const tr_net_info *info = &m->config.info;
  tr_net *net, *oracle;
  CHECK(info->ndim == 3 && info->shape[1] == height && info->shape[2] == width && info->row == SIDE * SIDE);
  CHECK(tr_net_config_value(&m->config, "tokens") == TOKENS &&
        tr_net_config_value(&m->config, "latent_width") == width);
  fill_table(width / PATCH, table);
  CHECK_OK(ctx, tr_model_network(m, &(tr_net_options){.dtype = dtype}, &net));
  oracle = with_table(ctx, square, dtype, table);
  double *f = velocity(ctx, net, dtype, height, x);
  rearrange(x, width, SIDE, moved);
  double *want = velocity(ctx, oracle, dtype, SIDE, moved);
  rearrange(want, SIDE, width, back);
  CHECK_NEAR(check_relative(f, back, ROWS * SIDE * SIDE), 0, dtype == TR_F64 ? 1e-12 : 2e-6);
  free(f), free(want), free(x);
  tr_net_destroy(&net);
  tr_net_destroy(&oracle);
  tr_model_close(&square);
  tr_model_close(&m);
}

/* The trained size is the file's, table included; a larger square has room for more. */
static void trained_size(tr_ctx *ctx) {
  tr_model *m = open_as(ctx, 0, 0), *same = open_as(ctx, SIDE, SIDE), *larger = open_as(ctx, 16, 16);
  double *x = inputs(), *f[2];
  tr_model *each[2] = {m, same};
  for (int i = 0; i < 2; i++) {
    tr_net *net;
    CHECK_OK(ctx, tr_model_network(each[i], &(tr_net_options){.dtype = TR_F32}, &net));
    f[i] = velocity(ctx, net, TR_F32, SIDE, x);
    tr_net_destroy(&net);
  }
  CHECK(memcmp(f[0], f[1], sizeof(double[ROWS * SIDE * SIDE])) == 0 && !same->without_tables);
  CHECK(larger->config.info.row == 256 && tr_net_config_value(&larger->config, "tokens") == 64);
  free(f[0]), free(f[1]), free(x);
  for (int i = 0; i < 3; i++) tr_model_close((tr_model *[]){m, same, larger} + i);
}

/* The trained table made again is that of the file, to f32. */
static void made_again(tr_ctx *ctx) {
  tr_model *m = open_as(ctx, 0, 0);
  double table[TOKENS * HIDDEN], stored[TOKENS * HIDDEN];
  fill_table(SIDE / PATCH, table);
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, tr_tensors_find(&m->weights, "pos_embed"), stored));
  CHECK_NEAR(check_relative(table, stored, TOKENS * HIDDEN), 0, 1e-6);
  tr_model_close(&m);
}

static void refused(tr_ctx *ctx) {
  static const struct {
    int height, width;
    tr_status status;
    const char *word;
  } cases[] = {{8, 9, TR_E_ARG, "latents of 8 x 9 cannot be cut into patches of side 2"},
               {7, 8, TR_E_ARG, "latents of 7 x 8"},
               {8, 0, TR_E_ARG, "states of 8 x 0"},
               {-2, 4, TR_E_ARG, "states of -2 x 4"}};
  tr_model *m;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_ERROR(ctx,
                tr_model_open(ctx, DIGITS,
                              &(tr_model_options){.height = cases[i].height, .width = cases[i].width}, &m),
                cases[i].status, cases[i].word);
  CHECK(m == NULL);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int dtype = 0; dtype < 2; dtype++) {
    not_square(ctx, 4, dtype ? TR_F64 : TR_F32);
    not_square(ctx, 16, dtype ? TR_F64 : TR_F32);
    not_square(ctx, 2, dtype ? TR_F64 : TR_F32);
  }
  trained_size(ctx);
  made_again(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
