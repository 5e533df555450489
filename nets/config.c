/* The sizes of a network: recognised from tensors, named, or given one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/foreign_private.h"
#include "nets/network.h"

#include "core/require_private.h"

#define KINDS_MAX 64

static const tr_net_type *type_at(const tr_ctx *ctx, int i) {
  return (const tr_net_type *)tr_module_at(ctx, TR_KIND_NETWORK, i);
}

static tr_status open_config(tr_ctx *ctx, const tr_net_type *type, tr_net_config *out) {
  *out = (tr_net_config){.type = type, .sizes = calloc(1, type->sizes_bytes)};
  return out->sizes ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for the sizes of a network");
}

void tr_net_config_clear(tr_net_config *config) {
  if (!config) return;
  free(config->sizes);
  *config = (tr_net_config){0};
}

static void set_info(tr_net_config *config) {
  tr_net_info *info = &config->info;
  *info = (tr_net_info){.null_class = -1};
  if (config->type->about) config->type->about(config->sizes, info);
  info->row = 1;
  for (int i = 0; i < info->ndim; i++) info->row *= info->shape[i];
}

int tr_net_states(const tr_net_info *info, int64_t n, int64_t shape[TR_MAX_DIMS]) {
  if (!info || !shape) return 0;
  shape[0] = n;
  for (int i = 0; i < info->ndim; i++) shape[i + 1] = info->shape[i];
  return info->ndim + 1;
}

bool tr_net_has_class(const tr_net_info *info, long label) {
  if (!info) return false;
  return label >= 0 && label < (long)info->num_classes + (info->null_class >= 0);
}

/* What is known once the sizes are, or nothing after a failure. */
static tr_status finish(tr_status status, tr_net_config *config) {
  if (status == TR_OK)
    set_info(config);
  else
    tr_net_config_clear(config);
  return status;
}

/* ---- from tensors ---- */

static int tensors_known(const tr_net_type *type, const tr_tensors *weights) {
  int n = 0;
  for (int i = 0; i < weights->n; i++) {
    bool known = false;
    for (int k = 0; type->beginnings[k] && !known; k++)
      known = strncmp(weights->items[i].name, type->beginnings[k], strlen(type->beginnings[k])) == 0;
    n += known;
  }
  return n;
}

/* The kinds that know any of the tensors, those that know most first. */
static int order_kinds(const tr_ctx *ctx, const tr_tensors *weights, const tr_net_type *kinds[KINDS_MAX]) {
  int known[KINDS_MAX], n = 0;
  const tr_net_type *type;
  for (int i = 0; n < KINDS_MAX && (type = type_at(ctx, i)); i++) {
    int of_type = tensors_known(type, weights), at = n;
    if (of_type == 0) continue;
    for (; at > 0 && known[at - 1] < of_type; at--) known[at] = known[at - 1], kinds[at] = kinds[at - 1];
    known[at] = of_type, kinds[at] = type, n++;
  }
  return n;
}

static tr_status no_kind(tr_ctx *ctx, const tr_tensors *weights) {
  char list[256] = "";
  size_t used = 0;
  const tr_net_type *type;
  for (int i = 0; (type = type_at(ctx, i)) && used < sizeof list; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", type->info.name);
  if (weights->n == 0)
    return TR_FAIL(ctx, TR_E_SHAPE, "the weights hold no tensor: those of a network are needed (known: %s)",
                   list);
  return TR_FAIL(ctx, TR_E_SHAPE,
                 "the weights, with the tensor '%s', are of no network that is known here (known: %s)",
                 weights->items[0].name, list);
}

static tr_status try_kind(tr_ctx *ctx, const tr_net_type *type, const tr_tensors *weights,
                          const tr_net_settings *settings, tr_net_config *out) {
  tr_values values = tr_module_defaults(&type->info);
  for (int i = 0; i < settings->n_told; i++)
    TR_TRY(tr_module_set(ctx, &type->info, &values, settings->told[i].key, settings->told[i].value));
  TR_TRY(open_config(ctx, type, out));
  return finish(type->configure(ctx, weights, settings, values.v, out->sizes), out);
}

/* Weights that are told to be of something else than any kind here. */
static tr_status not_supported(tr_ctx *ctx, const tr_tensors *weights, const tr_net_type *const *kinds,
                               int n) {
  const char *what = NULL;
  char text[400];
  for (int i = 0; i < n && !what; i++)
    if (kinds[i]->relative) what = kinds[i]->relative(weights, text, sizeof text);
  if (!what) what = tr_net_foreign(weights);
  return what ? TR_FAIL(ctx, TR_E_UNSUPPORTED, "the weights seem to be of %s, which is not supported", what)
              : TR_OK;
}

tr_status tr_net_configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           tr_net_config *out) {
  TR_REQUIRE(ctx, weights, out);
  static const tr_net_settings untold = {0};
  if (settings && settings->n_told > 0 && !settings->told)
    return TR_FAIL(ctx, TR_E_ARG, "settings with n_told = %d, but without told", settings->n_told);
  const tr_net_type *kinds[KINDS_MAX];
  tr_error first = {0};
  int n = order_kinds(ctx, weights, kinds);
  *out = (tr_net_config){0};
  for (int i = 0; i < n; i++) {
    if (try_kind(ctx, kinds[i], weights, settings ? settings : &untold, out) == TR_OK) return TR_OK;
    if (i == 0) first = *tr_ctx_error(ctx);
    tr_ctx_clear(ctx);
  }
  if (n == 0 || first.status == TR_E_SHAPE) TR_TRY(not_supported(ctx, weights, kinds, n));
  return n ? TR_FAIL(ctx, first.status, "%s", first.message) : no_kind(ctx, weights);
}

/* ---- by name ---- */

static bool has_name(const tr_net_type *type, const char *name) {
  for (int i = 0; type->names && type->names[i]; i++)
    if (strcmp(type->names[i], name) == 0) return true;
  return false;
}

static tr_status unknown_name(tr_ctx *ctx, const char *name) {
  const char *all[256];
  const tr_net_type *type;
  int n = 0;
  for (int i = 0; (type = type_at(ctx, i)); i++)
    for (int k = 0; type->names && type->names[k] && n < 256; k++) all[n++] = type->names[k];
  const char *near = tr_nearest(name, all, n);
  if (near) return TR_FAIL(ctx, TR_E_ARG, "no model '%s', did you mean '%s'?", name, near);
  return TR_FAIL(ctx, TR_E_ARG, "no model '%s': use one such as %s", name, n ? all[0] : "(none is known)");
}

static tr_status check_keys(tr_ctx *ctx, int n, const tr_net_size *sizes) {
  if (n < 0) return TR_FAIL(ctx, TR_E_ARG, "%d sizes of a network: use 0 or more", n);
  for (int i = 0; i < n; i++)
    if (!sizes[i].key) return TR_FAIL(ctx, TR_E_ARG, "size %d of %d has no key", i, n);
  return TR_OK;
}

tr_status tr_net_configure_named(tr_ctx *ctx, const char *name, int n, const tr_net_size *sizes,
                                 tr_net_config *out) {
  if (out) *out = (tr_net_config){0};
  TR_REQUIRE(ctx, name, sizes, out);
  TR_TRY(check_keys(ctx, n, sizes));
  const tr_net_type *type = NULL;
  for (int i = 0; (type = type_at(ctx, i)) && !has_name(type, name);) i++;
  if (!type) return unknown_name(ctx, name);
  TR_TRY(open_config(ctx, type, out));
  return finish(type->named(ctx, name, n, sizes, out->sizes), out);
}

/* ---- one by one ---- */

static const tr_net_key *find_key(const tr_net_type *type, const char *key) {
  for (const tr_net_key *k = type->keys; k->key; k++)
    if (strcmp(k->key, key) == 0) return k;
  return NULL;
}

static int *size_at(void *sizes, const tr_net_key *key) {
  return (int *)((char *)sizes + key->offset);
}

static tr_status set_sizes(tr_ctx *ctx, const tr_net_config *config, int n, const tr_net_size *given) {
  const tr_net_type *type = config->type;
  for (const tr_net_key *k = type->keys; k->key; k++)
    if (!k->of) *size_at(config->sizes, k) = k->absent;
  for (int i = 0; i < n; i++) {
    const tr_net_key *key = find_key(type, given[i].key);
    if (!key || key->of)
      return TR_FAIL(ctx, TR_E_ARG, "'%s' is no size of a network %s%s", given[i].key, type->info.name,
                     key ? ": it follows from the others" : "");
    *size_at(config->sizes, key) = given[i].value;
  }
  return type->check(ctx, config->sizes);
}

tr_status tr_net_configure_sizes(tr_ctx *ctx, const char *kind, int n, const tr_net_size *sizes,
                                 tr_net_config *out) {
  if (out) *out = (tr_net_config){0};
  TR_REQUIRE(ctx, kind, sizes, out);
  TR_TRY(check_keys(ctx, n, sizes));
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_NETWORK, kind, &module));
  TR_TRY(open_config(ctx, (const tr_net_type *)module, out));
  return finish(set_sizes(ctx, out, n, sizes), out);
}

/* ---- what is said of them ---- */

const char *tr_net_config_kind(const tr_net_config *config) {
  if (!config || !config->type) return "";
  return config->type->info.name;
}

static long value_of(const void *sizes, const tr_net_key *key) {
  return key->of ? key->of(sizes) : *(const int *)((const char *)sizes + key->offset);
}

bool tr_net_config_fact(const tr_net_config *config, int i, tr_net_fact *out) {
  if (!config || !config->type || !out || i < 0) return false;
  const tr_net_key *key = config->type->keys;
  while (key->key && i-- > 0) key++;
  if (!key->key) return false;
  long value = value_of(config->sizes, key);
  tr_net_value_kind kind = key->flag ? TR_NET_FLAG : value == key->absent ? TR_NET_NONE : TR_NET_NUMBER;
  *out = (tr_net_fact){key->key, kind, value, key->recorded, key->param};
  return true;
}

long tr_net_config_value(const tr_net_config *config, const char *key) {
  if (!config || !config->type || !key) return 0;
  const tr_net_key *found = find_key(config->type, key);
  return found ? value_of(config->sizes, found) : 0;
}

const char *tr_net_config_say(const tr_net_config *config, char *text, size_t size) {
  if (!config || !config->type || !text) return "";
  config->type->say(config->sizes, text, size);
  return text;
}
