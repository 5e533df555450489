/* Sizes of a SiT by name and from the shapes of its tensors, and the tensors that are refused. */
#include <stdlib.h>
#include <time.h>

#include "nets/checkpoint/checkpoint.h"
#include "nets/layers/entries_private.h"
#include "nets/net.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/nets/safetensors.h"
#include "tests/support/scratch.h"

static tr_ctx *ctx;

/* The sizes that are looked at here. */
typedef struct {
  long channels, out_channels, patch, grid, hidden, depth, heads, mlp_hidden, time_frequencies, num_classes,
      null_class;
} sizes;

static void take(tr_net_config *config, sizes *out) {
  const struct {
    const char *key;
    long *to;
  } each[] = {{"channels", &out->channels},
              {"out_channels", &out->out_channels},
              {"patch", &out->patch},
              {"grid", &out->grid},
              {"hidden", &out->hidden},
              {"depth", &out->depth},
              {"heads", &out->heads},
              {"mlp_hidden", &out->mlp_hidden},
              {"time_frequencies", &out->time_frequencies},
              {"num_classes", &out->num_classes},
              {"null_class", &out->null_class}};
  *out = (sizes){0};
  if (config->type)
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
      *each[i].to = tr_net_config_value(config, each[i].key);
  tr_net_config_clear(config);
}

static tr_status named(const char *name, int channels, int side, int classes, bool learn_sigma, sizes *out) {
  const tr_net_size given[] = {
      {"channels", channels}, {"latent_size", side}, {"num_classes", classes}, {"learn_sigma", learn_sigma}};
  tr_net_config config;
  tr_status status = tr_net_configure_named(ctx, name, 4, given, &config);
  take(&config, out);
  return status;
}

static tr_status infer(const tr_tensors *tensors, int heads, const char *model_name, int classes,
                       sizes *out) {
  const tr_net_settings told = {.num_classes = classes,
                                .model_name = model_name,
                                .n_told = heads != 0,
                                .told = &(tr_net_size){"num_heads", heads}};
  tr_net_config config;
  tr_status status = tr_net_configure(ctx, tensors, &told, &config);
  take(&config, out);
  return status;
}

/* Table 1 of the SiT paper (Ma et al. 2024). */
static void named_sizes(void) {
  static const struct {
    const char *name;
    int hidden, depth, heads, patch;
  } table[] = {{"SiT-S/2", 384, 12, 6, 2},    {"SiT-S/4", 384, 12, 6, 4},    {"SiT-S/8", 384, 12, 6, 8},
               {"SiT-B/2", 768, 12, 12, 2},   {"SiT-B/4", 768, 12, 12, 4},   {"SiT-B/8", 768, 12, 12, 8},
               {"SiT-L/2", 1024, 24, 16, 2},  {"SiT-L/4", 1024, 24, 16, 4},  {"SiT-L/8", 1024, 24, 16, 8},
               {"SiT-XL/2", 1152, 28, 16, 2}, {"SiT-XL/4", 1152, 28, 16, 4}, {"SiT-XL/8", 1152, 28, 16, 8}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    sizes c;
    CHECK_OK(ctx, named(table[i].name, 4, 32, 1000, i % 2, &c));
    CHECK(c.hidden == table[i].hidden && c.depth == table[i].depth && c.heads == table[i].heads);
    CHECK(c.patch == table[i].patch && c.grid == 32 / table[i].patch && c.mlp_hidden == 4 * table[i].hidden);
    CHECK(c.channels == 4 && c.out_channels == (i % 2 ? 8 : 4) && c.time_frequencies == 256);
    CHECK(c.num_classes == 1000 && c.null_class == 1000);
  }
  sizes c;
  CHECK_ERROR(ctx, named("SiT-XL2", 4, 32, 1000, true, &c), TR_E_ARG, "did you mean 'SiT-XL/2'");
  CHECK_ERROR(ctx, named("SiT-S/8", 4, 36, 1000, true, &c), TR_E_ARG, "side 36 cannot be cut");
  CHECK_ERROR(ctx, named("SiT-S/2", 4, 0, 1000, true, &c), TR_E_ARG, "side 0");
  CHECK_ERROR(ctx, named("SiT-S/2", 0, 32, 1000, true, &c), TR_E_ARG, "0 channels");
  CHECK_ERROR(ctx, named("SiT-S/2", 4, 32, 0, true, &c), TR_E_ARG, "0 classes");
}

/* A copy of a checkpoint's weights that a test may spoil. */
typedef struct {
  tr_checkpoint *checkpoint;
  tr_tensor *items;
  tr_tensors tensors;
} weights;

static weights load(const char *path) {
  weights w = {0};
  CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &w.checkpoint));
  if (!w.checkpoint) exit(check_report());
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, w.checkpoint, NULL, &w.tensors));
  w.items = malloc(((size_t)w.tensors.n + 1) * sizeof *w.items);
  memcpy(w.items, w.tensors.items, (size_t)w.tensors.n * sizeof *w.items);
  w.tensors.items = w.items;
  w.tensors.by_name = NULL; /* of the checkpoint's own */
  return w;
}

static void unload(weights *w) {
  free(w->items);
  tr_checkpoint_close(&w->checkpoint);
}

static tr_tensor *find(weights *w, const char *name) {
  const tr_tensor *t = tr_tensors_find(&w->tensors, name);
  CHECK(t != NULL);
  if (!t) exit(check_report());
  return &w->items[t - w->items];
}

static void digits(void) {
  weights w = load(TR_EXPERIMENT_DATA "/digits-ema.pt");
  sizes c;
  CHECK_OK(ctx, infer(&w.tensors, 4, NULL, 10, &c));
  CHECK(c.channels == 1 && c.out_channels == 2 && c.patch == 2 && c.grid == 4 && c.hidden == 64 &&
        c.depth == 6);
  CHECK(c.heads == 4 && c.mlp_hidden == 256 && c.time_frequencies == 256 && c.num_classes == 10 &&
        c.null_class == 10);
  CHECK_OK(ctx, infer(&w.tensors, 4, NULL, 0, &c)); /* not told: the last row is the null class */
  CHECK(c.num_classes == 10 && c.null_class == 10);
  CHECK_OK(ctx, infer(&w.tensors, 4, NULL, 11, &c)); /* trained without label dropout */
  CHECK(c.num_classes == 11 && c.null_class == -1);

  CHECK_ERROR(ctx, infer(&w.tensors, 4, NULL, 9, &c), TR_E_SHAPE, "has 11 rows: 9 classes need 9, or 10");
  CHECK_ERROR(ctx, infer(&w.tensors, 4, NULL, -1, &c), TR_E_ARG, "-1 classes");
  CHECK_ERROR(ctx, infer(&w.tensors, 5, NULL, 10, &c), TR_E_ARG, "5 heads do not divide the width 64");
  CHECK_ERROR(ctx, infer(&w.tensors, -2, NULL, 10, &c), TR_E_ARG,
              "num_heads of sit is -2: use a finite number from 1 to 4096");
  CHECK_ERROR(ctx, infer(&w.tensors, 0, NULL, 10, &c), TR_E_ARG, "give the number of heads");
  CHECK_ERROR(ctx, infer(&w.tensors, 0, "SiT-digits", 10, &c), TR_E_ARG, "'SiT-digits' is no known model");
  CHECK_ERROR(ctx, infer(&w.tensors, 0, "SiT-S/2", 10, &c), TR_E_SHAPE,
              "are not those of SiT-S/2 (384, 12, 2)");
  unload(&w);
}

/* Spoils one thing at a time. */
static void refused(void) {
  weights w = load(TR_TEST_DATA "/checkpoints/train.pt");
  sizes c;
  tr_tensor saved, *t;
  CHECK_OK(ctx, infer(&w.tensors, 2, NULL, 3, &c));
  CHECK(c.hidden == 4 && c.depth == 2 && c.grid == 2 && c.time_frequencies == 8 && c.mlp_hidden == 16);

  static const struct {
    const char *name;
    int dimension;
    int64_t extent;
    const char *word;
  } shapes[] = {
      {"blocks.1.attn.qkv.weight", 0, 13,
       "tensor 'blocks.1.attn.qkv.weight' has the shape (13, 4), but (12, 4) is expected"},
      {"blocks.1.mlp.fc1.bias", 0, 15, "'blocks.1.mlp.fc1.bias' has the shape (15), but (16)"},
      {"blocks.0.mlp.fc1.weight", 0, 1, "tensor 'blocks.0.mlp.fc1.bias' has the shape (16), but (1)"},
      {"pos_embed", 1, 5, "5 tokens, which is no square"},
      {"pos_embed", 0, 2, "'pos_embed' has the shape (2, 4, 4), but (1, 4, 4)"},
      {"x_embedder.proj.weight", 3, 4, "patches must be square"},
      {"x_embedder.proj.weight", 0, 0, "(hidden, channels, patch, patch) is expected"},
      {"final_layer.linear.weight", 0, 12, "has 12 rows: 4, or 8 with learn_sigma"},
      {"y_embedder.embedding_table.weight", 1, 5, "(4, 5), but (4, 4) is expected"},
      {"t_embedder.mlp.0.weight", 1, 7, "make an even number"},
      {"t_embedder.mlp.0.weight", 1, (int64_t)1 << 40, "(hidden, frequencies) is expected"},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    t = find(&w, shapes[i].name);
    saved = *t;
    t->shape[shapes[i].dimension] = shapes[i].extent;
    CHECK_ERROR(ctx, infer(&w.tensors, 2, NULL, 3, &c), TR_E_SHAPE, shapes[i].word);
    CHECK(c.hidden == 0); /* nothing half-filled */
    *t = saved;
  }

  t = find(&w, "x_embedder.proj.weight");
  saved = *t;
  t->ndim = 3;
  CHECK_ERROR(ctx, infer(&w.tensors, 2, NULL, 3, &c), TR_E_SHAPE, "(4, 1, 2), but");
  *t = saved;

  static const char *const renamed[][3] = {
      {"x_embedder.proj.weight", "other", "lack the tensor 'x_embedder.proj.weight'"},
      {"blocks.0.mlp.fc2.bias", "other", "lack the tensor 'blocks.0.mlp.fc2.bias' of shape (4)"},
      {"blocks.1.mlp.fc2.bias", "blocks.2.mlp.fc2.bias", "lack the tensor 'blocks.1.mlp.fc2.bias'"},
      {"blocks.1.mlp.fc2.bias", "blocks.99999.mlp.fc2.bias", "lack the tensor 'blocks.1.mlp.fc2.bias'"},
  };
  for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++) {
    t = find(&w, renamed[i][0]);
    saved = *t;
    t->name = renamed[i][1];
    CHECK_ERROR(ctx, infer(&w.tensors, 2, NULL, 3, &c), TR_E_SHAPE, renamed[i][2]);
    *t = saved;
  }

  static const struct {
    const char *name;
    tr_status status;
    const char *word;
  } added[] = {
      {"blocks.x", TR_E_SHAPE, "blocks.x"},
      {"blocks.99999.attn.qkv.bias", TR_E_SHAPE, "blocks.99999.attn.qkv.bias"},
      {"blocks.0.attn.q_norm.weight", TR_E_UNSUPPORTED, "qk-norm (tensor 'blocks.0.attn.q_norm.weight')"},
      {"blocks.0.mlp.w12.weight", TR_E_UNSUPPORTED, "a LightningDiT, a SiT with SwiGLU"},
      {"feat_rope.freqs_cos", TR_E_UNSUPPORTED, "a LightningDiT, a SiT with rotary positions (RoPE)"},
      {"blocks.0.norm1.weight", TR_E_UNSUPPORTED, "RMSNorm with weights"}};
  for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
    w.items[w.tensors.n] = w.items[0];
    w.items[w.tensors.n++].name = added[i].name;
    CHECK_ERROR(ctx, infer(&w.tensors, 2, NULL, 3, &c), added[i].status, added[i].word);
    w.tensors.n--;
  }
  /* what only training needs is passed over */
  w.items[w.tensors.n] = w.items[0];
  w.items[w.tensors.n++].name = "projectors.0.0.weight";
  CHECK_OK(ctx, infer(&w.tensors, 2, NULL, 3, &c));
  w.tensors.n--;
  const tr_tensors none = {0};
  CHECK_ERROR(ctx, infer(&none, 2, NULL, 3, &c), TR_E_SHAPE, "hold no tensor");
  const tr_tensors foreign = {.n = 1, .items = &(tr_tensor){.name = "conv1.weight"}};
  CHECK_ERROR(ctx, infer(&foreign, 2, NULL, 3, &c), TR_E_SHAPE,
              "'conv1.weight', are of no network that is known");
  unload(&w);
}

/* A name gives the heads when the weights are its own. Only shapes are looked at, so there need be no data.
 */
static void heads_from_the_name(void) {
  enum { BLOCKS = 12, D = 384 };
  static tr_tensor items[12 + 10 * BLOCKS];
  static char names[12 + 10 * BLOCKS][64];
  static const struct {
    const char *name;
    int64_t shape[4];
  } outer[] = {{"pos_embed", {1, 256, D}},
               {"x_embedder.proj.weight", {D, 4, 2, 2}},
               {"x_embedder.proj.bias", {D}},
               {"t_embedder.mlp.0.weight", {D, 256}},
               {"t_embedder.mlp.0.bias", {D}},
               {"t_embedder.mlp.2.weight", {D, D}},
               {"t_embedder.mlp.2.bias", {D}},
               {"y_embedder.embedding_table.weight", {1001, D}},
               {"final_layer.linear.weight", {32, D}},
               {"final_layer.linear.bias", {32}},
               {"final_layer.adaLN_modulation.1.weight", {2 * D, D}},
               {"final_layer.adaLN_modulation.1.bias", {2 * D}}},
    inner[] = {{"attn.qkv.weight", {3 * D, D}},
               {"attn.qkv.bias", {3 * D}},
               {"attn.proj.weight", {D, D}},
               {"attn.proj.bias", {D}},
               {"mlp.fc1.weight", {4 * D, D}},
               {"mlp.fc1.bias", {4 * D}},
               {"mlp.fc2.weight", {D, 4 * D}},
               {"mlp.fc2.bias", {D}},
               {"adaLN_modulation.1.weight", {6 * D, D}},
               {"adaLN_modulation.1.bias", {6 * D}}};
  int n = 0;
  for (int b = -1; b < BLOCKS; b++)
    for (int i = 0; i < (b < 0 ? 12 : 10); i++, n++) {
      const int64_t *shape = b < 0 ? outer[i].shape : inner[i].shape;
      if (b < 0)
        snprintf(names[n], sizeof names[n], "%s", outer[i].name);
      else
        snprintf(names[n], sizeof names[n], "blocks.%d.%s", b, inner[i].name);
      items[n].name = names[n];
      while (items[n].ndim < 4 && shape[items[n].ndim])
        items[n].shape[items[n].ndim] = shape[items[n].ndim], items[n].ndim++;
    }
  const tr_tensors tensors = {.n = n, .items = items};
  sizes inferred, same;
  CHECK_OK(ctx, infer(&tensors, 0, "SiT-S/2", 1000, &inferred));
  CHECK_OK(ctx, named("SiT-S/2", 4, 32, 1000, true, &same));
  CHECK(memcmp(&inferred, &same, sizeof same) == 0);
  CHECK_ERROR(ctx, infer(&tensors, 0, "SiT-S/4", 1000, &inferred), TR_E_SHAPE, "are not those of SiT-S/4");
  CHECK_OK(ctx, infer(&tensors, 12, "SiT-S/2", 1000, &inferred)); /* the option wins */
  CHECK(inferred.heads == 12);
}

/* Tens of thousands of tensors are looked through in a time that grows with their number: here a thirtieth
 * of a second, where a look along the list for each takes several. */
static void many_tensors(void) {
  enum { DEPTH = 6500, MOST = 10 * DEPTH + 20 };
  static const double data[16];
  const tr_net_size all[] = {{"channels", 1}, {"out_channels", 1}, {"patch", 1},      {"grid", 1},
                             {"hidden", 1},   {"depth", DEPTH},    {"mlp_hidden", 1}, {"time_frequencies", 2},
                             {"heads", 1},    {"num_classes", 1},  {"null_class", -1}};
  tr_net_config config, found;
  tr_net_entry entry;
  tr_expected *names = calloc(MOST, sizeof *names);
  tr_tensor *items = calloc(MOST, sizeof *items);
  int n = 0;
  CHECK_OK(ctx, tr_net_configure_sizes(ctx, "sit", sizeof all / sizeof *all, all, &config));
  for (int i = 0; config.type->entry(config.sizes, i, &entry); i++)
    for (int part = 0; part < tr_entry_parts(&entry); part++, n++) {
      tr_entry_part(&entry, part, &names[n]);
      items[n] = tr_tensor_of_f64(names[n].name, names[n].ndim, names[n].shape, data);
    }
  safetensors_write(scratch("many.safetensors"), &(tr_tensors){.n = n, .items = items}, "F32");
  weights w = load(scratch("many.safetensors"));
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, w.checkpoint, NULL, &w.tensors));
  const clock_t start = clock();
  CHECK_OK(ctx, tr_net_configure(ctx, &w.tensors, &(tr_net_settings){.open = true}, &found));
  const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  CHECK(seconds < 1);
  printf("%d tensors looked through in %.2f s\n", n, seconds);
  CHECK(tr_net_config_value(&found, "depth") == DEPTH);
  tr_net_config_clear(&found), tr_net_config_clear(&config);
  unload(&w);
  free(items), free(names);
}

/* Rows that a sample brings to a layer: one where times and labels go, else its tokens. */
static void rows_of_a_sample(void) {
  const tr_net_size given[] = {{"channels", 4}, {"latent_size", 12}, {"num_classes", 10}, {"learn_sigma", 1}};
  tr_net_config config;
  tr_net_entry entry;
  int once = 0, tokens = 0;
  CHECK_OK(ctx, tr_net_configure_named(ctx, "SiT-S/2", 4, given, &config));
  for (int i = 0; config.type->entry(config.sizes, i, &entry); i++) {
    if (entry.kind != TR_ENTRY_LAYER) continue;
    const bool one = strncmp(entry.name, "t_embedder", 10) == 0 || strstr(entry.name, "adaLN");
    CHECK(config.type->rows(config.sizes, i) == (one ? 1 : 36));
    one ? once++ : tokens++;
  }
  CHECK(once == 12 + 3 && tokens == 4 * 12 + 2);
  tr_net_config_clear(&config);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  named_sizes();
  digits();
  refused();
  heads_from_the_name();
  many_tensors();
  rows_of_a_sample();
  tr_ctx_close(&ctx);
  return check_report();
}
