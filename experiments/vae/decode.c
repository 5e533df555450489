/* transit decode: pictures of latents. */
#include <stdlib.h>

#include "core/data/dataset_private.h"
#include "core/io/image/image.h"
#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/common/machine_options.h"
#include "experiments/files/paths.h"
#include "experiments/output/claim.h"
#include "experiments/output/images.h"
#include "experiments/output/machine.h"
#include "experiments/output/npz_put.h"
#include "experiments/output/run_record.h"
#include "experiments/vae/autoencoder.h"
#include "experiments/vae/in_batches.h"
#include "experiments/vae/spool.h"

typedef struct {
  autoencoder_options vae;
  const char *data;
  long num_samples, batch_size;
  bool levels_only;
  machine_options machine;
} decode_options;

#define FIELD(member) .offset = offsetof(decode_options, member), .group = "What is decoded"

/* clang-format off */
static const tr_option options[] = {
    AUTOENCODER_OPTIONS(offsetof(decode_options, vae), .flags = TR_OPTION_REQUIRED),
    {FIELD(data), .name = "data", .type = TR_OPTION_TEXT, .flags = TR_OPTION_REQUIRED, .metavar = "FILE",
     .help = "Latents (N,C,H,W) as a diffusion model has them: FILE.npz with `latents` (or `arr_0`), as of `transit sample` "
             "and `transit encode`, or FILE.npy. Any height and width."},
    {FIELD(num_samples), .name = "num-samples", .type = TR_OPTION_INT, .flags = TR_OPTION_GE, .low = 1, .metavar = "N",
     .default_note = "all", .help = "Latents to decode, from the first on."},
    {FIELD(batch_size), .name = "batch-size", .aliases = "batch", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 65536,
     .metavar = "N", .default_text = "8", .help = "Latents in memory at a time. The pictures do not depend on it."},
    {FIELD(levels_only), .name = "levels-only", .type = TR_OPTION_FLAG,
     .help = "Leave `images` out of images.npz, which take four times the room of `arr_0`, in f64 eight times."},
    MACHINE_OPTIONS(offsetof(decode_options, machine), "Folder for images.npz, images/000000.png and so on, and run.json."),
};
/* clang-format on */

static const tr_option_table table = {.program = TR_PROGRAM,
                                      .name = "decode",
                                      .summary = "Make pictures of latents by an autoencoder.",
                                      .details = "images.npz holds images (N,3,H,W), the decoder's numbers "
                                                 "before rounding; arr_0, uint8 (N,H,W,3), 127.5 x + "
                                                 "128 clamped and truncated as in SiT's code, which "
                                                 "evaluation suites take; and labels, where the data has "
                                                 "any. Latents are divided by the autoencoder's scaling "
                                                 "first, and its shift is added. Everything appears "
                                                 "when the run is complete, or not at all.",
                                      .options = options,
                                      .n_options = sizeof options / sizeof *options,
                                      .values_size = sizeof(decode_options)};

#define PICTURES "images"

typedef struct {
  program *program;
  const tr_parsed *parsed;
  decode_options *options;
  tr_dtype dtype;
  autoencoder vae;
  tr_dataset data;
  int64_t n, shape[4]; /* pictures, and (n, channels, H, W) of them */
  out_dir *dir;
  const char *pngs; /* the folder of pictures while it is made */
  tr_npz_out *npz;
  spool levels;    /* those that wait for the end of `images` */
  double *latents; /* of a batch */
  void *images;
  double started;
} decode_run;

static int64_t row_of(const decode_run *run) {
  return run->shape[1] * run->shape[2] * run->shape[3];
}

static int64_t levels_of(const decode_run *run) {
  return 3 * run->shape[2] * run->shape[3];
}

/* ---- opening ---- */

static tr_status check_data(const decode_run *run) {
  const tr_dataset *d = &run->data;
  const tr_vae_info *about = &run->vae.about;
  tr_ctx *ctx = run->program->ctx;
  char held[120];
  if (d->pixels)
    return TR_FAIL(ctx, TR_E_ARG, "--data '%s' holds pictures: latents are decoded",
                   TR_SHOW(run->options->data, 300));
  if (d->ndim != 3 || d->shape[0] != about->latent_channels)
    return TR_FAIL(ctx, TR_E_SHAPE, "--data '%s' holds %s: this autoencoder takes latents (N, %d, H, W)",
                   TR_SHOW(run->options->data, 300), tr_npy_describe(&d->numbers, held, sizeof held),
                   about->latent_channels);
  return TR_OK;
}

static tr_status check_numbers(const decode_run *run) {
  const tr_dataset *d = &run->data;
  char name[300];
  for (int64_t i = 0; i < d->n; i++)
    if (d->trouble[i])
      return TR_FAIL(run->program->ctx, TR_E_NONFINITE, "%s of '%s' has %s",
                     tr_dataset_name(d, i, name, sizeof name), TR_SHOW(run->options->data, 300),
                     d->trouble[i]);
  return TR_OK;
}

static tr_status open_data(decode_run *run) {
  decode_options *o = run->options;
  const int factor = run->vae.about.factor;
  if (path_is_folder(o->data))
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--data '%s' is a folder: latents are decoded",
                   TR_SHOW(o->data, 300));
  const int64_t most = o->num_samples == TR_OPTION_UNSET ? 0 : o->num_samples;
  TR_TRY(tr_dataset_open_latents(run->program->ctx, o->data, most, &run->data));
  if (most == 0) o->num_samples = (long)run->data.n;
  if (o->num_samples > run->data.n)
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--num-samples %ld: '%s' holds %lld", o->num_samples,
                   TR_SHOW(o->data, 300), (long long)run->data.n);
  run->n = o->num_samples;
  TR_TRY(check_data(run));
  TR_TRY(check_numbers(run));
  run->shape[0] = run->n, run->shape[1] = run->vae.about.channels;
  run->shape[2] = factor * run->data.shape[1], run->shape[3] = factor * run->data.shape[2];
  return TR_OK;
}

static tr_status allocate(decode_run *run) {
  const int64_t batch = run->options->batch_size;
  run->latents = malloc((size_t)(batch * tr_dataset_row(&run->data)) * sizeof *run->latents);
  run->images = malloc((size_t)(batch * row_of(run)) * tr_dtype_size(run->dtype));
  if (run->latents && run->images) return TR_OK;
  return machine_lacks_memory(run->program->ctx, (double)(batch * row_of(run)) * 8, batch, "pictures",
                              "batch-size");
}

static tr_status begin(decode_run *run, const char *name, tr_dtype type, const int64_t shape[4]) {
  tr_npy npy;
  TR_TRY(tr_npy_wrap(run->program->ctx, type, 4, shape, NULL, &npy));
  return tr_npz_begin(run->npz, name, &npy);
}

static tr_status begin_levels(decode_run *run) {
  return begin(run, "arr_0", TR_U8, (int64_t[]){run->n, run->shape[2], run->shape[3], 3});
}

static tr_status open_files(decode_run *run) {
  decode_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const char *path;
  TR_TRY(claim_open(run->program, &(claim){&table, run->parsed, o, &o->machine, false}, &run->dir));
  TR_TRY(out_dir_stage_folder(ctx, run->dir, PICTURES, &run->pngs));
  TR_TRY(out_dir_stage(ctx, run->dir, "images.npz", &path));
  TR_TRY(tr_npz_create(ctx, path, &run->npz));
  if (o->levels_only) return begin_levels(run);
  TR_TRY(spool_open(ctx, path, &run->levels));
  return begin(run, "images", run->dtype, run->shape);
}

static tr_status open_all(decode_run *run) {
  decode_options *o = run->options;
  program *p = run->program;
  tr_nn_products products;
  TR_TRY(machine_open_network(p, &o->machine, 0, &run->dtype, &products));
  TR_TRY(autoencoder_check_products(p, products));
  TR_TRY(autoencoder_open(p, &o->vae, false, run->dtype, products, &run->vae));
  TR_TRY(autoencoder_check_levels(p->ctx, &run->vae));
  TR_TRY(open_data(run));
  if (o->batch_size > run->n) o->batch_size = (long)run->n;
  TR_TRY(allocate(run));
  return open_files(run);
}

/* ---- decoding ---- */

static tr_status put_levels(decode_run *run, int64_t first, int64_t n, const uint8_t *levels) {
  const int64_t row = levels_of(run);
  TR_TRY(images_write(run->program->ctx, run->pngs, first, n, run->shape[2], run->shape[3], levels));
  if (run->options->levels_only) return tr_npz_append(run->npz, levels, n * row);
  return spool_write(&run->levels, first * row, levels, (size_t)(n * row));
}

static tr_status put(decode_run *run, int64_t first, const tr_array *pictures) {
  uint8_t *levels;
  TR_TRY(tr_array_download(pictures, run->images));
  if (!run->options->levels_only) TR_TRY(tr_npz_append(run->npz, run->images, pictures->count));
  TR_TRY(tr_image_of_values(run->program->ctx, run->dtype, run->images, pictures->shape, &levels));
  const tr_status status = put_levels(run, first, pictures->shape[0], levels);
  free(levels);
  return status;
}

static tr_status decode(decode_run *run, int64_t first, tr_array *x, tr_array *pictures) {
  TR_TRY(tr_dataset_values(&run->data, first, x->shape[0], run->latents));
  TR_TRY(tr_array_set_f64(x, run->latents));
  TR_TRY(autoencoder_decode(&run->vae, x, pictures));
  return put(run, first, pictures);
}

static tr_status decode_batch(void *user, int64_t first, int64_t n) {
  decode_run *run = user;
  const int64_t *of = run->data.shape;
  tr_array *x = NULL, *pictures = NULL;
  tr_ctx *ctx = run->program->ctx;
  tr_status status = tr_array_create(ctx, run->dtype, 4, (int64_t[]){n, of[0], of[1], of[2]}, &x);
  if (status == TR_OK)
    status = tr_array_create(ctx, run->dtype, 4, (int64_t[]){n, run->shape[1], run->shape[2], run->shape[3]},
                             &pictures);
  if (status == TR_OK) status = decode(run, first, x, pictures);
  tr_array_destroy(&x), tr_array_destroy(&pictures);
  return status;
}

/* ---- saving ---- */

/* arr_0 out of the spool. */
static tr_status append_levels(decode_run *run) {
  const int64_t row = levels_of(run);
  if (run->options->levels_only) return TR_OK;
  TR_TRY(begin_levels(run));
  uint8_t *levels = malloc((size_t)row);
  tr_status status = levels ? TR_OK : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for a picture");
  for (int64_t i = 0; i < run->n && status == TR_OK; i++) {
    status = spool_read(&run->levels, i * row, levels, (size_t)row);
    if (status == TR_OK) status = tr_npz_append(run->npz, levels, row);
  }
  free(levels);
  return status;
}

/* As they are in the data. */
static tr_status put_labels(decode_run *run) {
  if (!run->data.labels) return TR_OK;
  int32_t *labels = malloc((size_t)run->n * sizeof *labels);
  if (!labels) return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for labels");
  const bool whole = tr_dtype_from_f64(TR_I32, run->n, run->data.labels, labels) == run->n;
  const tr_status status =
      whole ? npz_put(run->program->ctx, run->npz, "labels", TR_I32, 1, &run->n, labels)
            : npz_put(run->program->ctx, run->npz, "labels", TR_F64, 1, &run->n, run->data.labels);
  free(labels);
  return status;
}

static tr_status record(decode_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const char *path;
  TR_TRY(out_dir_stage(ctx, run->dir, "run.json", &path));
  TR_TRY(file_hash_finish(ctx, &run->vae.hash));
  json_t *json = record_create(run->program, &table, run->parsed, run->options);
  json_object_set_new(json, "autoencoder", autoencoder_record(&run->vae));
  json_object_set_new(json, "pictures", json_integer(run->n));
  json_object_set_new(json, "height", json_integer(run->shape[2]));
  json_object_set_new(json, "width", json_integer(run->shape[3]));
  record_memory(json, ctx);
  json_object_set_new(json, "wall_seconds", record_number(program_seconds() - run->started));
  const tr_status status = record_save(ctx, json, path);
  json_decref(json);
  return status;
}

static tr_status save(decode_run *run) {
  TR_TRY(append_levels(run));
  TR_TRY(put_labels(run));
  TR_TRY(tr_npz_commit(&run->npz));
  TR_TRY(record(run));
  images_sync(run->pngs);
  TR_TRY(program_check_interrupt(run->program));
  return out_dir_commit(run->program->ctx, &run->dir);
}

static void print_summary(const decode_run *run) {
  printf("%lld picture%s of %lld x %lld pixels by %s, %.2f s\n", (long long)run->n, PLURAL(run->n),
         (long long)run->shape[2], (long long)run->shape[3], TR_SHOW(run->vae.folder, 4000),
         program_seconds() - run->started);
  machine_print_memory(run->program->ctx);
  printf("wrote %s/images.npz, " PICTURES "/ and run.json\n", run->options->machine.out);
}

static void close_all(decode_run *run) {
  tr_npz_discard(&run->npz);
  spool_close(&run->levels);
  out_dir_discard(&run->dir);
  free(run->latents);
  free(run->images);
  tr_dataset_close(&run->data);
  autoencoder_close(&run->vae);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  decode_run run = {.program = p, .parsed = parsed, .options = values, .started = program_seconds()};
  tr_status status = open_all(&run);
  if (status == TR_OK) status = in_batches(p, run.n, run.options->batch_size, decode_batch, &run);
  if (status == TR_OK) status = save(&run);
  if (status == TR_OK) print_summary(&run);
  close_all(&run);
  return status;
}

const command command_decode = {
    .table = &table, .run = run, .results = (const char *const[]){"images.npz", PICTURES, NULL}};
