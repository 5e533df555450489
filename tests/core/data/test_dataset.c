/* Reading data: images of every kind in the order promised, with their classes; what cannot be used is named
 * and the rest kept; bad files are one-line errors. */
#include <stdlib.h>
#include <sys/stat.h>

#include "core/data/dataset.h"
#include "core/io/image/image.h"
#include "core/io/image/png.h"
#include "core/io/npz.h"
#include "experiments/output/npz_put.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const int64_t grey[3] = {1, 2, 3}, colour[3] = {3, 2, 3}, latents[3] = {4, 2, 3};

static void save(tr_ctx *ctx, const char *path, tr_dtype type, int ndim, const int64_t *shape,
                 const void *data) {
  tr_npy npy;
  CHECK_OK(ctx, tr_npy_wrap(ctx, type, ndim, shape, data, &npy));
  CHECK_OK(ctx, tr_npy_save(ctx, path, &npy));
}

static void refused(tr_ctx *ctx, const char *path, const int64_t shape[3], tr_status want, const char *word) {
  tr_dataset data;
  tr_status status = tr_dataset_open(ctx, path, 3, shape, 0, &data);
  CHECK(strchr(tr_ctx_error(ctx)->message, '\n') == NULL);
  CHECK_ERROR(ctx, status, want, word);
  tr_dataset_close(&data);
}

/* The data's own label of input i, and the place that it comes from. */
static void label_is(tr_ctx *ctx, const char *path, const int64_t shape[3], int i, double label,
                     const char *place) {
  tr_dataset data;
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 3, shape, 0, &data));
  CHECK(data.labels[i] == label && strcmp(data.labels_in, place) == 0 && strcmp(data.path, path) == 0);
  tr_dataset_close(&data);
}

static void archives(tr_ctx *ctx) {
  static const uint8_t images[3 * 18] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 255};
  static const int64_t labels[3] = {7, 0, (int64_t)1 << 40};
  const char *path = scratch("a.npz");
  double values[36];
  tr_npz_out *npz;
  tr_dataset data;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_U8, 4, (int64_t[]){3, 2, 3, 3}, images));
  CHECK_OK(ctx, npz_put(ctx, npz, "labels", TR_I64, 1, (int64_t[]){3}, labels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 3, colour, 2, &data));
  CHECK(data.n == 2 && data.shape[0] == 3 && data.labels[0] == 7 && data.labels[1] == 0);
  for (int c = 0; c < 3; c++)
    for (int p = 0; p < 6; p++) CHECK(data.pixels[c * 6 + p] == images[p * 3 + c]);
  CHECK_OK(ctx, tr_dataset_values(&data, 0, 2, values));
  CHECK(values[0] == 1 / TR_BINS_PER_UNIT - 1 && values[17] == 1 && values[18] == -1);
  tr_dataset_close(&data);
  label_is(ctx, path, colour, 2, 1099511627776, "'labels' of");
  refused(ctx, path, grey, TR_E_SHAPE, "in 3 channels: this model takes 2 x 3 in 1");
  refused(ctx, path, (int64_t[]){3, 3, 3}, TR_E_SHAPE, "2 x 3 pixels");
  refused(ctx, path, latents, TR_E_SHAPE, "encode");
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "pictures", TR_U8, 4, (int64_t[]){3, 2, 3, 3}, images));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  refused(ctx, path, colour, TR_E_IO, "neither 'images' nor 'latents'");
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_U8, 4, (int64_t[]){1, 2, 3, 3}, images));
  CHECK_OK(ctx, npz_put(ctx, npz, "latents", TR_F64, 4, (int64_t[]){1, 3, 2, 3}, (double[18]){0}));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  refused(ctx, path, colour, TR_E_IO, "both 'images' and 'latents': one of them is needed");
}

/* Images with levels that no byte holds are left out, the others stay. */
static void out_of_range(tr_ctx *ctx) {
  int64_t images[24] = {0, 255};
  const char *path = scratch("b.npz");
  tr_npz_out *npz;
  tr_dataset data;
  images[8] = 300;
  images[23] = -5000000000;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_I64, 3, (int64_t[]){4, 2, 3}, images));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 3, grey, 0, &data));
  CHECK(!data.trouble[0] && !data.trouble[2] && data.pixels[1] == 255);
  CHECK(data.trouble[1] && strstr(data.trouble[1], "300"));
  CHECK(data.trouble[3] && strstr(data.trouble[3], "-5000000000"));
  tr_dataset_close(&data);
}

/* No inputs at all, or no file: said as such. */
/* States that are rows of numbers: pixels have no say there, and images are refused. */
static void rows_of_numbers(tr_ctx *ctx) {
  const double values[6] = {0.5, -100, 1, 2, INFINITY, 3};
  static const uint8_t images[12];
  const int64_t dim = 3, less = 2;
  const char *path = scratch("rows.npy"), *archive = scratch("rows.npz");
  double got[3];
  tr_npz_out *npz;
  tr_dataset data;
  save(ctx, path, TR_F64, 2, (int64_t[]){2, 3}, values);
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 1, &dim, 0, &data));
  CHECK(data.n == 2 && data.ndim == 1 && data.shape[0] == 3 && tr_dataset_row(&data) == 3);
  CHECK(!data.trouble[0] && data.trouble[1] && strstr(data.trouble[1], "inf at element 1"));
  CHECK_OK(ctx, tr_dataset_values(&data, 0, 1, got));
  CHECK(memcmp(got, values, sizeof got) == 0);
  tr_dataset_close(&data);
  CHECK_ERROR(ctx, tr_dataset_open(ctx, path, 1, &less, 0, &data), TR_E_SHAPE, "this model takes (N, 2)");
  tr_dataset_close(&data);
  CHECK_OK(ctx, tr_npz_create(ctx, archive, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_U8, 3, (int64_t[]){2, 2, 3}, images));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  const char *const pictures[] = {archive, TR_EXPERIMENT_DATA};
  for (int i = 0; i < 2; i++) {
    CHECK_ERROR(ctx, tr_dataset_open(ctx, pictures[i], 1, &dim, 0, &data), TR_E_SHAPE,
                "holds images, this model takes states of 3 numbers");
    tr_dataset_close(&data);
  }
  CHECK_ERROR(ctx, tr_dataset_open(ctx, path, 2, (int64_t[]){3, 1}, 0, &data), TR_E_ARG, "use 1 or 3");
  tr_dataset_close(&data);
  CHECK_ERROR(ctx, tr_dataset_open(ctx, path, 1, NULL, 0, &data), TR_E_ARG, "shape is NULL");
  tr_dataset_close(&data);
}

/* The data's own shape, where none is asked for. */
static void own_shape(tr_ctx *ctx, const char *path, int ndim, const int64_t *shape) {
  tr_dataset data;
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 0, NULL, 0, &data));
  CHECK(data.ndim == ndim && memcmp(data.shape, shape, (size_t)ndim * sizeof *shape) == 0);
  CHECK((data.pixels != NULL) == (ndim == 3 && shape[0] < 4));
  tr_dataset_close(&data);
}

static void shapes(tr_ctx *ctx) {
  static const uint8_t levels[54];
  static const double numbers[54];
  const char *array = scratch("shape.npy"), *archive = scratch("shape.npz");
  tr_dataset data;
  tr_npz_out *npz;
  save(ctx, array, TR_F32, 2, (int64_t[]){3, 5}, numbers);
  own_shape(ctx, array, 1, (int64_t[]){5});
  save(ctx, array, TR_F16, 4, (int64_t[]){2, 4, 2, 3}, numbers);
  own_shape(ctx, array, 3, (int64_t[]){4, 2, 3});
  save(ctx, array, TR_F32, 3, (int64_t[]){2, 2, 3}, numbers);
  CHECK_ERROR(ctx, tr_dataset_open(ctx, array, 0, NULL, 0, &data), TR_E_SHAPE,
              "(N, C, H, W) or (N, dim) is needed");
  tr_dataset_close(&data);
  CHECK_ERROR(ctx, tr_dataset_open(ctx, scratch(""), 0, NULL, 0, &data), TR_E_ARG, "is a folder");
  tr_dataset_close(&data);
  CHECK_OK(ctx, tr_npz_create(ctx, archive, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "arr_0", TR_U8, 4, (int64_t[]){3, 2, 3, 3}, levels));
  CHECK_OK(ctx, npz_put(ctx, npz, "arr_1", TR_U8, 2, (int64_t[]){3, 1}, levels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  own_shape(ctx, archive, 3, colour);
  CHECK_OK(ctx, tr_npz_create(ctx, archive, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_U8, 3, (int64_t[]){9, 2, 3}, levels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  CHECK_ERROR(ctx, tr_dataset_open(ctx, archive, 0, NULL, 0, &data), TR_E_SHAPE, "one image");
  tr_dataset_close(&data);
  CHECK_OK(ctx, tr_npz_create(ctx, archive, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_U8, 3, (int64_t[]){9, 3, 2}, levels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  own_shape(ctx, archive, 3, (int64_t[]){1, 3, 2});
}

static void nothing(tr_ctx *ctx) {
  const char *path = scratch("d.npz"), *array = scratch("d.npy");
  double values[6] = {0};
  tr_npz_out *npz;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "images", TR_U8, 3, (int64_t[]){0, 2, 3}, values));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  refused(ctx, path, grey, TR_E_SHAPE, "images holds uint8 (0, 2, 3): there is no input in it");
  save(ctx, array, TR_F64, 4, (int64_t[]){0, 1, 2, 3}, values);
  refused(ctx, array, grey, TR_E_SHAPE, "there is no input in it");
  refused(ctx, scratch("none"), grey, TR_E_IO, "none': No such file or directory");
  refused(ctx, scratch("none.npy"), grey, TR_E_IO, "none.npy': No such file or directory");
  refused(ctx, "/dev/null", grey, TR_E_IO, "'/dev/null' is neither");
}

static void arrays(tr_ctx *ctx) {
  double values[18] = {0.5, -0.25, 1}, got[6];
  const char *path = scratch("c.npy");
  tr_dataset data;
  char name[64];
  values[7] = NAN;
  values[13] = 128;
  save(ctx, path, TR_F64, 4, (int64_t[]){3, 1, 2, 3}, values);
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 3, grey, 0, &data));
  CHECK(!data.pixels && data.numbers.dtype == TR_F64 && !data.trouble[0]);
  CHECK(!data.numbers.owned && data.numbers.map.size > 0); /* mapped, not read */
  CHECK(data.trouble[1] && strstr(data.trouble[1], "finite"));
  CHECK(data.trouble[2] && strstr(data.trouble[2], "128"));
  CHECK(strcmp(tr_dataset_name(&data, 2, name, sizeof name), "input 2") == 0);
  CHECK_OK(ctx, tr_dataset_values(&data, 0, 1, got));
  CHECK(memcmp(got, values, sizeof got) == 0);
  CHECK_ERROR(ctx, tr_dataset_values(&data, 2, 2, got), TR_E_ARG, "2 inputs from input 2: there are 3");
  CHECK_ERROR(ctx, tr_dataset_values(&data, INT64_MAX, 1, got), TR_E_ARG, "there are 3");
  tr_dataset_close(&data);
  refused(ctx, path, colour, TR_E_SHAPE, "this model takes (N, 3, 2, 3)");
  values[0] = NAN;
  save(ctx, path, TR_F64, 4, (int64_t[]){1, 1, 2, 3}, values);
  refused(ctx, path, grey, TR_E_SHAPE, "no input can be used");
  save(ctx, path, TR_U8, 4, (int64_t[]){1, 1, 2, 3}, values);
  refused(ctx, path, grey, TR_E_SHAPE, "float32 or float64");
}

static void picture(tr_ctx *ctx, const char *path, int height, int channels, uint8_t first) {
  uint8_t pixels[64];
  for (int i = 0; i < 64; i++) pixels[i] = (uint8_t)(first + i);
  CHECK_OK(ctx, tr_png_write(ctx, path, height, 3, channels, pixels));
}

/* Sorted; classes from sub-folders, by place or number; a file of another size, a broken one and one in
 * colours for a model of grey are named. */
static void folders(tr_ctx *ctx) {
  tr_dataset data;
  char root[512], path[600], name[600];
  snprintf(root, sizeof root, "%s", scratch("folder"));
  mkdir(root, 0700);
  refused(ctx, root, grey, TR_E_IO, "no .png or .jpg files");
  static const char *const folders_[] = {"cat", "12"};
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", root, folders_[i]);
    mkdir(path, 0700);
    for (int k = 0; k < 2; k++) {
      snprintf(path, sizeof path, "%s/%s/%d.png", root, folders_[i], 1 - k);
      picture(ctx, path, i == 1 && k == 0 ? 4 : 2, 1, (uint8_t)(10 * i + k));
    }
  }
  snprintf(path, sizeof path, "%s/cat/broken.PNG", root);
  write_whole(path, "no picture", 10);
  snprintf(path, sizeof path, "%s/cat/colours.png", root);
  picture(ctx, path, 2, 3, 0);
  snprintf(path, sizeof path, "%s/notes.txt", root);
  write_whole(path, "no picture", 10);
  CHECK_OK(ctx, tr_dataset_open(ctx, root, 3, grey, 0,
                                &data)); /* 12/0, 12/1 (4 high), cat/0, cat/1, cat/broken, cat/colours */
  CHECK(data.n == 6 && data.labels[0] == 12 && data.labels[2] == 1);
  CHECK(data.pixels[0] == 11 && data.pixels[5] == 16 && data.pixels[2 * 6] == 1 && data.pixels[3 * 6] == 0);
  CHECK(data.trouble[1] && strstr(data.trouble[1], "4 x 3 pixels"));
  CHECK(data.trouble[4] && strstr(data.trouble[4], "PNG"));
  CHECK(data.trouble[5] && strstr(data.trouble[5], "colours"));
  CHECK(strcmp(tr_dataset_name(&data, 4, name, sizeof name), "'cat/broken.PNG'") == 0);
  tr_dataset_close(&data);
  label_is(ctx, root, grey, 0, 12, "the sub-folders of");
  CHECK_OK(ctx, tr_dataset_open(ctx, root, 3, colour, 6, &data)); /* grey as RGB */
  CHECK(data.n == 6 && !data.trouble[5] && data.pixels[5 * 18] == 0 && data.pixels[5 * 18 + 6] == 1);
  CHECK(data.pixels[0] == 11 && data.pixels[6] == 11 && data.pixels[12] == 11);
  tr_dataset_close(&data);
  refused(ctx, root, latents, TR_E_SHAPE, "encode");
}

/* A file of 2 x 3 grey pixels at root/folder/name, the folder made. */
static void file_in(tr_ctx *ctx, const char *root, const char *folder, const char *name) {
  char path[700];
  snprintf(path, sizeof path, "%s/%s", root, folder);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
  picture(ctx, path, 2, 1, 0);
}

/* No class is made up: not for files beside sub-folders, nor the same for two sub-folders. */
static void classes_of_folders(tr_ctx *ctx) {
  char root[512], path[600];
  tr_dataset data;
  snprintf(root, sizeof root, "%s", scratch("classes"));
  mkdir(root, 0700);
  snprintf(path, sizeof path, "%s/empty", root);
  file_in(ctx, root, ".", "top.png");
  mkdir(path, 0700);
  CHECK_OK(ctx,
           tr_dataset_open(ctx, root, 3, grey, 0, &data)); /* a sub-folder without images changes nothing */
  CHECK(data.n == 1 && !data.labels);
  tr_dataset_close(&data);
  file_in(ctx, root, "1", "a.png");
  file_in(ctx, root, "1", "b.png");
  refused(ctx, root, grey, TR_E_IO, "beside its sub-folders ('top.png') and in them ('1/a.png')");
  snprintf(path, sizeof path, "%s/top.png", root);
  remove(path);
  file_in(ctx, root, "zebra", "c.png"); /* places: 1, empty, zebra */
  CHECK_OK(ctx, tr_dataset_open(ctx, root, 3, grey, 0, &data));
  CHECK(data.n == 3 && data.labels[0] == 1 && data.labels[1] == 1 && data.labels[2] == 2);
  tr_dataset_close(&data);
  file_in(ctx, root, "apple", "d.png"); /* places: 1, apple, empty, zebra */
  refused(ctx, root, grey, TR_E_IO, "sub-folders '1' and 'apple' of");
  refused(ctx, root, grey, TR_E_IO, "both have class 1");
  snprintf(path, sizeof path, "%s/apple/d.png", root);
  remove(path);
  file_in(ctx, root, "01", "e.png");
  refused(ctx, root, grey, TR_E_IO, "sub-folders '01' and '1' of");
}

static void out_of_bounds(tr_ctx *ctx) {
  const double values[12] = {0};
  const char *path = scratch("bounds.npy");
  char name[300];
  tr_dataset data;
  save(ctx, path, TR_F64, 2, (int64_t[]){4, 3}, values);
  CHECK_ERROR(ctx, tr_dataset_open(ctx, path, 1, (int64_t[]){3}, -4, &data), TR_E_ARG, "at most -4 inputs");
  tr_dataset_close(&data);
  CHECK_ERROR(ctx, tr_dataset_open(ctx, path, 1, (int64_t[]){-3}, 0, &data), TR_E_ARG, "extent -3");
  tr_dataset_close(&data);
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 1, (int64_t[]){3}, 0, &data));
  CHECK_ERROR(ctx, tr_dataset_check(&data, 5), TR_E_ARG, "first 5 inputs of 4");
  CHECK_ERROR(ctx, tr_dataset_check(&data, 0), TR_E_ARG, "first 0 inputs of 4");
  tr_dataset_reject(&data, 99, "none");
  tr_dataset_reject(&data, -1, "none");
  for (int i = 0; i < 4; i++) CHECK(data.trouble[i] == NULL);
  CHECK(strcmp(tr_dataset_name(&data, 99, name, sizeof name), "input 99") == 0);
  tr_dataset_close(&data);
  tr_dataset_reject(&data, 0, "closed");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  archives(ctx);
  out_of_range(ctx);
  nothing(ctx);
  shapes(ctx);
  out_of_bounds(ctx);
  rows_of_numbers(ctx);
  arrays(ctx);
  folders(ctx);
  classes_of_folders(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
