#include "core/io/image/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"

#define BITS     22 /* of the fraction of a weight: 8 bits of level and 2 of overshoot are left of 32 */
#define MAX_SIDE ((int64_t)1 << 24)

/* ---- filters ---- */

static double box(double x) {
  return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double bicubic(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

static const struct {
  double (*at)(double x);
  double support;
} filters[] = {[TR_FILTER_BOX] = {box, 0.5}, [TR_FILTER_BICUBIC] = {bicubic, 2}};

/* What one output pixel is made of: n inputs from `first` on. */
typedef struct {
  int64_t first, n;
} window;

typedef struct {
  int64_t n, room;  /* outputs; weights an output has room for */
  window *windows;  /* (n) */
  int32_t *weights; /* (n, room) */
} plan;

static void close_plan(plan *p) {
  free(p->windows);
  free(p->weights);
}

/* The weights of output i, in fixed point. */
static void weigh(const plan *p, int64_t i, double centre, double stretch, tr_image_filter filter,
                  double *weight) {
  const window *w = &p->windows[i];
  double sum = 0;
  for (int64_t k = 0; k < w->n; k++) {
    weight[k] = filters[filter].at(((double)(k + w->first) - centre + 0.5) / stretch);
    sum += weight[k];
  }
  for (int64_t k = 0; k < w->n; k++) {
    const double share = (sum != 0 ? weight[k] / sum : weight[k]) * (1 << BITS);
    p->weights[i * p->room + k] = (int32_t)(share < 0 ? share - 0.5 : share + 0.5);
  }
}

static tr_status make_plan(tr_ctx *ctx, int64_t from, int64_t to, tr_image_filter filter, plan *p) {
  const double scale = (double)from / (double)to, stretch = scale < 1 ? 1 : scale,
               support = filters[filter].support * stretch;
  *p = (plan){.n = to, .room = 2 * (int64_t)ceil(support) + 1};
  p->windows = calloc((size_t)to, sizeof *p->windows);
  p->weights = calloc((size_t)to, (size_t)p->room * sizeof *p->weights);
  double *weight = calloc((size_t)p->room, sizeof *weight);
  const bool there = p->windows && p->weights && weight;
  for (int64_t i = 0; there && i < to; i++) {
    const double centre = ((double)i + 0.5) * scale;
    const int64_t first = (int64_t)fmax(centre - support + 0.5, 0),
                  end = (int64_t)fmin(centre + support + 0.5, (double)from);
    p->windows[i] = (window){first, end - first};
    weigh(p, i, centre, stretch, filter, weight);
  }
  free(weight);
  return there ? TR_OK
               : TR_FAIL(ctx, TR_E_MEM, "out of memory to resize an image to %lld pixels", (long long)to);
}

/* ---- the two passes ---- */

/* Sums of levels times weights fit 32 bits, as in Pillow: weights are 1 together, and below 1.5 without their
 * signs. */
static uint8_t level(int32_t sum) {
  const int32_t rounded = (sum + (1 << (BITS - 1))) >> BITS;
  return (uint8_t)(rounded < 0 ? 0 : rounded > 255 ? 255 : rounded);
}

/* One output pixel of RGB: three sums in step. */
static void mix_rgb(const int32_t *weight, int64_t n, const uint8_t *in, uint8_t *out) {
  int32_t r = 0, g = 0, b = 0;
  for (int64_t k = 0; k < n; k++, in += 3) {
    r += weight[k] * in[0];
    g += weight[k] * in[1];
    b += weight[k] * in[2];
  }
  out[0] = level(r), out[1] = level(g), out[2] = level(b);
}

static void mix_grey(const int32_t *weight, int64_t n, const uint8_t *in, uint8_t *out) {
  int32_t sum = 0;
  for (int64_t k = 0; k < n; k++) sum += weight[k] * in[k];
  *out = level(sum);
}

static void along_rows(const plan *p, const tr_image *in, tr_image *out) {
  const int channels = in->channels;
  for (int64_t y = 0; y < in->height; y++)
    for (int64_t i = 0; i < p->n; i++)
      (channels == 3 ? mix_rgb : mix_grey)(p->weights + i * p->room, p->windows[i].n,
                                           in->pixels + (y * in->width + p->windows[i].first) * channels,
                                           out->pixels + (y * out->width + i) * channels);
}

/* Whole rows at a time: neighbours of a column lie far apart. */
static void along_columns(const plan *p, const tr_image *in, int32_t *sums, tr_image *out) {
  const int64_t row = in->width * in->channels;
  for (int64_t y = 0; y < p->n; y++) {
    const window *w = &p->windows[y];
    memset(sums, 0, (size_t)row * sizeof *sums);
    for (int64_t k = 0; k < w->n; k++) {
      const int32_t weight = p->weights[y * p->room + k];
      const uint8_t *line = in->pixels + (w->first + k) * row;
      for (int64_t x = 0; x < row; x++) sums[x] += weight * line[x];
    }
    for (int64_t x = 0; x < row; x++) out->pixels[y * row + x] = level(sums[x]);
  }
}

static tr_status make_image(tr_ctx *ctx, int64_t height, int64_t width, int channels, tr_image *out) {
  *out = (tr_image){.height = height, .width = width, .channels = channels};
  out->pixels = malloc((size_t)height * (size_t)width * (size_t)channels);
  return out->pixels ? TR_OK
                     : TR_FAIL(ctx, TR_E_MEM, "out of memory for an image of %lld x %lld pixels",
                               (long long)width, (long long)height);
}

static tr_status copy(tr_ctx *ctx, const tr_image *in, tr_image *out) {
  TR_TRY(make_image(ctx, in->height, in->width, in->channels, out));
  memcpy(out->pixels, in->pixels, (size_t)(in->height * in->width * in->channels));
  return TR_OK;
}

/* *out = the image at another width; a copy where it is the same. */
static tr_status set_width(tr_ctx *ctx, const tr_image *in, int64_t width, tr_image_filter filter,
                           tr_image *out) {
  plan p = {0};
  if (width == in->width) return copy(ctx, in, out);
  tr_status status = make_image(ctx, in->height, width, in->channels, out);
  if (status == TR_OK) status = make_plan(ctx, in->width, width, filter, &p);
  if (status == TR_OK) along_rows(&p, in, out);
  close_plan(&p);
  return status;
}

static tr_status set_height(tr_ctx *ctx, const tr_image *in, int64_t height, tr_image_filter filter,
                            tr_image *out) {
  plan p = {0};
  if (height == in->height) return copy(ctx, in, out);
  int32_t *sums = malloc((size_t)(in->width * in->channels) * sizeof *sums);
  tr_status status = sums ? make_image(ctx, height, in->width, in->channels, out)
                          : TR_FAIL(ctx, TR_E_MEM, "out of memory to resize an image");
  if (status == TR_OK) status = make_plan(ctx, in->height, height, filter, &p);
  if (status == TR_OK) along_columns(&p, in, sums, out);
  close_plan(&p);
  free(sums);
  return status;
}

static void drop(tr_image *image) {
  free(image->pixels);
  image->pixels = NULL;
}

static tr_status check(tr_ctx *ctx, const tr_image *image, int64_t height, int64_t width) {
  if (image->height < 1 || image->width < 1 || image->height > MAX_SIDE || image->width > MAX_SIDE ||
      !tr_image_channels(image->channels))
    return TR_FAIL(ctx, TR_E_SHAPE, "an image of %lld x %lld pixels and %d channels cannot be resized",
                   (long long)image->width, (long long)image->height, image->channels);
  if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE)
    return TR_FAIL(ctx, TR_E_ARG, "an image at %lld x %lld pixels: use 1 to %lld", (long long)width,
                   (long long)height, (long long)MAX_SIDE);
  return TR_OK;
}

tr_status tr_image_resize(tr_ctx *ctx, const tr_image *image, int64_t height, int64_t width,
                          tr_image_filter filter, tr_image *out) {
  if (out) *out = (tr_image){0};
  TR_REQUIRE(ctx, image, out);
  TR_REQUIRE(ctx, image->pixels);
  TR_TRY(check(ctx, image, height, width));
  if (filter != TR_FILTER_BOX && filter != TR_FILTER_BICUBIC)
    return TR_FAIL(ctx, TR_E_ARG, "there is no filter %d of images", (int)filter);
  const bool columns_first = height < image->height && image->height - height > 2 * (image->width - width);
  tr_image half = {0};
  tr_status status = columns_first ? set_height(ctx, image, height, filter, &half)
                                   : set_width(ctx, image, width, filter, &half);
  if (status == TR_OK)
    status = columns_first ? set_width(ctx, &half, width, filter, out)
                           : set_height(ctx, &half, height, filter, out);
  drop(&half);
  if (status != TR_OK) drop(out);
  return status;
}

/* ---- the centre crop ---- */

static int64_t shorter(const tr_image *image) {
  return image->height < image->width ? image->height : image->width;
}

/* Resizes in place. */
static tr_status become(tr_ctx *ctx, tr_image *image, int64_t height, int64_t width, tr_image_filter filter) {
  tr_image next;
  TR_TRY(tr_image_resize(ctx, image, height, width, filter, &next));
  drop(image);
  *image = next;
  return TR_OK;
}

static tr_status shrink(tr_ctx *ctx, tr_image *image, int64_t size) {
  while (shorter(image) >= 2 * size)
    TR_TRY(become(ctx, image, image->height / 2, image->width / 2, TR_FILTER_BOX));
  const double scale = (double)size / (double)shorter(image);
  return become(ctx, image, (int64_t)rint((double)image->height * scale),
                (int64_t)rint((double)image->width * scale), TR_FILTER_BICUBIC);
}

static tr_status cut(tr_ctx *ctx, const tr_image *image, int64_t size, tr_image *out) {
  const int64_t top = (image->height - size) / 2, left = (image->width - size) / 2,
                row = size * image->channels;
  TR_TRY(make_image(ctx, size, size, image->channels, out));
  for (int64_t y = 0; y < size; y++)
    memcpy(out->pixels + y * row, image->pixels + ((top + y) * image->width + left) * image->channels,
           (size_t)row);
  return TR_OK;
}

tr_status tr_image_centre_crop(tr_ctx *ctx, const tr_image *image, int64_t size, tr_image *out) {
  if (out) *out = (tr_image){0};
  TR_REQUIRE(ctx, image, out);
  TR_REQUIRE(ctx, image->pixels);
  TR_TRY(check(ctx, image, size, size));
  tr_image now;
  TR_TRY(copy(ctx, image, &now));
  tr_status status = shrink(ctx, &now, size);
  if (status == TR_OK) status = cut(ctx, &now, size, out);
  drop(&now);
  return status;
}
