/* The rows of training steps, from a data set in memory or as given. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/text.h"
#include "experiments/train/run.h"

enum { MOST_CLASSES = 1 << 20 };

/* ---- shapes ---- */

static tr_status shape_of_array(train_data *d, const tr_npy *npy, const char *name, tr_ctx *ctx) {
  char text[96];
  d->ndim = npy->ndim - 1;
  if (d->ndim != 1 && d->ndim != 3)
    return TR_FAIL(ctx, TR_E_SHAPE, "--data-path: %s is %s: (N,C,H,W) or (N,dim) is needed", name,
                   tr_npy_describe(npy, text, sizeof text));
  for (int i = 0; i < d->ndim; i++) d->shape[i] = npy->shape[i + 1];
  return TR_OK;
}

/* Levels (N, H, W) or (N, H, W, 3) as states (1 or 3, H, W). */
static tr_status shape_of_images(train_data *d, const tr_npy *npy, tr_ctx *ctx) {
  char text[96];
  if (npy->ndim != 3 && !(npy->ndim == 4 && npy->shape[3] == 3))
    return TR_FAIL(ctx, TR_E_SHAPE, "--data-path: `images` is %s: (N,H,W) or (N,H,W,3) is needed",
                   tr_npy_describe(npy, text, sizeof text));
  d->ndim = 3;
  d->shape[0] = npy->ndim == 3 ? 1 : 3;
  d->shape[1] = npy->shape[1];
  d->shape[2] = npy->shape[2];
  return TR_OK;
}

static tr_status probe_archive(tr_ctx *ctx, const char *path, train_data *d) {
  tr_npz *npz;
  tr_npy npy;
  TR_TRY(tr_npz_open(ctx, path, &npz));
  const bool latents = tr_npz_has(npz, "latents");
  tr_status status = tr_npz_get(npz, latents ? "latents" : "images", &npy);
  if (status == TR_OK) {
    status = latents ? shape_of_array(d, &npy, "`latents`", ctx) : shape_of_images(d, &npy, ctx);
    tr_npy_close(&npy);
  }
  tr_npz_close(&npz);
  return status;
}

static tr_status probe_array(tr_ctx *ctx, const char *path, train_data *d) {
  tr_npy npy;
  TR_TRY(tr_npy_open(ctx, path, &npy));
  tr_status status = shape_of_array(d, &npy, "it", ctx);
  tr_npy_close(&npy);
  return status;
}

static tr_status probe(const train_run *run, train_data *d) {
  const train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (tr_text_ends_with(o->data_path, ".npz")) return probe_archive(ctx, o->data_path, d);
  if (tr_text_ends_with(o->data_path, ".npy")) return probe_array(ctx, o->data_path, d);
  struct stat info;
  if (stat(o->data_path, &info) != 0)
    return TR_FAIL(ctx, TR_E_IO, "--data-path '%s': %s", TR_SHOW(o->data_path, 300), strerror(errno));
  if (!S_ISDIR(info.st_mode))
    return TR_FAIL(ctx, TR_E_IO, "--data-path '%s' is no folder, and its name ends in neither .npz nor .npy",
                   TR_SHOW(o->data_path, 300));
  if (o->image_size == TR_OPTION_UNSET)
    return TR_FAIL(ctx, TR_E_ARG, "--data-path '%s' is a folder: --image-size says what size its images have",
                   o->data_path);
  d->ndim = 3;
  d->shape[0] = 3;
  d->shape[1] = d->shape[2] = o->image_size;
  return TR_OK;
}

/* ---- the data set ---- */

static tr_status note_trouble(train_run *run) {
  train_data *d = &run->data;
  char name[300];
  int64_t left_out = 0;
  d->usable = malloc((size_t)d->set.n * sizeof *d->usable);
  if (!d->usable)
    return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld inputs", (long long)d->set.n);
  for (int64_t i = 0; i < d->set.n; i++) {
    if (!d->set.trouble[i]) {
      d->usable[d->n++] = i;
      continue;
    }
    if (left_out++ == 0)
      tr_ctx_warn(run->program->ctx, "%s is left out: it has %s",
                  tr_dataset_name(&d->set, i, name, sizeof name), d->set.trouble[i]);
  }
  if (left_out > 1) tr_ctx_warn(run->program->ctx, "%lld inputs are left out", (long long)left_out);
  return TR_OK;
}

static tr_status find_classes(train_run *run) {
  train_data *d = &run->data;
  const long told = run->options->num_classes;
  double most = -1;
  if (!d->set.labels) return TR_OK;
  for (int64_t i = 0; i < d->n; i++) {
    const double label = d->set.labels[d->usable[i]];
    if (!(label >= 0 && label < MOST_CLASSES && label == rint(label)))
      return TR_FAIL(run->program->ctx, TR_E_ARG,
                     "input %lld of --data-path has class %.15g: classes are whole numbers from 0 to %d",
                     (long long)d->usable[i], label, MOST_CLASSES - 1);
    most = fmax(most, label);
  }
  d->num_classes = (int)(told == TR_OPTION_UNSET ? most + 1 : told);
  for (int64_t i = 0; i < d->n; i++) {
    const double label = d->set.labels[d->usable[i]];
    if (label >= d->num_classes)
      return TR_FAIL(run->program->ctx, TR_E_ARG,
                     "input %lld of --data-path has class %.15g: classes are 0 to %d",
                     (long long)d->usable[i], label, d->num_classes - 1);
  }
  run->options->num_classes = d->num_classes;
  return TR_OK;
}

/* What a file says is not to be said otherwise, and what is for images is not for vectors. */
static tr_status check_given(const train_run *run) {
  const train_options *o = run->options;
  const train_data *d = &run->data;
  tr_ctx *ctx = run->program->ctx;
  if (o->image_size != TR_OPTION_UNSET && d->ndim == 3 &&
      (d->shape[1] != o->image_size || d->shape[2] != o->image_size))
    return TR_FAIL(ctx, TR_E_ARG, "--image-size %ld: --data-path '%s' holds states of %lld x %lld",
                   o->image_size, TR_SHOW(o->data_path, 200), (long long)d->shape[1], (long long)d->shape[2]);
  if (d->ndim == 1 && (o->flip || o->image_size != TR_OPTION_UNSET))
    return TR_FAIL(ctx, TR_E_ARG, "--%s is for images: --data-path '%s' holds vectors",
                   o->flip ? "flip" : "image-size", TR_SHOW(o->data_path, 200));
  return TR_OK;
}

static tr_status digest_part(tr_ctx *ctx, const void *bytes, size_t size, char hex[TR_SHA256_TEXT]) {
  const tr_file_map map = {.data = bytes, .size = size};
  return tr_sha256_map(ctx, &map, hex);
}

/* Of the numbers and the labels, in their order: a training goes on with the same data only. */
static tr_status digest(train_run *run) {
  const tr_dataset *set = &run->data.set;
  const size_t n = (size_t)(set->n * tr_dataset_row(set));
  char both[2 * TR_SHA256_TEXT] = "";
  TR_TRY(digest_part(run->program->ctx, set->pixels ? (const void *)set->pixels : set->values,
                     set->pixels ? n : n * sizeof *set->values, both));
  if (set->labels)
    TR_TRY(digest_part(run->program->ctx, set->labels, (size_t)set->n * sizeof *set->labels,
                       both + strlen(both)));
  return digest_part(run->program->ctx, both, strlen(both), run->data.sha256);
}

static tr_status open_set(train_run *run) {
  train_data *d = &run->data;
  TR_TRY(probe(run, d));
  TR_TRY(check_given(run));
  TR_TRY(tr_dataset_open(run->program->ctx, run->options->data_path, d->ndim, d->shape, 0, &d->set));
  TR_TRY(note_trouble(run));
  TR_TRY(find_classes(run));
  if (d->n < run->options->batch)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--global-batch-size %ld: --data-path '%s' has %lld usable inputs", run->options->batch,
                   run->options->data_path, (long long)d->n);
  return digest(run);
}

tr_status train_data_open(train_run *run) {
  const train_options *o = run->options;
  run->data.epoch = -1;
  if (!o->data_path && !o->draws)
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--data-path is missing: a folder, a .npz or a .npy of data");
  if (o->data_path) TR_TRY(open_set(run));
  return o->draws ? train_draws_open(run) : TR_OK;
}

/* ---- batches ---- */

tr_status train_data_prepare(train_run *run) {
  train_data *d = &run->data;
  const int64_t rows = run->rows;
  int64_t shape[TR_MAX_DIMS];
  const tr_net_info *info = tr_net_info_of(run->net);
  const int ndim = tr_net_states(info, rows, shape);
  d->host = malloc((size_t)(rows * info->row) * sizeof *d->host);
  d->labels = calloc((size_t)rows, sizeof *d->labels);
  d->mirror = calloc((size_t)rows, sizeof *d->mirror);
  d->order = malloc((size_t)(d->n ? d->n : 1) * sizeof *d->order);
  if (!d->host || !d->labels || !d->mirror || !d->order)
    return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for batches of %lld rows", (long long)rows);
  return tr_array_create(run->program->ctx, run->dtype, ndim, shape, &d->batch);
}

int64_t train_data_steps(const train_run *run) {
  return run->data.n / run->options->batch;
}

static void mirror(double *image, const int64_t shape[3]) {
  for (int64_t line = 0; line < shape[0] * shape[1]; line++, image += shape[2])
    for (int64_t a = 0, b = shape[2] - 1; a < b; a++, b--) {
      const double held = image[a];
      image[a] = image[b];
      image[b] = held;
    }
}

static tr_status order_for(train_run *run, int64_t epoch) {
  train_data *d = &run->data;
  if (d->epoch == epoch) return TR_OK;
  d->epoch = epoch;
  return tr_draw_order(run->program->ctx, (uint64_t)run->options->seed, epoch, d->n, d->order);
}

static tr_status fill(train_run *run, int64_t step) {
  train_data *d = &run->data;
  const int64_t batch = run->options->batch, row = tr_net_info_of(run->net)->row,
                each = train_data_steps(run), begin = step % each * batch + run->first;
  const tr_train_rows address = {(uint64_t)run->options->seed, step, run->first, run->rows, batch};
  TR_TRY(order_for(run, step / each));
  if (run->options->flip) TR_TRY(tr_draw_flips(run->program->ctx, &address, d->mirror));
  for (int64_t i = 0; i < run->rows; i++) {
    const int64_t input = d->usable[d->order[begin + i]];
    TR_TRY(tr_dataset_values(&d->set, input, 1, d->host + i * row));
    if (d->mirror[i]) mirror(d->host + i * row, d->shape);
    if (d->set.labels) d->labels[i] = (int32_t)d->set.labels[input];
  }
  return tr_array_set_f64(d->batch, d->host);
}

/* The rows of this process of step k of a stack (steps, batch, ...). */
static tr_array of_step(const train_run *run, const tr_array *stack, int64_t k) {
  const tr_array whole =
      tr_view(stack, k * (stack->count / stack->shape[0]), stack->ndim - 1, stack->shape + 1);
  return tr_rows(&whole, run->first, run->rows);
}

tr_status train_data_batch(train_run *run, int64_t step, tr_train_batch *out) {
  train_data *d = &run->data;
  const bool labelled = tr_net_info_of(run->net)->num_classes > 0;
  if (step >= d->drawn) {
    TR_TRY(fill(run, step));
    *out = (tr_train_batch){.x1 = d->batch, .labels = labelled ? d->labels : NULL};
    return TR_OK;
  }
  const int64_t begin = step * run->options->batch + run->first;
  d->given_x1 = of_step(run, d->x1, step);
  d->given_x0 = of_step(run, d->x0, step);
  *out = (tr_train_batch){
      .x1 = &d->given_x1, .labels = labelled ? d->y + begin : NULL, .x0 = &d->given_x0, .t = d->t + begin};
  return TR_OK;
}

void train_data_close(train_data *d) {
  tr_dataset_close(&d->set);
  tr_array_destroy(&d->x1);
  tr_array_destroy(&d->x0);
  tr_array_destroy(&d->batch);
  free(d->usable);
  free(d->order);
  free(d->t);
  free(d->y);
  free(d->host);
  free(d->labels);
  free(d->mirror);
}
