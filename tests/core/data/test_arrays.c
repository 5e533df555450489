/* Data in NumPy's files as others write them: half precision, labels under other names and in a column, the
 * arrays of numpy.savez; the content tells the format; what is not read is said, and what is not there is
 * answered by what is. */
#include <stdlib.h>

#include "core/data/dataset.h"
#include "core/io/npz.h"
#include "experiments/output/npz_put.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const int64_t colour[3] = {3, 2, 4}, latents[3] = {1, 2, 2};
static const uint8_t images[2 * 2 * 4 * 3] = {1, 2, 3};
static const int64_t images_shape[4] = {2, 2, 4, 3};
static char warned[600];

static void keep(const char *message, void *user) {
  (void)user;
  snprintf(warned, sizeof warned, "%s", message);
}

typedef struct {
  const char *name;
  tr_dtype type;
  int ndim;
  const int64_t *shape;
  const void *data;
} array;

static const char *archive(tr_ctx *ctx, const char *name, int n, const array *arrays) {
  const char *path = scratch(name);
  tr_npz_out *npz;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &npz));
  for (int i = 0; i < n; i++)
    CHECK_OK(ctx, npz_put(ctx, npz, arrays[i].name, arrays[i].type, arrays[i].ndim, arrays[i].shape,
                          arrays[i].data));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  *warned = 0;
  return path;
}

/* Two images, of classes 7 and 4 where labels are there. */
static void read_two(tr_ctx *ctx, const char *path, const char *labels_in) {
  tr_dataset data;
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 3, colour, 0, &data));
  CHECK(data.n == 2 && data.pixels && data.pixels[0] == 1 && data.pixels[8] == 2 && data.pixels[16] == 3);
  CHECK((data.labels != NULL) == (labels_in != NULL));
  if (data.labels)
    CHECK(data.labels[0] == 7 && data.labels[1] == 4 && strcmp(data.labels_in, labels_in) == 0);
  tr_dataset_close(&data);
}

static void refused(tr_ctx *ctx, const char *path, const int64_t shape[3], const char *word) {
  tr_dataset data;
  tr_status status = tr_dataset_open(ctx, path, 3, shape, 0, &data);
  CHECK_ERROR(ctx, status, status == TR_E_IO ? TR_E_IO : TR_E_SHAPE, word);
  tr_dataset_close(&data);
}

static const int64_t two[1] = {2}, column[2] = {2, 1}, wide[2] = {1, 2};
static const int64_t labels[2] = {7, 4};
#define IMAGES(name)                                                                                         \
  { (name), TR_U8, 4, images_shape, images }
#define LABELS(name, n, form)                                                                                \
  { (name), TR_I64, (n), (form), labels }

static void names_of_labels(tr_ctx *ctx) {
  read_two(ctx, archive(ctx, "a.npz", 2, (array[]){IMAGES("images"), LABELS("labels", 1, two)}),
           "'labels' of");
  read_two(ctx, archive(ctx, "a.npz", 2, (array[]){IMAGES("images"), LABELS("label", 1, two)}), "'label' of");
  read_two(ctx, archive(ctx, "a.npz", 2, (array[]){IMAGES("images"), LABELS("labels", 2, column)}),
           "'labels' of");
  read_two(ctx, archive(ctx, "a.npz", 2, (array[]){IMAGES("arr_0"), LABELS("arr_1", 1, two)}), "'arr_1' of");
  read_two(ctx, archive(ctx, "a.npz", 1, (array[]){IMAGES("arr_0")}), NULL);
  CHECK(*warned == 0);
  refused(ctx, archive(ctx, "a.npz", 2, (array[]){IMAGES("images"), LABELS("labels", 2, wide)}), colour,
          "labels holds int64 (1, 2): one label for each of 2 inputs is needed");
}

static void passed_over(tr_ctx *ctx) {
  read_two(
      ctx,
      archive(ctx, "a.npz", 3, (array[]){IMAGES("images"), LABELS("y", 1, two), LABELS("arr_1", 1, two)}),
      NULL);
  CHECK(strstr(warned, "a.npz': not read is y, arr_1"));
  refused(ctx, archive(ctx, "a.npz", 2, (array[]){IMAGES("x_train"), LABELS("y_train", 1, two)}), colour,
          "neither 'images' nor 'latents' (nor 'arr_0'): it holds x_train, y_train");
}

/* 1, -2, 0.5, 65504, of four values each. */
static const uint16_t halves[8] = {0x3c00, 0xc000, 0x3800, 0x7bff, 0x3c00, 0x3c00, 0x3c00, 0x3c00};
static const int64_t half_shape[4] = {2, 1, 2, 2};

static void half_precision(tr_ctx *ctx) {
  double got[4];
  tr_dataset data;
  tr_npy npy;
  const char *const paths[2] = {
      archive(ctx, "h.npz", 2,
              (array[]){{"latents", TR_F16, 4, half_shape, halves}, LABELS("labels", 1, two)}),
      scratch("h.npy")};
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F16, 4, half_shape, halves, &npy));
  CHECK_OK(ctx, tr_npy_save(ctx, paths[1], &npy));
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_dataset_open(ctx, paths[i], 3, latents, 0, &data));
    CHECK_OK(ctx, tr_dataset_values(&data, 0, 1, got));
    CHECK(got[0] == 1 && got[1] == -2 && got[2] == 0.5 && got[3] == 65504);
    /* Which latents may be, and pixels not. */
    CHECK(i == 0 ? !data.trouble[0] : data.trouble[0] && strstr(data.trouble[0], "65504 at element 3"));
    tr_dataset_close(&data);
  }
}

/* Floats under arr_0 are the model's own space. */
static void bare_numbers(tr_ctx *ctx) {
  double values[64];
  tr_dataset data;
  const char *path = archive(ctx, "f.npz", 1, (array[]){{"arr_0", TR_F16, 4, half_shape, halves}});
  CHECK_OK(ctx, tr_dataset_open(ctx, path, 3, latents, 0, &data));
  CHECK_OK(ctx, tr_dataset_values(&data, 0, 1, values));
  CHECK(!data.pixels && values[1] == -2);
  tr_dataset_close(&data);
}

/* What `transit decode` leaves: numbers, and their levels. */
static void decoded(tr_ctx *ctx) {
  static const int64_t shape[4] = {2, 3, 1, 3};
  const float numbers[18] = {0};
  read_two(
      ctx,
      archive(ctx, "d.npz", 3,
              (array[]){{"images", TR_F32, 4, shape, numbers}, IMAGES("arr_0"), LABELS("labels", 1, two)}),
      "'labels' of");
  CHECK(*warned == 0);
}

static void one_image(tr_ctx *ctx) {
  const int64_t shape[3] = {2, 4, 3}, planes[3] = {2, 2, 3};
  refused(ctx, archive(ctx, "o.npz", 1, (array[]){{"images", TR_U8, 3, shape, images}}), colour,
          "images holds uint8 (2, 4, 3), one image: the shape must be (N, H, W, 3), (1, 2, 4, 3) for one");
  tr_dataset data; /* grey ones three wide */
  CHECK_OK(ctx,
           tr_dataset_open(ctx, archive(ctx, "o.npz", 1, (array[]){{"images", TR_U8, 3, planes, images}}), 3,
                           (int64_t[]){1, 2, 3}, 0, &data));
  CHECK(data.n == 2);
  tr_dataset_close(&data);
}

/* Named as anything. */
static void by_content(tr_ctx *ctx) {
  read_two(ctx, archive(ctx, "data.bin", 1, (array[]){IMAGES("images")}), NULL);
  refused(ctx, archive(ctx, "data.npy", 1, (array[]){IMAGES("x")}), colour, "it holds x");
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  tr_ctx_on_warning(ctx, keep, NULL);
  names_of_labels(ctx);
  passed_over(ctx);
  half_precision(ctx);
  bare_numbers(ctx);
  decoded(ctx);
  one_image(ctx);
  by_content(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
