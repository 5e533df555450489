/* .pt as torch.save writes it: archive/data.pkl, archive/byteorder, one archive/data/K a tensor,
 * archive/version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/zip_write_private.h"
#include "core/require_private.h"
#include "core/text.h"
#include "nets/checkpoint/pickle_machine_private.h"
#include "nets/checkpoint/write/pickle_private.h"
#include "nets/checkpoint/write/tensor_private.h"

#define ALIGNMENT 64 /* of tensors in the file, as PyTorch has it */

/* A file on its way. Tensors are numbered as the pickle names them. */
typedef struct {
  tr_ctx *ctx;
  const char *path;
  const tr_saved *what;
  tr_pickle_out pickle;
  const tr_saved_tensor **tensors; /* by number; NULL: the step of the optimiser */
  long n, room;
  tr_status status;
} writer;

static long number(writer *w, const tr_saved_tensor *tensor) {
  if (w->n == w->room) {
    const long room = 2 * w->room + 256;
    const tr_saved_tensor **grown = realloc(w->tensors, (size_t)room * sizeof *grown);
    if (!grown) {
      w->pickle.failed = true;
      return 0;
    }
    w->tensors = grown, w->room = room;
  }
  w->tensors[w->n] = tensor;
  return w->n++;
}

/* ---- the pickle ---- */

static void put_tensor(writer *w, const tr_saved_tensor *t) {
  int64_t shape[TR_MAX_DIMS];
  const int ndim = tr_saved_shape(t, shape);
  const char *class = tr_pickle_storage_class(tr_saved_dtype(t));
  if (!class && w->status == TR_OK)
    w->status = TR_FAIL(w->ctx, TR_E_UNSUPPORTED, "'%s': PyTorch has no storage of %s for '%s'", w->path,
                        tr_dtype_name(tr_saved_dtype(t)), TR_SHOW(tr_saved_name(t), 100));
  if (class) tr_pickle_put_tensor(&w->pickle, class, number(w, t), ndim, shape);
}

static void put_set(writer *w, const tr_saved_set *set) {
  tr_pickle_put_dict(&w->pickle);
  for (int i = 0; i < set->n; i++) {
    tr_pickle_put_text(&w->pickle, set->items[i].name);
    put_tensor(w, &set->items[i]);
  }
  tr_pickle_end_dict(&w->pickle);
}

/* PyTorch keeps the step in f32; one that this cannot hold goes into f64, which AdamW takes as well. */
static tr_dtype step_dtype(int64_t step) {
  return step <= (int64_t)1 << 24 || (double)(float)step == (double)step ? TR_F32 : TR_F64;
}

/* state[i] = {step, exp_avg, exp_avg_sq}; the step is a tensor without dimensions. */
static void put_moments(writer *w, const tr_saved_adamw *a) {
  tr_pickle_out *p = &w->pickle;
  tr_pickle_put_dict(p);
  for (int i = 0; i < a->n; i++) {
    if (!tr_saved_has_content(&a->first[i])) continue;
    tr_pickle_put_int(p, i);
    tr_pickle_put_dict(p);
    tr_pickle_put_text(p, "step");
    tr_pickle_put_tensor(p, tr_pickle_storage_class(step_dtype(a->step)), number(w, NULL), 0, NULL);
    tr_pickle_put_text(p, "exp_avg");
    put_tensor(w, &a->first[i]);
    tr_pickle_put_text(p, "exp_avg_sq");
    put_tensor(w, &a->second[i]);
    tr_pickle_end_dict(p);
  }
  tr_pickle_end_dict(p);
}

static void put_number(tr_pickle_out *p, const char *name, double value) {
  tr_pickle_put_text(p, name);
  tr_pickle_put_real(p, value);
}

static void put_group(tr_pickle_out *p, const tr_saved_adamw *a) {
  static const char *const off[] = {"amsgrad", "maximize", "capturable", "differentiable"};
  tr_pickle_put_dict(p);
  put_number(p, "lr", a->rate);
  tr_pickle_put_text(p, "betas");
  tr_pickle_put_tuple(p);
  tr_pickle_put_real(p, a->beta1);
  tr_pickle_put_real(p, a->beta2);
  tr_pickle_end_tuple(p);
  put_number(p, "eps", a->eps);
  put_number(p, "weight_decay", a->decay);
  for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
    tr_pickle_put_text(p, off[i]);
    tr_pickle_put_bool(p, false);
  }
  tr_pickle_put_text(p, "foreach");
  tr_pickle_put_none(p);
  tr_pickle_put_text(p, "fused");
  tr_pickle_put_none(p);
  tr_pickle_put_text(p, "decoupled_weight_decay");
  tr_pickle_put_bool(p, true);
  tr_pickle_put_text(p, "params");
  tr_pickle_put_list(p);
  for (int i = 0; i < a->n; i++) tr_pickle_put_int(p, i);
  tr_pickle_end_list(p);
  tr_pickle_end_dict(p);
}

static void put_adamw(writer *w, const tr_saved_adamw *a) {
  tr_pickle_out *p = &w->pickle;
  tr_pickle_put_dict(p);
  tr_pickle_put_text(p, "state");
  put_moments(w, a);
  tr_pickle_put_text(p, "param_groups");
  tr_pickle_put_list(p);
  put_group(p, a);
  tr_pickle_end_list(p);
  tr_pickle_end_dict(p);
}

static void put_arg(tr_pickle_out *p, const tr_saved_arg *arg) {
  tr_pickle_put_text(p, arg->name);
  switch (arg->kind) {
  case TR_SAVED_NONE:
    tr_pickle_put_none(p);
    break;
  case TR_SAVED_BOOL:
    tr_pickle_put_bool(p, arg->integer != 0);
    break;
  case TR_SAVED_INT:
    tr_pickle_put_int(p, arg->integer);
    break;
  case TR_SAVED_REAL:
    tr_pickle_put_real(p, arg->real);
    break;
  case TR_SAVED_TEXT:
    tr_pickle_put_text(p, arg->text);
    break;
  }
}

static void put_root(writer *w) {
  tr_pickle_out *p = &w->pickle;
  tr_pickle_put_dict(p);
  for (int i = 0; i < w->what->n_sets; i++) {
    tr_pickle_put_text(p, w->what->sets[i].name);
    put_set(w, &w->what->sets[i]);
  }
  if (w->what->adamw) {
    tr_pickle_put_text(p, "opt");
    put_adamw(w, w->what->adamw);
  }
  if (w->what->args) {
    tr_pickle_put_text(p, "args");
    tr_pickle_put_dict(p);
    for (int i = 0; i < w->what->n_args; i++) put_arg(p, &w->what->args[i]);
    tr_pickle_end_dict(p);
  }
  tr_pickle_end_dict(p);
}

static tr_status make_pickle(writer *w) {
  tr_pickle_put_start(&w->pickle);
  if (w->what->bare)
    put_set(w, &w->what->sets[0]);
  else
    put_root(w);
  tr_pickle_put_stop(&w->pickle);
  if (w->pickle.failed) return TR_FAIL(w->ctx, TR_E_MEM, "out of memory for the pickle of '%s'", w->path);
  return w->status;
}

/* ---- the archive ---- */

static tr_status write_entry(tr_zip_out *zip, const char *name, const void *bytes, size_t size) {
  TR_TRY(tr_zip_out_begin(zip, name, size));
  return tr_zip_out_write(zip, bytes, size);
}

static tr_status put_bytes(void *user, const void *bytes, size_t size) {
  return tr_zip_out_write(user, bytes, size);
}

static tr_status write_step(tr_zip_out *zip, const char *name, int64_t step) {
  const double wide = (double)step;
  const float narrow = (float)step;
  const bool f64 = step_dtype(step) == TR_F64;
  const size_t size = f64 ? sizeof wide : sizeof narrow;
  TR_TRY(tr_zip_out_begin_aligned(zip, name, size, ALIGNMENT));
  return tr_zip_out_write(zip, f64 ? (const void *)&wide : &narrow, size);
}

static tr_status write_tensor(const writer *w, tr_zip_out *zip, long i) {
  char name[48];
  const tr_saved_tensor *t = w->tensors[i];
  snprintf(name, sizeof name, "archive/data/%ld", i);
  if (!t) return write_step(zip, name, w->what->adamw->step);
  TR_TRY(tr_zip_out_begin_aligned(zip, name, tr_saved_bytes(t), ALIGNMENT));
  return tr_saved_stream(w->ctx, t, put_bytes, zip);
}

static tr_status write_entries(const writer *w, tr_zip_out *zip) {
  TR_TRY(write_entry(zip, "archive/data.pkl", w->pickle.bytes, w->pickle.size));
  TR_TRY(write_entry(zip, "archive/byteorder", "little", 6));
  for (long i = 0; i < w->n; i++) TR_TRY(write_tensor(w, zip, i));
  return write_entry(zip, "archive/version", "3\n", 2);
}

static tr_status write_archive(const writer *w) {
  tr_zip_out *zip;
  TR_TRY(tr_zip_out_create(w->ctx, w->path, TR_ZIP32_MAX, &zip));
  tr_status status = write_entries(w, zip);
  if (status == TR_OK) return tr_zip_out_commit(&zip);
  tr_zip_out_discard(&zip);
  return status;
}

static tr_status check_name(tr_ctx *ctx, const char *path, const tr_saved *what, int i) {
  const char *name = what->sets[i].name;
  for (int k = 0; k < i; k++)
    if (strcmp(what->sets[k].name, name) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "'%s': two sets are called '%s'", path, TR_SHOW(name, 100));
  if ((what->adamw && strcmp(name, "opt") == 0) || (what->args && strcmp(name, "args") == 0))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': a set is called '%s', as the %s beside it: give it another name",
                   path, name, *name == 'o' ? "state of the optimiser" : "arguments");
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const char *path, const tr_saved *what) {
  if (what->n_sets < 1 || !what->sets)
    return TR_FAIL(ctx, TR_E_ARG, "'%s': a checkpoint without tensors", path);
  if (what->bare && (what->n_sets != 1 || what->adamw || what->args))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': a bare state dict is one set and nothing else", path);
  for (int i = 0; i < what->n_sets; i++) {
    TR_TRY(tr_saved_check_set(ctx, path, &what->sets[i]));
    TR_TRY(check_name(ctx, path, what, i));
  }
  if (what->adamw) TR_TRY(tr_saved_check_adamw(ctx, path, what->adamw));
  return tr_saved_check_args(ctx, path, what->n_args, what->args);
}

tr_status tr_torch_save(tr_ctx *ctx, const char *path, const tr_saved *what) {
  TR_REQUIRE(ctx, path, what);
  TR_TRY(check(ctx, path, what));
  writer w = {.ctx = ctx, .path = path, .what = what};
  tr_status status = make_pickle(&w);
  if (status == TR_OK) status = write_archive(&w);
  free(w.pickle.bytes);
  free(w.tensors);
  return status;
}
