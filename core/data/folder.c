/* Data sets of images in a folder and its sub-folders. */
#include <stdlib.h>
#include <string.h>

#include "core/data/dataset_private.h"
#include "core/data/listing_private.h"
#include "core/io/image/image.h"

static bool is_grey(const tr_image *image) {
  for (int64_t k = 0; k < 3 * image->height * image->width; k++)
    if (image->pixels[k] != image->pixels[k / 3 * 3]) return false;
  return true;
}

/* Bytes (H, W, 3) of file i: grey is r = g = b. What is wrong with it is noted, and no error kept. */
static void read_image(const char *root, tr_dataset *out, int64_t i, tr_image *image) {
  char *whole;
  tr_status status = tr_path_join(out->ctx, root, out->names[i], &whole);
  if (status == TR_OK) {
    status = tr_image_read(out->ctx, whole, 3, out->shape[1], out->shape[2], image);
    free(whole);
  }
  if (status == TR_E_SHAPE)
    tr_dataset_reject(out, i, "%lld x %lld pixels: this model takes %lld x %lld", (long long)image->height,
                      (long long)image->width, (long long)out->shape[1], (long long)out->shape[2]);
  else if (status != TR_OK)
    tr_dataset_reject(out, i, "an error: %s", tr_ctx_error(out->ctx)->message);
  else if (out->shape[0] == 1 && !is_grey(image))
    tr_dataset_reject(out, i, "colours: this model takes one channel, grey");
  if (status != TR_OK) tr_ctx_clear(out->ctx);
}

/* One file into row i; the others are kept whatever is wrong with it. */
static void take(const char *root, tr_dataset *out, int64_t i) {
  tr_image image = {0};
  const int64_t C = out->shape[0], pixels = out->shape[1] * out->shape[2];
  read_image(root, out, i, &image);
  for (int64_t p = 0; p < pixels && !out->trouble[i]; p++)
    for (int64_t c = 0; c < C; c++) out->pixels[(i * C + c) * pixels + p] = image.pixels[p * 3 + c];
  free(image.pixels);
}

static tr_status take_all(tr_listing *l, int64_t limit, tr_dataset *out) {
  int64_t n = limit > 0 && limit < l->n ? limit : l->n;
  out->n = n;
  TR_TRY(tr_dataset_allocate(out, true, l->n_inside > 0));
  if (out->labels) out->labels_in = "the sub-folders of";
  out->names = calloc((size_t)n, sizeof *out->names);
  if (!out->names) return TR_FAIL(l->ctx, TR_E_MEM, "out of memory for %lld names", (long long)n);
  for (int64_t i = 0; i < n; i++) {
    out->names[i] = l->list[i].path;
    l->list[i].path = NULL;
    if (out->labels) out->labels[i] = l->list[i].label;
    take(l->root, out, i);
  }
  return TR_OK;
}

tr_status tr_dataset_open_folder(tr_dataset *out, int64_t limit) {
  TR_TRY(tr_dataset_takes_images(out));
  if (out->shape[0] != 1 && out->shape[0] != 3)
    return TR_FAIL(out->ctx, TR_E_SHAPE,
                   "'%s' holds images, this model takes latents of %lld channels: encode them first",
                   out->path, (long long)out->shape[0]);
  tr_listing l;
  tr_status status = tr_listing_open(out->ctx, out->path, &l);
  if (status == TR_OK) status = take_all(&l, limit, out);
  tr_listing_close(&l);
  return status;
}
