/* The kind "inception": its sizes, its tensors, and opening its file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "core/text.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/inception/inception_private.h"
#include "nets/layers/weights.h"
#include "nets/modules_private.h"

#define NETWORK    "the Inception network of 2015"
#define LAST       "fc"
#define NORM_EPS   1e-3
#define COUNTER    ".num_batches_tracked"
#define TV_CLASSES 1000 /* of torchvision's weights; the network of 2015 has 1008 */

static const tr_net_type type;

/* ---- the list of tensors ---- */

static bool entry(const void *sizes, int i, tr_net_entry *out) {
  const tr_inception_config *c = sizes;
  if (i == TR_INCEPTION_CONVS)
    *out = (tr_net_entry){LAST, TR_ENTRY_LAYER, 2, {c->classes, tr_inception_features(c)}, TR_START_XAVIER, 0,
                          NULL};
  if (i >= TR_INCEPTION_CONVS) return i == TR_INCEPTION_CONVS;
  const tr_inception_row *row;
  int conv = 0;
  for (int k = 0; (row = tr_inception_row_at(k)); k++) {
    if (row->kind != TR_STEP_CONV || conv++ < i) continue;
    *out = (tr_net_entry){.kind = TR_ENTRY_NORMED_CONV,
                          .ndim = 4,
                          .shape = {c->width[i], tr_inception_channels(c, i), row->rows, row->columns},
                          .start = TR_START_XAVIER,
                          .scale = NORM_EPS};
    tr_inception_name(row, out->name, sizeof out->name);
    return true;
  }
  return false;
}

static tr_status check(tr_ctx *ctx, const void *sizes) {
  const tr_inception_config *c = sizes;
  if (c->classes >= 1 && tr_inception_features(c) > 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG,
                 "an Inception network has widths that its tensors tell (tr_net_configure), and no others");
}

/* ---- from tensors ---- */

static bool ends_with(const char *text, const char *ending) {
  const size_t n = strlen(text), k = strlen(ending);
  return n >= k && strcmp(text + n - k, ending) == 0;
}

static tr_status read_widths(tr_ctx *ctx, const tr_tensors *weights, tr_inception_config *c) {
  const tr_inception_row *row;
  const tr_tensor *tensor;
  char name[80];
  int conv = 0;
  for (int k = 0; (row = tr_inception_row_at(k)); k++) {
    if (row->kind != TR_STEP_CONV) continue;
    tr_inception_name(row, name, sizeof name);
    const bool spatial = strcmp(name, TR_INCEPTION_SPATIAL_STEP) == 0;
    snprintf(name + strlen(name), sizeof name - strlen(name), ".conv.weight");
    TR_TRY(tr_weights_find(ctx, weights, name, 4, "(out, in, rows, columns)", NETWORK, &tensor));
    c->width[conv++] = (int)tensor->shape[0];
    if (spatial && tensor->shape[0] < TR_INCEPTION_SPATIAL)
      return TR_FAIL(ctx, TR_E_SHAPE, "tensor '%s' has %lld channels: the spatial features are %d of them",
                     name, (long long)tensor->shape[0], TR_INCEPTION_SPATIAL);
  }
  TR_TRY(tr_weights_find(ctx, weights, LAST ".weight", 2, "(classes, features)", NETWORK, &tensor));
  c->classes = (int)tensor->shape[0];
  return TR_OK;
}

/* Without the counters that files have that were saved again. */
static tr_status check_tensors(tr_ctx *ctx, const tr_tensors *weights, const tr_inception_config *c) {
  tr_tensor *items = calloc((size_t)weights->n + 1, sizeof *items);
  tr_tensors kept = {.items = items};
  if (!items) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the names of %d tensors", weights->n);
  for (int i = 0; i < weights->n; i++)
    if (!ends_with(weights->items[i].name, COUNTER)) items[kept.n++] = weights->items[i];
  tr_status status = tr_weights_check(ctx, &kept, &type, c, NETWORK);
  free(items);
  return status;
}

static tr_status configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           const double *params, void *sizes) {
  tr_inception_config c = {0};
  (void)settings, (void)params; /* nothing is to be told */
  TR_TRY(read_widths(ctx, weights, &c));
  if (c.classes == TV_CLASSES)
    return TR_FAIL(ctx, TR_E_SHAPE, "tensor '" LAST ".weight' has %d rows: that is torchvision's network",
                   c.classes);
  TR_TRY(check_tensors(ctx, weights, &c));
  *(tr_inception_config *)sizes = c;
  return TR_OK;
}

/* torchvision's weights have the same names, and another network's numbers. */
static const char *relative(const tr_tensors *weights, char *text, size_t size) {
  const tr_tensor *last = tr_tensors_find(weights, LAST ".weight");
  const char *head = NULL;
  if (!tr_tensors_find(weights, "Mixed_7c.branch3x3_2a.conv.weight")) return NULL;
  for (int i = 0; i < weights->n && !head; i++)
    if (strncmp(weights->items[i].name, "AuxLogits.", 10) == 0) head = weights->items[i].name;
  const bool classes = last && last->ndim == 2 && last->shape[0] == TV_CLASSES;
  if (!head && !classes) return NULL;
  snprintf(text, size, "torchvision's Inception v3 (%s), whose features are others than those of 2015",
           head ? head : "1000 classes");
  return text;
}

/* ---- what is said of it ---- */

static long features_of(const void *sizes) {
  return (long)tr_inception_features(sizes);
}

static const tr_net_key keys[] = {
    {.key = "features", .of = features_of, .recorded = true},
    {.key = "classes", .offset = offsetof(tr_inception_config, classes), .recorded = true},
    {0},
};

static void say(const void *sizes, char *text, size_t size) {
  const tr_inception_config *c = sizes;
  snprintf(text, size, "Inception of 2015, %ld features, %d classes", features_of(c), c->classes);
}

/* ---- opening ---- */

static tr_status configure_file(tr_ctx *ctx, const char *path, const tr_tensors *weights,
                                tr_net_config *config) {
  const tr_net_settings open = {.open = true}; /* what it lacks, were it another's, is of no interest */
  tr_status status = tr_net_configure(ctx, weights, &open, config);
  char text[400];
  if (status != TR_OK) {
    const tr_error error = *tr_ctx_error(ctx);
    tr_ctx_clear(ctx);
    return TR_FAIL(ctx, status, "'%s' is not " NETWORK ": %s", TR_SHOW(path, 160), error.message);
  }
  if (config->type == &type) return TR_OK;
  tr_net_config_say(config, text, sizeof text);
  text[strcspn(text, "\n")] = 0; /* the first line of it names the network */
  return TR_FAIL(ctx, TR_E_SHAPE,
                 "'%s' is not " NETWORK " (pt_inception-2015-12-05-6726825d.pth): it holds %s",
                 TR_SHOW(path, 160), text);
}

static tr_status open_file(tr_ctx *ctx, const char *path, const tr_checkpoint *file,
                           const tr_net_options *options, tr_net **out) {
  tr_tensors weights;
  tr_net_config config = {0};
  TR_TRY(tr_checkpoint_weights(ctx, file, NULL, &weights));
  tr_status status = configure_file(ctx, path, &weights, &config);
  if (status == TR_OK) status = tr_net_create(ctx, &config, options, &weights, out);
  tr_net_config_clear(&config);
  return status;
}

tr_status tr_inception_open(tr_ctx *ctx, const char *path, const tr_net_options *options, tr_net **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, options, out);
  tr_checkpoint *file;
  TR_TRY(tr_checkpoint_open(ctx, path, &file));
  tr_status status = open_file(ctx, path, file, options, out);
  tr_checkpoint_close(&file);
  return status;
}

tr_status tr_inception_check(const tr_net *net) {
  if (net->type == &type) return TR_OK;
  return TR_FAIL(net->ctx, TR_E_ARG, "the network %s is not " NETWORK ": open one by tr_inception_open",
                 tr_net_name(net));
}

static const char *const beginnings[] = {
    "Conv2d_1a_3x3.", "Conv2d_2a_3x3.", "Conv2d_2b_3x3.", "Conv2d_3b_1x1.", "Conv2d_4a_3x3.", "Mixed_", NULL};

static const tr_net_type type = {
    .info = {.name = "inception", .summary = "features of pictures: the network of 2015 behind FID"},
    .beginnings = beginnings,
    .sizes_bytes = sizeof(tr_inception_config),
    .keys = keys,
    .entry = entry,
    .configure = configure,
    .check = check,
    .say = say,
    .relative = relative,
    .open = tr_inception_open_work,
    .close = tr_inception_close_work,
};
const tr_module *const tr_network_inception = &type.info;
