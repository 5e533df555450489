#include "nets/train/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "nets/train/post_hoc.h"
#include "nets/train/trainer_private.h"

/* Views of all parameters in one arena, under their names. */
typedef struct {
  tr_array *views;
  tr_saved_tensor *items;
} listing;

static void close_listing(listing *l) {
  free(l->views);
  free(l->items);
}

static tr_status list(const tr_trainer *trainer, const tr_array *arena, bool trained_only, listing *out) {
  const int n = tr_params_n(trainer->params);
  *out = (listing){calloc((size_t)n, sizeof *out->views), calloc((size_t)n, sizeof *out->items)};
  if (!out->views || !out->items)
    return TR_FAIL(trainer->ctx, TR_E_MEM, "out of memory to write %d parameters", n);
  for (int i = 0; i < n; i++) {
    const tr_param_entry *entry = tr_params_entry(trainer->params, i);
    out->views[i] = tr_params_at(trainer->params, arena, i);
    out->items[i].name = entry->name;
    if (!trained_only || !entry->frozen) out->items[i].array = &out->views[i];
  }
  return TR_OK;
}

static const tr_array *arena_of(const tr_trainer *trainer, int i) {
  return i < 0 ? tr_params_values(trainer->params) : trainer->average[i];
}

static void name_set(int i, char name[16]) {
  if (i > 0)
    snprintf(name, 16, "ema_%d", i);
  else
    snprintf(name, 16, "%s", i < 0 ? "model" : "ema");
}

enum { SETS = 1 + TR_NN_AVERAGES }; /* the parameters and the averages */

typedef struct {
  listing sets[SETS], first, second;
  char names[SETS][16];
  tr_saved_set saved[SETS];
  tr_saved_adamw adamw;
} content;

/* A step whose rate is too large leaves numbers that no file should keep. So does a gradient whose square is
 * infinite: what has such an average of squares never moves again. */
static tr_status check_finite(const tr_trainer *trainer, const char *path) {
  int bad, still;
  TR_TRY(tr_trainer_first_bad(trainer, tr_params_values(trainer->params), &bad));
  TR_TRY(tr_trainer_first_bad(trainer, trainer->second, &still));
  if (bad < 0 && still >= 0)
    return TR_FAIL(
        trainer->ctx, TR_E_NONFINITE,
        "the squares of the gradient of '%s' are not finite by step %lld: '%s' is not written, smaller "
        "data or clipping may help",
        tr_params_entry(trainer->params, still)->name, (long long)trainer->steps, path);
  if (bad < 0) return TR_OK;
  return TR_FAIL(trainer->ctx, TR_E_NONFINITE,
                 "step %lld left '%s' not finite: '%s' is not written, a smaller rate may help",
                 (long long)trainer->steps, tr_params_entry(trainer->params, bad)->name, path);
}

static void close_content(content *c) {
  for (int i = 0; i < SETS; i++) close_listing(&c->sets[i]);
  close_listing(&c->first);
  close_listing(&c->second);
}

static tr_status open_content(const tr_trainer *trainer, content *c) {
  const int n = tr_params_n(trainer->params);
  *c = (content){.adamw = {.rate = tr_schedule_rate(&trainer->o.schedule, trainer->steps),
                           .beta1 = trainer->o.beta1,
                           .beta2 = trainer->o.beta2,
                           .eps = trainer->o.eps,
                           .decay = trainer->o.decay,
                           .step = trainer->steps,
                           .n = n}};
  for (int i = 0; i < 1 + trainer->o.n_averages; i++) {
    TR_TRY(list(trainer, arena_of(trainer, i - 1), false, &c->sets[i]));
    name_set(i - 1, c->names[i]);
    c->saved[i] = (tr_saved_set){c->names[i], n, c->sets[i].items};
  }
  TR_TRY(list(trainer, trainer->first, true, &c->first));
  TR_TRY(list(trainer, trainer->second, true, &c->second));
  c->adamw.first = c->first.items;
  c->adamw.second = c->second.items;
  return TR_OK;
}

static tr_status check_count(const tr_trainer *trainer, int n_args) {
  if (n_args >= 0) return TR_OK;
  return TR_FAIL(trainer->ctx, TR_E_ARG, "%d arguments of a training: use 0 or more", n_args);
}

tr_status tr_trainer_save(const tr_trainer *trainer, const char *path, int n_args, const tr_saved_arg *args) {
  if (n_args > 0 && !args) return TR_FAIL(TR_CTX_OF(trainer), TR_E_ARG, "%s: args is NULL", __func__);
  TR_REQUIRE(TR_CTX_OF(trainer), trainer, path);
  TR_TRY(check_count(trainer, n_args));
  content c;
  TR_TRY(check_finite(trainer, path));
  tr_status status = open_content(trainer, &c);
  if (status == TR_OK)
    status = tr_torch_save(trainer->ctx, path,
                           &(tr_saved){.n_sets = 1 + trainer->o.n_averages,
                                       .sets = c.saved,
                                       .adamw = &c.adamw,
                                       .n_args = n_args,
                                       .args = args});
  close_content(&c);
  return status;
}

typedef struct {
  int n;
  const tr_saved_arg *v;
  tr_saved_arg *added; /* what v is then, malloc'd; NULL: v is the caller's */
} saved_args;

/* The arguments, and of which profile an average by a power of the step is. */
static tr_status add_profile(const tr_trainer *trainer, double gamma, int n, const tr_saved_arg *args,
                             saved_args *out) {
  *out = (saved_args){.n = n, .v = args};
  if (gamma < 0) return TR_OK;
  out->added = malloc(((size_t)n + 3) * sizeof *out->added);
  if (!out->added) return TR_FAIL(trainer->ctx, TR_E_MEM, "out of memory for %d arguments", n);
  if (n) memcpy(out->added, args, (size_t)n * sizeof *args);
  out->added[n] = (tr_saved_arg){.name = TR_SNAPSHOT_STEP, .kind = TR_SAVED_INT, .integer = trainer->steps};
  out->added[n + 1] = (tr_saved_arg){.name = TR_SNAPSHOT_GAMMA, .kind = TR_SAVED_REAL, .real = gamma};
  out->added[n + 2] =
      (tr_saved_arg){.name = TR_SNAPSHOT_SIGMA_REL, .kind = TR_SAVED_REAL, .real = tr_power_sigma_rel(gamma)};
  out->v = out->added;
  out->n = n + 3;
  return TR_OK;
}

static tr_status export_set(const tr_trainer *trainer, int i, const char *path, const saved_args *args) {
  char name[16];
  listing l;
  name_set(i, name);
  tr_status status = list(trainer, arena_of(trainer, i), false, &l);
  if (status == TR_OK)
    status = tr_safetensors_save(
        trainer->ctx, path, &(tr_saved_set){name, tr_params_n(trainer->params), l.items}, args->n, args->v);
  close_listing(&l);
  return status;
}

tr_status tr_trainer_export(const tr_trainer *trainer, int i, const char *path, int n_args,
                            const tr_saved_arg *args) {
  if (n_args > 0 && !args) return TR_FAIL(TR_CTX_OF(trainer), TR_E_ARG, "%s: args is NULL", __func__);
  TR_REQUIRE(TR_CTX_OF(trainer), trainer, path);
  TR_TRY(check_count(trainer, n_args));
  if (i < -1 || i >= trainer->o.n_averages)
    return TR_FAIL(trainer->ctx, TR_E_ARG, "average %d of a training with %d", i, trainer->o.n_averages);
  TR_TRY(check_finite(trainer, path));
  const double gamma = tr_trainer_gamma(trainer, i);
  saved_args all;
  TR_TRY(add_profile(trainer, gamma, n_args, args, &all));
  tr_status status = export_set(trainer, i, path, &all);
  free(all.added);
  return status;
}

/* ---- going on ---- */

/* Sets part i of an arena to a tensor of its shape. */
static tr_status take(const tr_trainer *trainer, tr_array *arena, int i, const tr_tensor *tensor,
                      const char *what) {
  const tr_param_entry *entry = tr_params_entry(trainer->params, i);
  if (!tensor)
    return TR_FAIL(trainer->ctx, TR_E_SHAPE, "%s lacks '%s': it is of another network", what, entry->name);
  bool fits = tensor->ndim == entry->ndim;
  for (int k = 0; fits && k < entry->ndim; k++) fits = tensor->shape[k] == entry->shape[k];
  if (!fits)
    return TR_FAIL(trainer->ctx, TR_E_SHAPE, "%s has '%s' in another shape: it is of another network", what,
                   entry->name);
  double *numbers = malloc((size_t)tensor->count * sizeof *numbers);
  if (!numbers) return TR_FAIL(trainer->ctx, TR_E_MEM, "out of memory for '%s' of %s", entry->name, what);
  tr_array part = tr_params_at(trainer->params, arena, i);
  tr_status status = tr_tensor_to_f64(trainer->ctx, tensor, numbers);
  if (status == TR_OK) status = tr_array_set_f64(&part, numbers);
  free(numbers);
  return status;
}

static tr_status take_set(const tr_trainer *trainer, const tr_checkpoint *checkpoint, int i) {
  char name[16];
  tr_tensors set;
  name_set(i, name);
  TR_TRY(tr_checkpoint_weights(trainer->ctx, checkpoint, name, &set));
  tr_array *arena = i < 0 ? tr_params_values(trainer->params) : trainer->average[i];
  for (int k = 0; k < tr_params_n(trainer->params); k++)
    TR_TRY(take(trainer, arena, k, tr_tensors_find(&set, tr_params_entry(trainer->params, k)->name), name));
  return TR_OK;
}

static bool has_set(const tr_checkpoint *checkpoint, const char *name) {
  for (int i = 0; tr_checkpoint_set_name(checkpoint, i); i++)
    if (strcmp(tr_checkpoint_set_name(checkpoint, i), name) == 0) return true;
  return false;
}

/* Averages that the file lacks begin anew. */
static tr_status take_average(const tr_trainer *trainer, const tr_checkpoint *checkpoint, int i) {
  char name[16];
  name_set(i, name);
  if (i == 0 || has_set(checkpoint, name)) return take_set(trainer, checkpoint, i);
  return tr_array_copy(tr_params_values(trainer->params), trainer->average[i]);
}

static tr_status take_moments(const tr_trainer *trainer, const tr_moments *moments) {
  char number[24];
  for (int i = 0; i < tr_params_n(trainer->params); i++) {
    if (tr_params_entry(trainer->params, i)->frozen) continue;
    snprintf(number, sizeof number, "%d", i);
    TR_TRY(take(trainer, trainer->first, i, tr_tensors_find(&moments->first, number), "the first moment"));
    TR_TRY(take(trainer, trainer->second, i, tr_tensors_find(&moments->second, number), "the second moment"));
  }
  return TR_OK;
}

tr_status tr_trainer_load(tr_trainer *trainer, const tr_checkpoint *checkpoint) {
  TR_REQUIRE(TR_CTX_OF(trainer), trainer, checkpoint);
  tr_moments moments;
  TR_TRY(tr_checkpoint_moments(trainer->ctx, checkpoint, &moments));
  TR_TRY(take_set(trainer, checkpoint, -1));
  for (int i = 0; i < trainer->o.n_averages; i++) TR_TRY(take_average(trainer, checkpoint, i));
  TR_TRY(take_moments(trainer, &moments));
  TR_TRY(tr_net_refresh(trainer->net));
  return tr_trainer_set_steps(trainer, moments.steps);
}
