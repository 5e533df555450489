#include "nets/layers/weights.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "nets/layers/entries_private.h"

const char *tr_shape_text(int ndim, const int64_t *shape, char *text, size_t size) {
  if (!shape || !text) return "";
  size_t used = (size_t)snprintf(text, size, "(");
  for (int i = 0; i < ndim && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", shape[i]);
  if (used < size) snprintf(text + used, size - used, ")");
  return text;
}

const tr_tensor *tr_weights_tensor(const tr_tensors *weights, const tr_net_type *type, const char *name) {
  char text[TR_EXPECTED_NAME];
  if (!weights || !type || !name) return NULL;
  const tr_tensor *found = tr_tensors_find(weights, name);
  const char *older = found || !type->older ? NULL : type->older(name, text, sizeof text);
  return older ? tr_tensors_find(weights, older) : found;
}

static bool has_shape(const tr_tensor *have, const tr_expected *want) {
  const int n = want->flat && have->ndim == 2 ? 2 : want->ndim;
  return have->ndim == n && memcmp(have->shape, want->shape, (size_t)n * sizeof *want->shape) == 0;
}

static tr_status check_tensor(tr_ctx *ctx, const tr_tensors *weights, const tr_net_type *type,
                              const tr_expected *want) {
  char a[128], b[128];
  const tr_tensor *have = tr_weights_tensor(weights, type, want->name);
  if (!have)
    return TR_FAIL(ctx, TR_E_SHAPE, "the weights lack the tensor '%s' of shape %s", want->name,
                   tr_shape_text(want->ndim, want->shape, a, sizeof a));
  if (has_shape(have, want)) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "tensor '%s' has the shape %s, but %s is expected", want->name,
                 tr_shape_text(have->ndim, have->shape, a, sizeof a),
                 tr_shape_text(want->ndim, want->shape, b, sizeof b));
}

bool tr_weights_unused(const tr_net_type *type, const char *name) {
  if (!type || !name) return false;
  for (int i = 0; type->unused && type->unused[i]; i++)
    if (strncmp(name, type->unused[i], strlen(type->unused[i])) == 0) return true;
  return false;
}

bool tr_weights_can_make(const tr_net_entry *entry) {
  return entry && entry->kind == TR_ENTRY_FIXED && entry->start == TR_START_FILL;
}

bool tr_weights_is_table(const tr_net_config *config, const char *name, tr_net_entry *entry) {
  if (!config || !config->type || !config->type->entry || !config->sizes || !name || !entry) return false;
  for (int i = 0; config->type->entry(config->sizes, i, entry); i++)
    if (tr_weights_can_make(entry) && strcmp(entry->name, name) == 0) return true;
  return false;
}

/* The first tensor that is none of the network's; NULL: there is none, or no memory to find it. */
static const tr_tensor *find_other(const tr_tensors *weights, const tr_net_type *type, const void *sizes) {
  bool *own = calloc((size_t)weights->n + 1, sizeof *own);
  const tr_tensor *other = NULL;
  tr_net_entry entry;
  for (int i = 0; own && type->entry(sizes, i, &entry); i++)
    for (int part = 0; part < tr_entry_parts(&entry); part++) {
      tr_expected want;
      tr_entry_part(&entry, part, &want);
      const tr_tensor *have = tr_weights_tensor(weights, type, want.name);
      if (have) own[have - weights->items] = true;
    }
  for (int i = 0; own && i < weights->n && !other; i++)
    if (!own[i] && !tr_weights_unused(type, weights->items[i].name)) other = &weights->items[i];
  free(own);
  return other;
}

tr_status tr_weights_check(tr_ctx *ctx, const tr_tensors *weights, const tr_net_type *type, const void *sizes,
                           const char *network) {
  TR_REQUIRE(ctx, weights, type, sizes, network);
  TR_REQUIRE_FUNCTION(ctx, type->entry);
  tr_net_entry entry;
  int n = 0;
  for (int i = 0; type->entry(sizes, i, &entry); i++)
    for (int part = 0; part < tr_entry_parts(&entry); part++, n++) {
      tr_expected want;
      tr_entry_part(&entry, part, &want);
      if (tr_weights_can_make(&entry) && !tr_tensors_find(weights, want.name)) {
        n--;
        continue;
      }
      TR_TRY(check_tensor(ctx, weights, type, &want));
    }
  for (int i = 0; i < weights->n; i++) n += tr_weights_unused(type, weights->items[i].name);
  if (n == weights->n) return TR_OK;
  const tr_tensor *other = find_other(weights, type, sizes);
  if (other)
    return TR_FAIL(ctx, TR_E_SHAPE, "the weights hold the tensor '%s', which %s does not have", other->name,
                   network);
  return TR_FAIL(ctx, TR_E_SHAPE, "the weights hold %d tensors, of which %d have a name of their own",
                 weights->n, n);
}

tr_status tr_weights_find(tr_ctx *ctx, const tr_tensors *weights, const char *name, int ndim,
                          const char *meaning, const char *network, const tr_tensor **out) {
  TR_REQUIRE(ctx, weights, name, meaning, network, out);
  const int64_t largest = 1 << 24;
  char text[128];
  *out = tr_tensors_find(weights, name);
  if (!*out)
    return TR_FAIL(ctx, TR_E_SHAPE, "the weights lack the tensor '%s' of shape %s: not %s?", name, meaning,
                   network);
  bool fits = (*out)->ndim == ndim;
  for (int i = 0; fits && i < ndim; i++) fits = (*out)->shape[i] >= 1 && (*out)->shape[i] <= largest;
  if (!fits)
    return TR_FAIL(ctx, TR_E_SHAPE, "tensor '%s' has the shape %s, but %s is expected", name,
                   tr_shape_text((*out)->ndim, (*out)->shape, text, sizeof text), meaning);
  return TR_OK;
}

int tr_weights_count(const tr_tensors *weights, const char *prefix) {
  if (!weights || !prefix) return 0;
  int depth = 0;
  size_t length = strlen(prefix);
  for (int i = 0; i < weights->n; i++) {
    int number, end = 0;
    const char *name = weights->items[i].name;
    if (strncmp(name, prefix, length) != 0 || name[length] != '.') continue;
    const char *digits = name + length + 1;
    if (!isdigit((unsigned char)*digits)) continue;
    if (sscanf(digits, "%4d%n", &number, &end) == 1 && digits[end] == '.' && number >= depth)
      depth = number + 1;
  }
  return depth;
}

tr_status tr_weights_classes(tr_ctx *ctx, int rows, int declared, int *num_classes, int *null_class) {
  TR_REQUIRE(ctx, num_classes, null_class);
  if (declared < 0) return TR_FAIL(ctx, TR_E_ARG, "%d classes: use at least 1, or 0 for unknown", declared);
  if (declared > 0 && rows != declared && rows != declared + 1)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "the label table has %d rows: %d classes need %d, or %d with the null class", rows,
                   declared, declared, declared + 1);
  bool null_row = rows != declared;
  *num_classes = null_row ? rows - 1 : rows;
  *null_class = null_row ? rows - 1 : -1;
  return TR_OK;
}
