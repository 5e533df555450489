/* transit ema: an average of a training's parameters, made from its snapshots. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/files/paths.h"
#include "experiments/output/saved_args.h"
#include "nets/train/post_hoc.h"

#define GOOD_RESIDUAL 0.1 /* beyond it the fit is warned of */
#define GOOD_SIZE     1e3 /* the same of the sizes of the weights: f32 has 6e-8 */

typedef struct {
  const char *from, *out;
  double sigma_rel;
  long step;
} ema_values;

static const tr_option options[] = {
    {.name = "from",
     .type = TR_OPTION_TEXT,
     .flags = TR_OPTION_REQUIRED,
     .offset = offsetof(ema_values, from),
     .metavar = "DIR",
     .help = "The folder of a training that had --ema-sigma-rel, or a folder of its snapshots."},
    {.name = "sigma-rel",
     .type = TR_OPTION_DOUBLE,
     .flags = TR_OPTION_REQUIRED | TR_OPTION_GE | TR_OPTION_LE,
     .low = TR_SIGMA_REL_LEAST,
     .high = 0.288675,
     .offset = offsetof(ema_values, sigma_rel),
     .metavar = "S",
     .help =
         "Width of the average, relative to the steps before it: the standard deviation of its profile over "
         "--step."},
    {.name = "step",
     .type = TR_OPTION_INT,
     .flags = TR_OPTION_GE | TR_OPTION_LE,
     .low = 1,
     .high = 4e9,
     .offset = offsetof(ema_values, step),
     .metavar = "T",
     .default_note = "that of the last snapshot",
     .help =
         "Step at which the average ends, best one that has snapshots; those of later ones are not used."},
    {.name = "out",
     .type = TR_OPTION_TEXT,
     .flags = TR_OPTION_REQUIRED,
     .offset = offsetof(ema_values, out),
     .metavar = "FILE",
     .help = "A new file, FILE.pt or FILE.safetensors. One that is there is replaced."},
};

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "ema",
    .summary = "Make an average of a training's parameters from its snapshots.",
    .details =
        "EDM2's averages (arXiv 2312.02696): at step T the parameters of step s count as s^gamma, and "
        "sigma-rel is the standard deviation of that profile over T. 'transit train --ema-sigma-rel "
        "0.05,0.10 --ema-every N' writes snapshots of two widths into DIR/ema; from these any other width is "
        "fitted by least squares, with weights that sum to 1.\n\n"
        "The relative residual of the profile says how good the fit is: 0 is exact, and above 0.1 there is "
        "a warning. It grows where the width is small against the steps between snapshots. 'transit sample "
        "--ckpt FILE' draws with the result.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(ema_values)};

typedef struct {
  tr_ctx *ctx;
  const ema_values *values;
  char *folder; /* of the snapshots */
  int n, room;
  char **paths;           /* (n) */
  tr_snapshot *snapshots; /* (n) */
  double *weights;        /* (n) */
  double first, last;     /* steps */
  double narrow, wide;    /* widths */
  tr_power_profile want;
  tr_post_hoc_fit fit;
  tr_params *params;
} average;

/* ---- snapshots ---- */

static char *path_in(const char *folder, const char *name) {
  const size_t size = strlen(folder) + strlen(name) + 2;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s/%s", folder, name);
  return path;
}

/* DIR/ema, or DIR where there is no such folder. */
static tr_status find_folder(average *a) {
  a->folder = path_in(a->values->from, "ema");
  if (a->folder && !path_is_folder(a->folder)) {
    free(a->folder);
    a->folder = strdup(a->values->from);
  }
  return a->folder ? TR_OK : TR_FAIL(a->ctx, TR_E_MEM, "out of memory for a path");
}

/* As the training names them: 0001000-0.05.safetensors. */
static int is_snapshot(const struct dirent *e) {
  const size_t digits = strspn(e->d_name, "0123456789");
  return digits >= 7 && e->d_name[digits] == '-' && tr_text_ends_with(e->d_name, ".safetensors");
}

static tr_status note(average *a, int i, const char *name) {
  a->paths[i] = path_in(a->folder, name);
  if (!a->paths[i]) return TR_FAIL(a->ctx, TR_E_MEM, "out of memory for a path");
  a->n = i + 1;
  TR_TRY(tr_snapshot_open(a->ctx, a->paths[i], &a->snapshots[i]));
  const double step = a->snapshots[i].profile.step, width = tr_power_sigma_rel(a->snapshots[i].profile.gamma);
  a->first = fmin(a->first, step);
  a->last = fmax(a->last, step);
  a->narrow = fmin(a->narrow, width);
  a->wide = fmax(a->wide, width);
  return TR_OK;
}

static tr_status open_snapshots(average *a, int n, struct dirent **names) {
  if (n == 0)
    return TR_FAIL(a->ctx, TR_E_IO,
                   "--from '%s' holds no snapshots: 'transit train --ema-sigma-rel' writes them into DIR/ema",
                   TR_SHOW(a->values->from, 200));
  a->paths = calloc((size_t)n, sizeof *a->paths);
  a->snapshots = calloc((size_t)n, sizeof *a->snapshots);
  a->weights = calloc((size_t)n, sizeof *a->weights);
  if (!a->paths || !a->snapshots || !a->weights)
    return TR_FAIL(a->ctx, TR_E_MEM, "out of memory for %d snapshots", n);
  a->first = a->narrow = INFINITY;
  for (int i = 0; i < n; i++) TR_TRY(note(a, i, names[i]->d_name));
  return TR_OK;
}

static tr_status list_snapshots(average *a) {
  struct dirent **names;
  TR_TRY(find_folder(a));
  const int n = scandir(a->folder, &names, is_snapshot, alphasort);
  if (n < 0)
    return TR_FAIL(a->ctx, TR_E_IO, "--from '%s': %s", TR_SHOW(a->values->from, 200), strerror(errno));
  tr_status status = open_snapshots(a, n, names);
  for (int i = 0; i < n; i++) free(names[i]);
  free(names);
  return status;
}

/* ---- the fit ---- */

static tr_status fit(average *a) {
  a->want.step = a->values->step == TR_OPTION_UNSET ? a->last : (double)a->values->step;
  if (a->want.step < a->first || a->want.step > a->last)
    return TR_FAIL(a->ctx, TR_E_ARG, "--step %.0f: the snapshots are of steps %.0f to %.0f", a->want.step,
                   a->first, a->last);
  TR_TRY(tr_power_gamma(a->ctx, a->values->sigma_rel, &a->want.gamma));
  TR_TRY(tr_post_hoc_weights(a->ctx, a->n, a->snapshots, &a->want, a->weights, &a->fit));
  if (a->fit.residual > GOOD_RESIDUAL)
    tr_ctx_warn(a->ctx,
                "the snapshots give this average badly: the relative residual of its profile is %.2g, and %g "
                "would do; they have widths %.3g to %.3g at steps %.0f to %.0f",
                a->fit.residual, GOOD_RESIDUAL, a->narrow, a->wide, a->first, a->last);
  if (a->fit.size > GOOD_SIZE)
    tr_ctx_warn(a->ctx,
                "the weights have sizes of %.3g together: so much does the rounding of the files grow",
                a->fit.size);
  return TR_OK;
}

/* ---- the file ---- */

static tr_status check_out(const average *a) {
  for (int i = 0; i < a->n; i++)
    if (saved_is_same_file(a->values->out, a->paths[i]))
      return TR_FAIL(a->ctx, TR_E_ARG, "--out '%s' is one of the snapshots: give a new file",
                     TR_SHOW(a->values->out, 200));
  return TR_OK;
}

static tr_status write_file(const average *a, bool torch, int n_args, const tr_saved_arg *args) {
  const int n = tr_params_n(a->params);
  tr_array *views = calloc((size_t)n, sizeof *views);
  tr_saved_tensor *items = calloc((size_t)n, sizeof *items);
  tr_status status = views && items ? TR_OK : TR_FAIL(a->ctx, TR_E_MEM, "out of memory for %d tensors", n);
  for (int i = 0; status == TR_OK && i < n; i++) {
    views[i] = tr_params_value(a->params, i);
    items[i] = (tr_saved_tensor){.name = tr_params_entry(a->params, i)->name, .array = &views[i]};
  }
  const tr_saved_set set = {"ema", n, items};
  if (status == TR_OK)
    status = torch ? tr_torch_save(a->ctx, a->values->out,
                                   &(tr_saved){.n_sets = 1, .sets = &set, .n_args = n_args, .args = args})
                   : tr_safetensors_save(a->ctx, a->values->out, &set, n_args, args);
  free(views);
  free(items);
  return status;
}

/* The arguments of the last snapshot; what it says of its own average is said of the new one, but for gamma:
 * it is no snapshot. */
static tr_status save(average *a, bool torch) {
  static const char *const own[] = {TR_SNAPSHOT_STEP, TR_SNAPSHOT_GAMMA, TR_SNAPSHOT_SIGMA_REL, NULL};
  tr_checkpoint *checkpoint;
  tr_saved_arg *args;
  int n;
  TR_TRY(tr_checkpoint_open(a->ctx, a->paths[a->n - 1], &checkpoint));
  tr_status status = saved_args_of(a->ctx, checkpoint, own, 2, &n, &args);
  if (status == TR_OK) {
    args[n++] =
        (tr_saved_arg){.name = TR_SNAPSHOT_STEP, .kind = TR_SAVED_INT, .integer = (int64_t)a->want.step};
    args[n++] =
        (tr_saved_arg){.name = TR_SNAPSHOT_SIGMA_REL, .kind = TR_SAVED_REAL, .real = a->values->sigma_rel};
    status = write_file(a, torch, n, args);
  }
  free(args);
  tr_checkpoint_close(&checkpoint);
  return status;
}

static void say(const average *a) {
  printf(
      "%s: sigma-rel %g at step %.0f, from %d of %d snapshots (steps %.0f to %.0f, sigma-rel %.3g to %.3g)\n",
      TR_SHOW(a->values->out, 1000), a->values->sigma_rel, a->want.step, a->fit.used, a->n, a->first, a->last,
      a->narrow, a->wide);
  printf("relative residual of the profile %.2g, sizes of the weights %.3g together\n", a->fit.residual,
         a->fit.size);
}

static tr_status make(average *a) {
  bool torch;
  TR_TRY(saved_format(a->ctx, a->values->out, &torch));
  TR_TRY(list_snapshots(a));
  TR_TRY(check_out(a));
  TR_TRY(fit(a));
  TR_TRY(tr_post_hoc_sum(a->ctx, a->n, a->snapshots, a->weights, &a->params));
  TR_TRY(save(a, torch));
  say(a);
  return TR_OK;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  (void)parsed;
  average a = {.ctx = p->ctx, .values = values};
  tr_status status = make(&a);
  tr_params_destroy(&a.params);
  for (int i = 0; i < a.n; i++) free(a.paths[i]);
  free(a.paths);
  free(a.snapshots);
  free(a.weights);
  free(a.folder);
  return status;
}

const command command_ema = {.table = &table, .run = run};
