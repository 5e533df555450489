/* transit encode: latents of pictures. */
#include <stdlib.h>
#include <string.h>

#include "core/data/loader.h"
#include "core/io/npz.h"
#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/common/machine_options.h"
#include "experiments/files/paths.h"
#include "experiments/output/machine.h"
#include "experiments/output/npz_put.h"
#include "experiments/output/saved_args.h"
#include "experiments/vae/autoencoder.h"
#include "experiments/vae/in_batches.h"
#include "experiments/vae/spool.h"

typedef struct {
  autoencoder_options vae;
  const char *data, *out, *latents;
  long image_size, batch_size, num_workers;
  uint64_t seed;
  bool flip;
  machine_options machine;
} encode_options;

#define FIELD(member) .offset = offsetof(encode_options, member), .group = "What is encoded"

/* clang-format off */
static const tr_option options[] = {
    AUTOENCODER_OPTIONS(offsetof(encode_options, vae), .flags = TR_OPTION_REQUIRED),
    {FIELD(data), .name = "data", .aliases = "data-path", .type = TR_OPTION_TEXT, .flags = TR_OPTION_REQUIRED, .metavar = "DIR|FILE",
     .help = "A folder of PNG and JPEG files as `transit train` reads it, classes in sub-folders; FILE.npy with pictures (N,3,H,W) in "
             "[-1, 1]; or FILE.npz with `images` (or `arr_0`), 0 to 255, and `labels`, as of `transit decode`. In the order of the data."},
    {FIELD(image_size), .name = "image-size", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 65536, .metavar = "N",
     .default_note = "that of the arrays; 256 for a folder", .help = "Height and width that the pictures of a folder are cropped to, in the middle, as SiT's code does."},
    {FIELD(out), .name = "out", .type = TR_OPTION_TEXT, .flags = TR_OPTION_REQUIRED, .metavar = "FILE.npz",
     .help = "The file to write: it appears when it is whole."},
    {FIELD(latents), .name = "latents", .type = TR_OPTION_CHOICE, .choices = "sampled,mean", .default_text = "sampled",
     .help = "What `latents` holds: draws from the posterior, as SiT's code trains on, or its means. Mean and variance are in the file in "
             "any case."},
    {FIELD(flip), .name = "flip", .type = TR_OPTION_FLAG,
     .help = "Encode each picture's mirror image too: these N follow the N of the pictures, with draws of their own."},
    {FIELD(batch_size), .name = "batch-size", .aliases = "batch", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 65536,
     .metavar = "N", .default_text = "8", .help = "Pictures in memory at a time. The latents do not depend on it."},
    {FIELD(num_workers), .name = "num-workers", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 0, .high = 1024, .metavar = "N",
     .default_note = "as many as threads, at most 4", .help = "Threads that read the pictures of a folder beforehand."},
    SEED_OPTION(FIELD(seed), .help = "Addresses the draws: those of a picture depend on its number alone."),
    MACHINE_ALONE_OPTIONS(offsetof(encode_options, machine), "f32"),
};
/* clang-format on */

static const tr_option_table table = {.program = TR_PROGRAM,
                                      .name = "encode",
                                      .summary = "Make latents of pictures by an autoencoder, to train on.",
                                      .details = "The file holds latents (N,C,H,W), (z - shift) scaling of "
                                                 "the autoencoder, as a diffusion model is trained "
                                                 "on: `transit train --data-path FILE.npz` takes it as it "
                                                 "is. Beside them mean and logvar (N,C,H,W), of z "
                                                 "itself and clamped to -30 .. 20, and labels, where the "
                                                 "data has classes. Pictures go through one by one: "
                                                 "memory does not grow with their number, and what waits on "
                                                 "the disk leaves nothing behind.\n\n" SIT_CODE,
                                      .options = options,
                                      .n_options = sizeof options / sizeof *options,
                                      .values_size = sizeof(encode_options)};

enum { FOLDER_SIZE = 256 };

typedef struct {
  program *program;
  const encode_options *options;
  tr_dtype dtype;
  autoencoder vae;
  tr_loader *loader;
  tr_loader_info about;
  int64_t n, copies; /* pictures; 2 with their mirror images */
  int64_t shape[4];  /* of all latents */
  int64_t row;       /* numbers in one's */
  int32_t *labels;   /* (n), or NULL */
  spool moments;     /* of the latent number i, mean and logvar, one behind the other */
  double started;
} encode_run;

static size_t size_of(const encode_run *run, int64_t numbers) {
  return (size_t)numbers * tr_dtype_size(run->dtype);
}

/* ---- opening ---- */

static tr_status check_out(const encode_run *run) {
  const encode_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (!tr_text_ends_with(o->out, ".npz"))
    return TR_FAIL(ctx, TR_E_ARG, "--out '%s': a name that ends with .npz is needed", TR_SHOW(o->out, 300));
  if (path_is_folder(o->out))
    return TR_FAIL(ctx, TR_E_ARG, "--out '%s' is a folder: a file is needed, new or to be replaced",
                   TR_SHOW(o->out, 300));
  if (saved_is_same_file(o->out, o->data))
    return TR_FAIL(ctx, TR_E_ARG, "--out and --data are both '%s': --out is a new file",
                   TR_SHOW(o->out, 300));
  return TR_OK;
}

static tr_status open_data(encode_run *run) {
  const encode_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const int channels = run->vae.about.channels;
  const tr_loader_options how = {.image_size = o->image_size != TR_OPTION_UNSET ? o->image_size
                                               : path_is_folder(o->data)        ? FOLDER_SIZE
                                                                                : 0,
                                 .batch = 1,
                                 .rows = 1,
                                 .dtype = run->dtype,
                                 .strict = true,
                                 .in_order = true,
                                 .workers = o->num_workers == TR_OPTION_UNSET ? -1 : (int)o->num_workers,
                                 .ahead = -1};
  TR_TRY(tr_loader_open(ctx, o->data, &how, &run->loader));
  run->about = tr_loader_about(run->loader);
  const int64_t *s = run->about.shape;
  if (run->about.ndim != 3 || s[0] != channels)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "--data '%s' holds inputs of %lld %s: this autoencoder takes pictures of %d channels",
                   TR_SHOW(o->data, 300), (long long)s[0], run->about.ndim == 3 ? "channels" : "numbers",
                   channels);
  if (s[1] < run->vae.about.factor || s[2] < run->vae.about.factor)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "pictures of %lld x %lld: this autoencoder takes %d pixels a side at least",
                   (long long)s[1], (long long)s[2], run->vae.about.factor);
  return TR_OK;
}

static tr_status set_sizes(encode_run *run) {
  const int64_t *s = run->about.shape, factor = run->vae.about.factor;
  run->n = run->about.n;
  run->copies = run->options->flip ? 2 : 1;
  run->shape[0] = run->copies * run->n, run->shape[1] = run->vae.about.latent_channels;
  run->shape[2] = s[1] / factor, run->shape[3] = s[2] / factor;
  run->row = run->shape[1] * run->shape[2] * run->shape[3];
  if (run->about.classes == 0) return TR_OK;
  run->labels = calloc((size_t)run->n, sizeof *run->labels);
  return run->labels
             ? TR_OK
             : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld labels", (long long)run->n);
}

static tr_status open_all(encode_run *run, machine_options *machine) {
  program *p = run->program;
  tr_nn_products products;
  TR_TRY(machine_open_network(p, machine, run->options->seed, &run->dtype, &products));
  TR_TRY(autoencoder_check_products(p, products));
  TR_TRY(check_out(run));
  TR_TRY(autoencoder_open(p, &run->options->vae, true, run->dtype, products, &run->vae));
  TR_TRY(open_data(run));
  TR_TRY(set_sizes(run));
  return spool_open(p->ctx, run->options->out, &run->moments);
}

/* ---- encoding ---- */

/* A batch on its way. */
typedef struct {
  int64_t first, n;
  char *pictures, *moments; /* in host memory; means, then logarithms of variances */
  tr_array *x, *mean, *logvar;
} batch;

static void close_batch(batch *b) {
  free(b->pictures);
  free(b->moments);
  tr_array_destroy(&b->x), tr_array_destroy(&b->mean), tr_array_destroy(&b->logvar);
}

static tr_status open_batch(const encode_run *run, int64_t first, int64_t n, batch *b) {
  const int64_t *s = run->about.shape, *z = run->shape;
  tr_ctx *ctx = run->program->ctx;
  *b = (batch){.first = first, .n = n};
  TR_TRY(tr_array_create(ctx, run->dtype, 4, (int64_t[]){n, s[0], s[1], s[2]}, &b->x));
  TR_TRY(tr_array_create(ctx, run->dtype, 4, (int64_t[]){n, z[1], z[2], z[3]}, &b->mean));
  TR_TRY(tr_array_like(b->mean, &b->logvar));
  b->pictures = malloc(size_of(run, b->x->count));
  b->moments = malloc(size_of(run, 2 * b->mean->count));
  return b->pictures && b->moments ? TR_OK
                                   : TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)n);
}

static tr_status read_batch(encode_run *run, batch *b) {
  const int64_t numbers = b->x->count / b->n;
  for (int64_t i = 0; i < b->n; i++) {
    tr_loader_rows rows;
    TR_TRY(tr_loader_step(run->loader, b->first + i, &rows));
    memcpy(b->pictures + (size_t)i * size_of(run, numbers), rows.x, size_of(run, numbers));
    if (run->labels && rows.labels) run->labels[b->first + i] = rows.labels[0];
  }
  return TR_OK;
}

/* Left and right change places in every line. */
static void mirror(const encode_run *run, const batch *b) {
  const int64_t width = b->x->shape[3];
  const size_t one = tr_dtype_size(run->dtype);
  char kept[sizeof(double)];
  for (char *line = b->pictures; line < b->pictures + size_of(run, b->x->count); line += (size_t)width * one)
    for (int64_t j = 0; j < width / 2; j++) {
      char *left = line + (size_t)j * one, *right = line + (size_t)(width - 1 - j) * one;
      memcpy(kept, left, one), memcpy(left, right, one), memcpy(right, kept, one);
    }
}

static tr_status encode_copy(encode_run *run, int64_t copy, batch *b) {
  const size_t row = size_of(run, run->row);
  char *mean = b->moments, *logvar = b->moments + (size_t)b->n * row;
  TR_TRY(tr_array_upload(b->x, b->pictures));
  TR_TRY(tr_vae_encode(run->vae.vae, b->x, b->mean, b->logvar));
  TR_TRY(tr_array_download(b->mean, mean));
  TR_TRY(tr_array_download(b->logvar, logvar));
  for (int64_t i = 0; i < b->n; i++) {
    const int64_t at = (copy * run->n + b->first + i) * 2 * (int64_t)row;
    TR_TRY(spool_write(&run->moments, at, mean + (size_t)i * row, row));
    TR_TRY(spool_write(&run->moments, at + (int64_t)row, logvar + (size_t)i * row, row));
  }
  return TR_OK;
}

static tr_status encode_batch(void *user, int64_t first, int64_t n) {
  encode_run *run = user;
  batch b;
  tr_status status = open_batch(run, first, n, &b);
  if (status == TR_OK) status = read_batch(run, &b);
  for (int64_t copy = 0; copy < run->copies && status == TR_OK; copy++) {
    if (copy) mirror(run, &b);
    status = encode_copy(run, copy, &b);
  }
  close_batch(&b);
  return status;
}

/* ---- the file ---- */

/* Room for one latent. */
typedef struct {
  double *mean, *logvar, *noise, *x;
  void *as_stored; /* mean, then logvar; then x */
} room;

static void draw_noise(const encode_run *run, int64_t i, double *noise) {
  const tr_random_address address = {
      .seed = run->options->seed, .purpose = TR_RANDOM_LATENTS, .step = (uint32_t)(i / run->n)};
  double pair[2];
  for (int64_t k = 0; k < run->row; k++) {
    if (k % 2 == 0) tr_random_normal_pair(&address, (uint64_t)(i % run->n), (uint32_t)(k / 2), pair);
    noise[k] = pair[k % 2];
  }
}

/* The latent number i as it is stored. */
static tr_status make_latent(const encode_run *run, int64_t i, room *r) {
  const size_t row = size_of(run, run->row);
  const bool sampled = strcmp(run->options->latents, "sampled") == 0;
  TR_TRY(spool_read(&run->moments, i * 2 * (int64_t)row, r->as_stored, 2 * row));
  tr_dtype_to_f64(run->dtype, run->row, r->as_stored, r->mean);
  tr_dtype_to_f64(run->dtype, run->row, (char *)r->as_stored + row, r->logvar);
  if (sampled) draw_noise(run, i, r->noise);
  tr_vae_latents(&run->vae.about, run->row, r->mean, r->logvar, sampled ? r->noise : NULL, r->x);
  tr_dtype_from_f64(run->dtype, run->row, r->x, r->as_stored);
  return TR_OK;
}

typedef enum { LATENTS, MEAN, LOGVAR } array_kind;

static tr_status put_array(const encode_run *run, tr_npz_out *npz, array_kind kind, room *r) {
  static const char *const names[] = {[LATENTS] = "latents", [MEAN] = "mean", [LOGVAR] = "logvar"};
  const size_t row = size_of(run, run->row);
  tr_npy npy;
  TR_TRY(tr_npy_wrap(run->program->ctx, run->dtype, 4, run->shape, NULL, &npy));
  TR_TRY(tr_npz_begin(npz, names[kind], &npy));
  for (int64_t i = 0; i < run->shape[0]; i++) {
    const int64_t at = (2 * i + (kind == LOGVAR)) * (int64_t)row;
    if (i % 256 == 0) TR_TRY(program_check_interrupt(run->program));
    TR_TRY(kind == LATENTS ? make_latent(run, i, r) : spool_read(&run->moments, at, r->as_stored, row));
    TR_TRY(tr_npz_append(npz, r->as_stored, run->row));
  }
  return TR_OK;
}

static tr_status put_labels(const encode_run *run, tr_npz_out *npz) {
  tr_npy npy;
  if (!run->labels) return TR_OK;
  TR_TRY(tr_npy_wrap(run->program->ctx, TR_I32, 1, run->shape, NULL, &npy));
  TR_TRY(tr_npz_begin(npz, "labels", &npy));
  for (int64_t copy = 0; copy < run->copies; copy++) TR_TRY(tr_npz_append(npz, run->labels, run->n));
  return TR_OK;
}

static tr_status put_all(const encode_run *run, tr_npz_out *npz) {
  room r = {.mean = malloc((size_t)(4 * run->row) * sizeof *r.mean),
            .as_stored = malloc(2 * size_of(run, run->row))};
  tr_status status =
      r.mean && r.as_stored ? TR_OK : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for a latent");
  if (status == TR_OK) r.logvar = r.mean + run->row, r.noise = r.logvar + run->row, r.x = r.noise + run->row;
  for (array_kind kind = LATENTS; kind <= LOGVAR && status == TR_OK; kind++)
    status = put_array(run, npz, kind, &r);
  if (status == TR_OK) status = put_labels(run, npz);
  free(r.mean);
  free(r.as_stored);
  return status;
}

static tr_status save(const encode_run *run) {
  tr_npz_out *npz;
  TR_TRY(tr_npz_create(run->program->ctx, run->options->out, &npz));
  const tr_status status = put_all(run, npz);
  if (status == TR_OK) return tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

static void print_summary(const encode_run *run) {
  printf("%lld latent%s (%lld, %lld, %lld) of %lld picture%s by %s, scaling %g, shift %g, %.2f s\n",
         (long long)run->shape[0], PLURAL(run->shape[0]), (long long)run->shape[1], (long long)run->shape[2],
         (long long)run->shape[3], (long long)run->n, PLURAL(run->n), TR_SHOW(run->vae.folder, 4000),
         run->vae.about.scaling, run->vae.about.shift, program_seconds() - run->started);
  machine_print_memory(run->program->ctx);
  printf("wrote %s\n", TR_SHOW(run->options->out, 4000));
}

static void close_all(encode_run *run) {
  spool_close(&run->moments);
  tr_loader_close(&run->loader);
  free(run->labels);
  autoencoder_close(&run->vae);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  encode_options *o = values;
  encode_run run = {.program = p, .options = o, .started = program_seconds()};
  (void)parsed;
  tr_status status = open_all(&run, &o->machine);
  if (status == TR_OK) status = in_batches(p, run.n, run.options->batch_size, encode_batch, &run);
  if (status == TR_OK) status = save(&run);
  if (status == TR_OK) print_summary(&run);
  close_all(&run);
  return status;
}

const command command_encode = {.table = &table, .run = run};
