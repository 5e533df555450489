/* Classes of inputs: those of the data or those given; one that the model lacks is named with the place that
 * it comes from. */
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/io/image/png.h"
#include "core/io/npz.h"
#include "experiments/input/data_labels.h"
#include "experiments/output/npz_put.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const int64_t shape[3] = {1, 2, 3};

static void far_class(tr_ctx *ctx, const char *path, int i, const char *words) {
  const tr_net_info config = {.num_classes = 10, .null_class = 10};
  tr_dataset data;
  int32_t *labels;
  const char *from;
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 3, shape, 0, &data));
  CHECK_OK(ctx, data_labels(ctx, &config, &(tr_int_list){0}, &data, data.n, &from, &labels));
  CHECK(labels[i] == -1 && strstr(data.trouble[i], words) && strstr(data.trouble[i], path));
  free(labels);
  tr_dataset_close(&data);
}

static void of_archive(tr_ctx *ctx) {
  static const uint8_t images[3 * 6];
  static const int64_t labels[3] = {7, 0, (int64_t)1 << 40};
  const char *path = scratch("a.npz");
  tr_npz_out *npz;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_U8, 3, (int64_t[]){3, 2, 3}, images));
  CHECK_OK(ctx, npz_put(ctx, npz, "labels", TR_I64, 1, (int64_t[]){3}, labels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  far_class(ctx, path, 2, "class 1099511627776 in 'labels' of '");
}

static void of_folder(tr_ctx *ctx) {
  static const uint8_t pixels[6];
  static const char *const folders[] = {"12", "3"};
  char root[512], path[600];
  snprintf(root, sizeof root, "%s", scratch("folder"));
  mkdir(root, 0700);
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", root, folders[i]);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/a.png", root, folders[i]);
    CHECK_OK(ctx, tr_png_write(ctx, path, 2, 3, 1, pixels));
  }
  far_class(ctx, root, 0, "class 12 in the sub-folders of '");
}

static tr_status labels_of(tr_ctx *ctx, int n_given, tr_dataset *data, int64_t n, int32_t **labels) {
  static long given[3] = {3, 99999999999, 10};
  const tr_net_info config = {.num_classes = 10, .null_class = 10};
  const char *from;
  tr_status status =
      data_labels(ctx, &config, &(tr_int_list){.n = n_given, .v = given}, data, n, &from, labels);
  CHECK(status != TR_OK || strcmp(from, n_given ? "option" : "data") == 0);
  return status;
}

/* Classes: those of the data, or given for each input: an input whose class the model lacks is left out. */
static void classes(tr_ctx *ctx) {
  static double of_data[3] = {0, 10, 77}, bad[3] = {11, NAN, 1e300};
  static char *trouble[3];
  static char path[] = "a.npz";
  tr_dataset data = {
      .ctx = ctx, .n = 3, .labels = of_data, .trouble = trouble, .path = path, .labels_in = "'labels' of"};
  int32_t *labels;
  CHECK_OK(ctx, labels_of(ctx, 0, &data, 2, &labels));
  CHECK(labels[0] == 0 && labels[1] == 10 && !trouble[0] && !trouble[1]);
  free(labels);
  CHECK_OK(ctx, labels_of(ctx, 1, &data, 3, &labels));
  CHECK(labels[0] == 3 && labels[2] == 3 && !trouble[2]);
  free(labels);
  CHECK_OK(ctx, labels_of(ctx, 0, &data, 3, &labels));
  CHECK(labels[0] == 0 && labels[1] == 10 && labels[2] == -1 && !trouble[0] && !trouble[1]);
  CHECK(
      strstr(trouble[2],
             "class 77 in 'labels' of 'a.npz': the model has classes 0 to 9 and the null class after them"));
  free(labels);
  CHECK_OK(ctx, labels_of(ctx, 3, &data, 3, &labels));
  CHECK(labels[0] == 3 && labels[1] == -1 && labels[2] == 10);
  CHECK(strstr(trouble[1], "class 99999999999 of --class-labels: the model") &&
        strstr(trouble[2], "class 77")); /* the first reason stays */
  free(labels);
  CHECK_ERROR(ctx, labels_of(ctx, 2, &data, 3, &labels), TR_E_ARG, "2 entries for 3 inputs");
  data.labels = bad;
  CHECK_ERROR(ctx, labels_of(ctx, 0, &data, 3, &labels), TR_E_SHAPE,
              "no input can be used: input 0 has class 11 in 'labels' of 'a.npz': the model has");
  CHECK(strstr(trouble[0], "class 11"));
  free(labels);
  for (int i = 0; i < 3; i++) free(trouble[i]);
}

/* A model without classes takes none, and those of the data are no matter. */
static void unconditional(tr_ctx *ctx) {
  static double of_data[2] = {0, 77};
  static char *trouble[2];
  static long given[1] = {0};
  const tr_net_info info = {.null_class = -1};
  const char *from;
  tr_dataset data = {.ctx = ctx, .n = 2, .labels = of_data, .trouble = trouble};
  int32_t *labels;
  CHECK_OK(ctx, data_labels(ctx, &info, &(tr_int_list){0}, &data, 2, &from, &labels));
  CHECK(labels == NULL && !trouble[1] && strcmp(from, "none") == 0);
  data.labels = NULL;
  CHECK_OK(ctx, data_labels(ctx, &info, &(tr_int_list){0}, &data, 2, &from, &labels));
  CHECK(labels == NULL);
  CHECK_ERROR(ctx, data_labels(ctx, &info, &(tr_int_list){.n = 1, .v = given}, &data, 2, &from, &labels),
              TR_E_ARG, "--class-labels 0: this model is unconditional");
}

static void keep_message(const char *message, void *user) {
  snprintf(user, 512, "%s", message);
}

static const tr_net_info with_null = {.num_classes = 10, .null_class = 10},
                         without_null = {.num_classes = 10, .null_class = -1};

/* Data of which nobody says the class is of the null class, which is said, and of no other. */
static void unlabelled(tr_ctx *ctx) {
  static char *trouble[3];
  static char path[] = "a.npy";
  char message[512] = "";
  const char *from;
  int32_t *labels;
  const tr_int_list nothing = {0};
  tr_dataset data = {.ctx = ctx, .n = 3, .trouble = trouble, .path = path};
  tr_ctx_on_warning(ctx, keep_message, message);
  CHECK_OK(ctx, data_labels(ctx, &with_null, &nothing, &data, 3, &from, &labels));
  CHECK(labels[0] == 10 && labels[1] == 10 && labels[2] == 10 && strcmp(from, "null class") == 0);
  CHECK(strstr(message, "'a.npy' has no labels: the null class 10 is taken"));
  free(labels);
  CHECK_ERROR(ctx, data_labels(ctx, &without_null, &nothing, &data, 3, &from, &labels), TR_E_ARG,
              "'a.npy' has no labels and this model no null class: give --class-labels");
  tr_ctx_on_warning(ctx, NULL, NULL);
}

static const char *write_states(tr_ctx *ctx, const char *name, const char *array, int ndim, int64_t n,
                                const int32_t *labels) {
  static const float latents[3];
  const char *path = scratch(name);
  tr_npz_out *npz;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "latents", TR_F32, 2, (int64_t[]){3, 1}, latents));
  if (array) CHECK_OK(ctx, npz_put(ctx, npz, array, TR_I32, ndim, (int64_t[]){n, 1}, labels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  return path;
}

typedef struct {
  const tr_net_info *info;
  tr_int_list given;
  bool data;
  const char *from;
  int32_t labels[3];
} taken;

/* Opens the file, takes its labels as asked and compares them. */
static tr_status take(tr_ctx *ctx, const char *path, taken *t) {
  given init;
  int32_t *labels = NULL;
  CHECK_OK(ctx, given_open(ctx, "--init", path, 2, (int64_t[]){3, 1}, &init));
  tr_status status = init_labels(ctx, t->info, &t->given, &init, t->data, 3, &t->from, &labels);
  for (int i = 0; status == TR_OK && labels && i < 3; i++) t->labels[i] = labels[i];
  free(labels);
  given_close(&init);
  return status;
}

static bool are(const taken *t, int32_t a, int32_t b, int32_t c) {
  return t->labels[0] == a && t->labels[1] == b && t->labels[2] == c;
}

/* Labels of states in a file: its own, whether they are data or noise, unless others are given. */
static void of_states(tr_ctx *ctx) {
  static const int32_t its[3] = {7, 10, 2}, far[3] = {7, 11, 2};
  static long one[1] = {4};
  const char *path = write_states(ctx, "own.npz", "labels", 1, 3, its);
  taken t = {.info = &with_null};
  CHECK_OK(ctx, take(ctx, path, &t));
  CHECK(are(&t, 7, 10, 2) && strcmp(t.from, "data") == 0);
  t.data = true;
  CHECK_OK(ctx, take(ctx, path, &t));
  CHECK(are(&t, 7, 10, 2));
  t.given = (tr_int_list){.n = 1, .v = one};
  CHECK_OK(ctx, take(ctx, path, &t));
  CHECK(are(&t, 4, 4, 4) && strcmp(t.from, "option") == 0);
  t.given = (tr_int_list){0};
  CHECK_OK(ctx, take(ctx, write_states(ctx, "column.npz", "label", 2, 3, its), &t));
  CHECK(are(&t, 7, 10, 2));
  CHECK_ERROR(ctx, take(ctx, write_states(ctx, "far.npz", "labels", 1, 3, far), &t), TR_E_ARG,
              "has class 11 at row 1: the model has classes 0 to 9 and the null class after them");
  CHECK_ERROR(ctx, take(ctx, write_states(ctx, "few.npz", "labels", 1, 2, its), &t), TR_E_SHAPE,
              "one for each of 3 states is needed");
}

/* Without any: the null class of data, every class in turn of what is to be drawn. */
static void of_bare_states(tr_ctx *ctx) {
  const char *path = write_states(ctx, "bare.npz", NULL, 0, 0, NULL);
  taken t = {.info = &with_null, .data = true};
  CHECK_OK(ctx, take(ctx, path, &t));
  CHECK(are(&t, 10, 10, 10) && strcmp(t.from, "null class") == 0);
  t.data = false;
  CHECK_OK(ctx, take(ctx, path, &t));
  CHECK(are(&t, 0, 1, 2) && strcmp(t.from, "every class in turn") == 0);
  t = (taken){.info = &without_null, .data = true};
  CHECK_ERROR(ctx, take(ctx, path, &t), TR_E_ARG, "has no labels and this model no null class");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  unlabelled(ctx);
  of_states(ctx);
  of_bare_states(ctx);
  of_archive(ctx);
  of_folder(ctx);
  classes(ctx);
  unconditional(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
