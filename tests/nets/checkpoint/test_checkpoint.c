/* Checkpoints written by PyTorch (tests/make_checkpoints.py): what they hold, bit for bit. */
#include "nets/checkpoint/checkpoint.h"

#include <stdlib.h>
#include <zlib.h>

#include "nets/checkpoint/checkpoint_private.h"
#include "tests/support/check.h"

#define FILES TR_TEST_DATA "/checkpoints/"

static tr_ctx *ctx;

/* Element i of tensor k in the script. */
static double value(int i, int k) {
  return ((37 * i + 11 * k) % 101 - 50) / 16.0;
}

static tr_checkpoint *open_file(const char *path, const char *format) {
  tr_checkpoint *checkpoint;
  CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &checkpoint));
  if (!checkpoint) exit(check_report());
  CHECK(strcmp(tr_checkpoint_format(checkpoint), format) == 0);
  return checkpoint;
}

/* The tensor has this shape, lies inside the mapping (nothing was copied), and holds these values. */
static void check_tensor(const tr_checkpoint *checkpoint, const tr_tensors *tensors, const char *name,
                         tr_dtype type, int ndim, const int64_t *shape, const double *want) {
  const tr_tensor *t = tr_tensors_find(tensors, name);
  CHECK(t && t->dtype == type && t->ndim == ndim);
  if (!t || t->dtype != type || t->ndim != ndim) return;
  int64_t count = 1;
  for (int i = 0; i < ndim; i++) CHECK(t->shape[i] == shape[i]), count *= shape[i];
  CHECK(t->count == count && count <= 64);
  const unsigned char *data = t->data, *end = checkpoint->map->data + checkpoint->map->size;
  CHECK(data >= checkpoint->map->data && data + (count ? tr_dtype_size(type) : 0) <= end);
  double have[64];
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, t, have));
  CHECK(memcmp(have, want, (size_t)count * sizeof *have) == 0);
}

static int64_t integer_at(const tr_tensor *t, int64_t i) {
  const unsigned char *at =
      (const unsigned char *)t->data + (size_t)(i * t->stride[0]) * tr_dtype_size(t->dtype);
  int64_t wide;
  int32_t narrow;
  if (t->dtype == TR_I64) return memcpy(&wide, at, sizeof wide), wide;
  if (t->dtype == TR_I32) return memcpy(&narrow, at, sizeof narrow), narrow;
  return *at;
}

static void check_integers(const tr_tensors *tensors, const char *name, tr_dtype type, int k, int64_t n) {
  const tr_tensor *t = tr_tensors_find(tensors, name);
  CHECK(t && t->dtype == type && t->ndim == 1 && t->count == n);
  bool one_bit = type == TR_U8 || type == TR_BOOL;
  for (int64_t i = 0; t && i < n; i++) {
    int64_t want = (int64_t)(16 * value((int)i, k));
    CHECK(integer_at(t, i) == (one_bit ? want & 1 : want));
  }
}

/* Every element type and every kind of view, in all three formats. */
static void types(const char *path, const char *format) {
  tr_checkpoint *c = open_file(path, format);
  tr_tensors t;
  double want[64];
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, NULL, &t));
  CHECK(t.n == 13 && strcmp(t.items[0].name, "f32") == 0 && strcmp(t.items[12].name, "empty") == 0);
  static const struct {
    const char *name;
    tr_dtype dtype;
    int k, ndim;
    int64_t shape[2];
  } plain[] = {{"f32", TR_F32, 0, 2, {2, 3}},  {"f64", TR_F64, 1, 1, {5}},
               {"f16", TR_F16, 2, 2, {3, 2}},  {"bf16", TR_BF16, 4, 1, {7}},
               {"scalar", TR_F32, 10, 0, {0}}, {"empty", TR_F32, 0, 2, {0, 3}}};
  for (size_t p = 0; p < sizeof plain / sizeof *plain; p++) {
    for (int i = 0; i < 64; i++) want[i] = value(i, plain[p].k);
    check_tensor(c, &t, plain[p].name, plain[p].dtype, plain[p].ndim, plain[p].shape, want);
  }
  for (int i = 0; i < 24; i++) want[i] = value(i % 4 * 6 + i / 4, 3);
  check_tensor(c, &t, "transposed", TR_F32, 2, (int64_t[]){6, 4}, want);
  for (int i = 0; i < 6; i++) want[i] = value((1 + i / 3) * 6 + 2 + i % 3, 3);
  check_tensor(c, &t, "corner", TR_F32, 2, (int64_t[]){2, 3}, want);
  for (int i = 0; i < 12; i++) want[i] = value(i / 4, 9);
  check_tensor(c, &t, "expanded", TR_F32, 2, (int64_t[]){3, 4}, want);
  check_integers(&t, "i64", TR_I64, 5, 3);
  check_integers(&t, "i32", TR_I32, 6, 3);
  check_integers(&t, "u8", TR_U8, 7, 4);
  check_integers(&t, "bool", TR_BOOL, 8, 4);
  /* PyTorch keeps views as views; safetensors cannot */
  CHECK(tr_tensors_find(&t, "transposed")->stride[0] == (strcmp(format, "safetensors") == 0 ? 4 : 1));
  tr_checkpoint_close(&c);
  CHECK(c == NULL);
  tr_checkpoint_close(&c);
}

static void check_sit(const tr_checkpoint *c, const char *set, int first) {
  tr_tensors t;
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, set, &t));
  CHECK(t.n == 32);
  for (int k = 0; k < t.n; k++) {
    double have[512];
    int64_t wrong = 0;
    CHECK(t.items[k].count <= 512);
    CHECK_OK(ctx, tr_tensor_to_f64(ctx, &t.items[k], have));
    for (int i = 0; i < t.items[k].count; i++) wrong += have[i] != value(i, first + k);
    CHECK(wrong == 0);
  }
}

static void check_arg(const tr_checkpoint *c, const char *name, const char *want) {
  const char *have = tr_checkpoint_arg(c, name);
  CHECK(have && strcmp(have, want) == 0);
}

/* The training script's file: EMA first, both sets, arguments, and an optimiser's state that is passed over.
 */
static void training_file(const char *path, const char *format) {
  tr_checkpoint *c = open_file(path, format);
  tr_tensors t;
  CHECK(strcmp(tr_checkpoint_set_name(c, 0), "ema") == 0 &&
        strcmp(tr_checkpoint_set_name(c, 1), "model") == 0);
  CHECK(tr_checkpoint_set_name(c, 2) == NULL && tr_checkpoint_set_name(c, -1) == NULL);
  check_sit(c, NULL, 0);
  check_sit(c, "ema", 0);
  check_sit(c, "model", 100);
  CHECK_ERROR(ctx, tr_checkpoint_weights(ctx, c, "opt", &t), TR_E_ARG,
              "no weights named 'opt': it has ema and model");
  static const char *const args[][2] = {{"model", "SiT-S/2"},
                                        {"image_size", "32"},
                                        {"num_classes", "3"},
                                        {"path_type", "GVP"},
                                        {"prediction", "noise"},
                                        {"loss_weight", "None"},
                                        {"train_eps", "None"},
                                        {"lr", "0.0001"},
                                        {"third", "0.3333333333333333"},
                                        {"learn_sigma", "True"},
                                        {"big", "1099511627776"},
                                        {"negative", "-5"},
                                        {"betas", "(0.9, 0.999)"},
                                        {"note", "two?lines \xc3\xa9"}};
  const char *name, *text;
  int n = sizeof args / sizeof *args;
  for (int i = 0; i < n; i++) {
    check_arg(c, args[i][0], args[i][1]);
    CHECK(tr_checkpoint_arg_at(c, i, &name, &text) && strcmp(name, args[i][0]) == 0 &&
          strcmp(text, args[i][1]) == 0);
  }
  CHECK(!tr_checkpoint_arg_at(c, n, &name, &text) && !tr_checkpoint_arg_at(c, -1, &name, &text));
  CHECK(tr_checkpoint_arg(c, "absent") == NULL);
  tr_checkpoint_close(&c);
}

static void check_linear(const char *path, const char *set) {
  tr_checkpoint *c = open_file(path, "pt-zip");
  tr_tensors t;
  double want[64];
  CHECK(strcmp(tr_checkpoint_set_name(c, 0), set) == 0 && tr_checkpoint_set_name(c, 1) == NULL);
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, set, &t));
  CHECK(t.n == 2 && !tr_checkpoint_arg(c, "model"));
  for (int i = 0; i < 6; i++) want[i] = value(i, 0);
  check_tensor(c, &t, "weight", TR_F32, 2, (int64_t[]){2, 3}, want);
  for (int i = 0; i < 2; i++) want[i] = value(i, 1);
  check_tensor(c, &t, "bias", TR_F32, 1, (int64_t[]){2}, want);
  tr_checkpoint_close(&c);
}

/* A bare state dict answers to every name of its only set. */
static void bare(void) {
  check_linear(FILES "bare.pt", "weights");
  tr_checkpoint *c = open_file(FILES "bare.pt", "pt-zip");
  tr_tensors t;
  static const char *const names[] = {"ema", "model", "weights"};
  for (int i = 0; i < 3; i++) {
    CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, names[i], &t));
    CHECK(t.n == 2);
  }
  CHECK_ERROR(ctx, tr_checkpoint_weights(ctx, c, "EMA", &t), TR_E_ARG, "it has weights");
  tr_checkpoint_close(&c);
}

/* The digits checkpoint, written by ours: CRC-32 and sums as PyTorch and zlib print them. */
static void digits(void) {
  tr_checkpoint *c = open_file(TR_EXPERIMENT_DATA "/digits-ema.pt", "pt-zip");
  tr_tensors t;
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, c, "ema", &t));
  CHECK(t.n == 72);
  int64_t count = 0;
  double sum = 0;
  uLong crc = 0;
  for (int k = 0; k < t.n; k++) {
    float *have = malloc((size_t)t.items[k].count * sizeof *have);
    CHECK_OK(ctx, tr_tensor_to_f32(ctx, &t.items[k], have));
    for (int64_t i = 0; i < t.items[k].count; i++) sum += (double)have[i];
    crc = crc32(crc, (const Bytef *)have, (uInt)((size_t)t.items[k].count * sizeof *have));
    count += t.items[k].count;
    free(have);
  }
  CHECK(count == 479624 && crc == 0xd8e63cdb);
  CHECK_NEAR(sum, 1123.9860712376706, 1e-8);
  float first;
  memcpy(&first, tr_tensors_find(&t, "blocks.5.attn.qkv.weight")->data, sizeof first);
  CHECK((double)first == 0x1.c9bc92p-5);
  tr_checkpoint_close(&c);
}

static int warnings;
static void count_warning(const char *message, void *user) {
  (void)user;
  warnings += strstr(message, "without checksums") != NULL;
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  types(FILES "types.pt", "pt-zip");
  types(FILES "types-legacy.pt", "pt-legacy");
  types(FILES "types.safetensors", "safetensors");
  training_file(FILES "train.pt", "pt-zip");
  training_file(FILES "train-legacy.pt", "pt-legacy");
  bare();
  check_linear(FILES "wrapped.pt", "model"); /* protocol 4, Parameters, names with "module." before them */
  tr_ctx_on_warning(ctx, count_warning, NULL);
  check_linear(FILES "no-checksums.pt", "weights");
  CHECK(warnings == 1);
  digits();
  tr_checkpoint *c = open_file(FILES "types.safetensors", "safetensors");
  check_arg(c, "path_type", "VP");
  tr_checkpoint_close(&c);
  tr_ctx_close(&ctx);
  return check_report();
}
