#include "core/module/registry.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/module/registry_private.h"
#include "core/require_private.h"
#include "core/text.h"

#define WORD_MAX 63 /* characters of a name */

typedef struct {
  const char *kind;
  const tr_module *module;
} entry;

struct tr_registry {
  entry *entries;
  int n, capacity;
};

tr_status tr_registry_create(tr_registry **out) {
  *out = calloc(1, sizeof **out);
  return *out ? TR_OK : TR_E_MEM;
}

void tr_registry_destroy(tr_registry **registry) {
  if (!*registry) return;
  free((*registry)->entries);
  free(*registry);
  *registry = NULL;
}

/* Whether `word` is one of the comma-separated `list`. */
static bool in_list(const char *list, const char *word, bool ignore_case) {
  size_t length = strlen(word);
  while (list && *list) {
    size_t part = strcspn(list, ",");
    if (part == length && (ignore_case ? strncasecmp(list, word, part) : strncmp(list, word, part)) == 0)
      return true;
    list += part + (list[part] == ',');
  }
  return false;
}

static bool answers_to(const tr_module *module, const char *name, bool ignore_case) {
  if ((ignore_case ? strcasecmp(module->name, name) : strcmp(module->name, name)) == 0) return true;
  return in_list(module->aliases, name, ignore_case);
}

static const tr_module *lookup(const tr_registry *registry, const char *kind, const char *name,
                               bool ignore_case) {
  for (int i = 0; i < registry->n; i++) {
    const entry *e = &registry->entries[i];
    if (strcmp(e->kind, kind) == 0 && answers_to(e->module, name, ignore_case)) return e->module;
  }
  return NULL;
}

static tr_status check_free(tr_ctx *ctx, const char *kind, const char *name, size_t length) {
  char word[WORD_MAX + 1];
  if (length > WORD_MAX)
    return TR_FAIL(ctx, TR_E_ARG, "%s '%s': a name has at most %d characters", kind, name, WORD_MAX);
  snprintf(word, sizeof word, "%.*s", (int)length, name);
  if (lookup(tr_ctx_registry(ctx), kind, word, true))
    return TR_FAIL(ctx, TR_E_ARG, "%s '%s' is already registered: choose another name", kind, word);
  return TR_OK;
}

/* The name and every alias are new to this kind. */
static tr_status check_names(tr_ctx *ctx, const char *kind, const tr_module *module) {
  if (!module->name || !*module->name)
    return TR_FAIL(ctx, TR_E_ARG, "a %s without a name cannot be registered", kind);
  if (strchr(module->name, ','))
    return TR_FAIL(ctx, TR_E_ARG, "%s '%s': a comma separates aliases, it cannot be part of a name", kind,
                   module->name);
  TR_TRY(check_free(ctx, kind, module->name, strlen(module->name)));
  for (const char *alias = module->aliases; alias && *alias;) {
    size_t length = strcspn(alias, ",");
    TR_TRY(check_free(ctx, kind, alias, length));
    alias += length + (alias[length] == ',');
  }
  return TR_OK;
}

static tr_status check_param(tr_ctx *ctx, const char *kind, const tr_module *module, int i) {
  const tr_param *param = &module->params[i];
  if (!param->name || !*param->name || strlen(param->name) > WORD_MAX || strpbrk(param->name, "=,"))
    return TR_FAIL(ctx, TR_E_ARG,
                   "parameter %d of the %s '%s' is named '%s': a name has 1 to %d characters, none of "
                   "them '=' or ','",
                   i, kind, module->name, TR_SHOW(param->name ? param->name : "", 80), WORD_MAX);
  for (int j = 0; j < i; j++)
    if (strcmp(param->name, module->params[j].name) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "the %s '%s' has two parameters named '%s'", kind, module->name,
                     param->name);
  if (isnan(param->value) || tr_range_has(&param->range, param->value)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG,
                 "the parameter %s of the %s '%s' has the default %g, which is out of its range", param->name,
                 kind, module->name, param->value);
}

static tr_status check_params(tr_ctx *ctx, const char *kind, const tr_module *module) {
  if (module->n_params < 0 || module->n_params > TR_PARAMS_MAX || (module->n_params && !module->params))
    return TR_FAIL(ctx, TR_E_ARG, "the %s '%s' announces %d parameters and has %s: use 0 to %d", kind,
                   module->name, module->n_params, module->params ? "some" : "none", TR_PARAMS_MAX);
  for (int i = 0; i < module->n_params; i++) TR_TRY(check_param(ctx, kind, module, i));
  return TR_OK;
}

tr_status tr_register(tr_ctx *ctx, const char *kind, const tr_module *module) {
  TR_REQUIRE(ctx, kind, module);
  tr_registry *registry = tr_ctx_registry(ctx);
  TR_TRY(check_names(ctx, kind, module));
  TR_TRY(check_params(ctx, kind, module));
  if (registry->n == registry->capacity) {
    int capacity = registry->capacity ? 2 * registry->capacity : 64;
    entry *grown = realloc(registry->entries, (size_t)capacity * sizeof *grown);
    if (!grown) return TR_FAIL(ctx, TR_E_MEM, "out of memory registering %s '%s'", kind, module->name);
    registry->entries = grown;
    registry->capacity = capacity;
  }
  registry->entries[registry->n++] = (entry){kind, module};
  return TR_OK;
}

const tr_module *tr_module_at(const tr_ctx *ctx, const char *kind, int i) {
  if (!ctx || !kind || i < 0) return NULL;
  const tr_registry *registry = tr_ctx_registry((tr_ctx *)ctx);
  for (int k = 0; k < registry->n; k++)
    if (strcmp(registry->entries[k].kind, kind) == 0 && i-- == 0) return registry->entries[k].module;
  return NULL;
}

const tr_module *tr_module_named(const tr_ctx *ctx, const char *kind, const char *name) {
  const tr_module *module;
  if (!name) return NULL;
  for (int i = 0; (module = tr_module_at(ctx, kind, i)); i++)
    if (strcmp(module->name, name) == 0) return module;
  return NULL;
}

const char *tr_kind_at(const tr_ctx *ctx, int i) {
  if (!ctx || i < 0) return NULL;
  const tr_registry *registry = tr_ctx_registry((tr_ctx *)ctx);
  for (int k = 0; k < registry->n; k++) {
    bool seen = false;
    for (int j = 0; j < k && !seen; j++)
      seen = strcmp(registry->entries[j].kind, registry->entries[k].kind) == 0;
    if (!seen && i-- == 0) return registry->entries[k].kind;
  }
  return NULL;
}

static bool is_same(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int least(int a, int b) {
  return a < b ? a : b;
}

/* Letters to change, add, leave out, or swap with the next one (the optimal string alignment); INT_MAX when a
 * word is too long to be a name. */
static int edit_distance(const char *a, const char *b) {
  const size_t n = strlen(a), m = strlen(b);
  if (n > WORD_MAX || m > WORD_MAX) return INT_MAX;
  int rows[3][WORD_MAX + 1] = {{0}}, *before = rows[0], *last = rows[1], *row = rows[2];
  for (size_t j = 0; j <= m; j++) last[j] = (int)j;
  for (size_t i = 1; i <= n; i++) {
    row[0] = (int)i;
    for (size_t j = 1; j <= m; j++) {
      row[j] = least(last[j - 1] + !is_same(a[i - 1], b[j - 1]), least(last[j], row[j - 1]) + 1);
      const bool swapped = i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]);
      if (swapped) row[j] = least(row[j], before[j - 2] + 1);
    }
    int *oldest = before;
    before = last, last = row, row = oldest;
  }
  return last[m];
}

/* Where `word` lies within `name`, ignoring case: its offset, or -1. */
static int offset_within(const char *word, const char *name) {
  size_t length = strlen(word);
  for (int at = 0; name[at]; at++)
    if (strncasecmp(name + at, word, length) == 0) return at;
  return -1;
}

/* The first of the names that begin with the word, else of those that have it somewhere. */
static const char *longer_name(const char *word, const char *const *candidates, int n) {
  const char *within = NULL;
  if (strlen(word) < 2) return NULL;
  for (int i = 0; i < n; i++) {
    int at = offset_within(word, candidates[i]);
    if (at == 0) return candidates[i];
    if (at > 0 && !within) within = candidates[i];
  }
  return within;
}

const char *tr_nearest(const char *word, const char *const *candidates, int n) {
  if (!word || !candidates) return NULL;
  const char *best = NULL;
  int best_distance = (int)strlen(word) / 3 + 2; /* farther than this is no misspelling */
  for (int i = 0; i < n; i++) {
    int distance = edit_distance(word, candidates[i]);
    if (distance < best_distance) best = candidates[i], best_distance = distance;
  }
  return best ? best : longer_name(word, candidates, n);
}

static tr_status unknown(tr_ctx *ctx, const char *kind, const char *name) {
  const char *names[256];
  char list[320] = "";
  int n = 0;
  size_t used = 0;
  for (const tr_module *m; n < 256 && (m = tr_module_at(ctx, kind, n)); n++) {
    names[n] = m->name;
    int wrote = snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", m->name);
    used = used + (size_t)wrote < sizeof list ? used + (size_t)wrote : sizeof list - 1;
  }
  if (n == 0) return TR_FAIL(ctx, TR_E_ARG, "unknown %s '%s': none is registered", kind, name);
  const char *near = tr_nearest(name, names, n);
  if (near)
    return TR_FAIL(ctx, TR_E_ARG, "unknown %s '%s': did you mean '%s'? (known: %s)", kind, name, near, list);
  return TR_FAIL(ctx, TR_E_ARG, "unknown %s '%s': use one of %s", kind, name, list);
}

tr_status tr_find(tr_ctx *ctx, const char *kind, const char *name, const tr_module **out) {
  TR_REQUIRE(ctx, kind, name, out);
  const tr_registry *registry = tr_ctx_registry(ctx);
  *out = lookup(registry, kind, name, false);
  if (!*out) *out = lookup(registry, kind, name, true);
  return *out ? TR_OK : unknown(ctx, kind, name);
}
