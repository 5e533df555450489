/* Large pictures in tiles, by the rule of diffusers' enable_tiling: tiles begin at multiples of three
 * quarters of their side; where one overlaps that above it, and then that to its left, it is blended linearly
 * with what that one has become by then, over a quarter of a tile; and each gives its first three quarters to
 * the result. */
#include <stdlib.h>
#include <string.h>

#include "nets/vae/vae_private.h"

/* Numbers on the host. */
typedef struct {
  int64_t h, w;
  double *x; /* (channels, h, w) */
} tile;

/* The tiles of a picture, sides in what goes in and in what comes out. */
typedef struct {
  tr_net *net;
  bool encoder;
  int64_t side_in, step_in, step_out, blend;
  int64_t channels, rows, columns; /* that come out; of tiles */
  tile *above, *now;               /* (columns) */
} tiling;

static tiling tiling_of(tr_net *net, int sample_size, bool encoder, const tr_array *x, int64_t channels) {
  const tr_vae_config *c = net->sizes;
  const int64_t latents = sample_size >> (c->levels - 1), in = encoder ? sample_size : latents,
                out = encoder ? latents : sample_size, step = in - in / 4;
  return (tiling){.net = net,
                  .encoder = encoder,
                  .side_in = in,
                  .step_in = step,
                  .step_out = out - out / 4,
                  .blend = out / 4,
                  .channels = channels,
                  .rows = (x->shape[2] + step - 1) / step,
                  .columns = (x->shape[3] + step - 1) / step};
}

bool tr_vae_is_tiled(const tr_vae_config *c, int sample_size, bool encoder, const tr_array *x) {
  const int64_t side = encoder ? sample_size : sample_size >> (c->levels - 1);
  return x->shape[2] > side || x->shape[3] > side;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- one tile ---- */

/* The window of x at row i and column j, (channels, h, w), into `out`; or back. */
static void move(double *x, int64_t channels, int64_t H, int64_t W, int64_t i, int64_t j, const tile *t,
                 int64_t h, int64_t w, bool out) {
  for (int64_t c = 0; c < channels; c++)
    for (int64_t r = 0; r < h; r++) {
      double *whole = x + (c * H + i + r) * W + j, *part = t->x + (c * t->h + r) * t->w;
      memcpy(out ? part : whole, out ? whole : part, (size_t)w * sizeof *part);
    }
}

static tr_status through(const tiling *t, tr_array *x, tr_array *y, const tile *in, tile *out) {
  TR_TRY(tr_array_set_f64(x, in->x));
  TR_TRY(tr_vae_run(t->net, t->encoder, x, y));
  out->h = y->shape[2], out->w = y->shape[3];
  free(out->x);
  out->x = malloc((size_t)y->count * sizeof *out->x);
  return out->x ? tr_array_get_f64(y, out->x) : TR_FAIL(t->net->ctx, TR_E_MEM, "out of memory for a tile");
}

static tr_status run_tile(const tiling *t, int64_t channels_in, const tile *in, tile *out) {
  const tr_vae_config *c = t->net->sizes;
  const int64_t h = tr_vae_extent(c, t->encoder, in->h), w = tr_vae_extent(c, t->encoder, in->w);
  tr_array *x = NULL, *y = NULL;
  if (h < 1 || w < 1)
    return TR_FAIL(t->net->ctx, TR_E_SHAPE,
                   "the last tile has %lld x %lld pixels, fewer than a latent: encode without tiles",
                   (long long)in->h, (long long)in->w);
  tr_status status =
      tr_array_create(t->net->ctx, t->net->dtype, 4, (int64_t[]){1, channels_in, in->h, in->w}, &x);
  if (status == TR_OK)
    status = tr_array_create(t->net->ctx, t->net->dtype, 4, (int64_t[]){1, t->channels, h, w}, &y);
  if (status == TR_OK) status = through(t, x, y, in, out);
  tr_array_destroy(&x), tr_array_destroy(&y);
  return status;
}

/* Blends the beginning of b with the end of a, along rows or columns. */
static void blend(const tiling *t, const tile *a, tile *b, bool down) {
  const int64_t extent = least(least(down ? a->h : a->w, down ? b->h : b->w), t->blend);
  const int64_t h = down ? extent : least(a->h, b->h), w = down ? least(a->w, b->w) : extent;
  const int64_t from = (down ? a->h : a->w) - extent;
  for (int64_t c = 0; c < t->channels; c++)
    for (int64_t i = 0; i < h; i++)
      for (int64_t j = 0; j < w; j++) {
        const double share = (double)(down ? i : j) / (double)extent;
        double *to = b->x + (c * b->h + i) * b->w + j;
        const double end = a->x[(c * a->h + i + (down ? from : 0)) * a->w + j + (down ? 0 : from)];
        *to = end * (1 - share) + *to * share;
      }
}

/* ---- a picture ---- */

typedef struct {
  const tr_array *x;
  tr_array *y;
  double *in, *out; /* their numbers */
} picture;

static tr_status run_at(tiling *t, const picture *p, int64_t i, int64_t j, tile *in) {
  const int64_t *s = p->x->shape, *S = p->y->shape, top = i * t->step_in, left = j * t->step_in;
  tile *now = &t->now[j];
  in->h = least(t->side_in, s[2] - top), in->w = least(t->side_in, s[3] - left);
  move(p->in, s[1], s[2], s[3], top, left, in, in->h, in->w, true);
  TR_TRY(run_tile(t, s[1], in, now));
  if (i > 0) blend(t, &t->above[j], now, true);
  if (j > 0) blend(t, &t->now[j - 1], now, false);
  move(p->out, t->channels, S[2], S[3], i * t->step_out, j * t->step_out, now,
       least(least(t->step_out, now->h), S[2] - i * t->step_out),
       least(least(t->step_out, now->w), S[3] - j * t->step_out), false);
  return TR_OK;
}

static tr_status run_rows(tiling *t, const picture *p, tile *in) {
  for (int64_t i = 0; i < t->rows; i++) {
    for (int64_t j = 0; j < t->columns; j++) TR_TRY(run_at(t, p, i, j, in));
    tile *above = t->above;
    t->above = t->now, t->now = above;
  }
  return TR_OK;
}

static tr_status run_picture(tr_net *net, int sample_size, bool encoder, const picture *p) {
  tiling t = tiling_of(net, sample_size, encoder, p->x, p->y->shape[1]);
  tile *tiles = calloc((size_t)(2 * t.columns), sizeof *tiles);
  tile in = {.x = malloc((size_t)(p->x->shape[1] * t.side_in * t.side_in) * sizeof *in.x)};
  tr_status status = tiles && in.x ? TR_OK : TR_FAIL(net->ctx, TR_E_MEM, "out of memory for tiles");
  t.above = tiles, t.now = tiles ? tiles + t.columns : NULL;
  if (status == TR_OK) status = tr_array_get_f64(p->x, p->in);
  if (status == TR_OK) status = run_rows(&t, p, &in);
  if (status == TR_OK) status = tr_array_set_f64(p->y, p->out);
  for (int64_t j = 0; tiles && j < 2 * t.columns; j++) free(tiles[j].x);
  free(tiles);
  free(in.x);
  return status;
}

tr_status tr_vae_run_tiles(tr_net *net, int sample_size, bool encoder, const tr_array *x, tr_array *y) {
  tr_status status = TR_OK;
  const int64_t n = x->shape[0];
  if (n == 0) return TR_OK;
  double *in = malloc((size_t)(x->count / n) * sizeof *in),
         *out = calloc((size_t)(y->count / n), sizeof *out);
  if (!in || !out) status = TR_FAIL(net->ctx, TR_E_MEM, "out of memory for a picture");
  for (int64_t i = 0; i < n && status == TR_OK; i++) {
    const tr_array one = tr_rows(x, i, 1);
    tr_array to = tr_rows(y, i, 1);
    status = run_picture(net, sample_size, encoder, &(picture){&one, &to, in, out});
  }
  free(in), free(out);
  return status;
}
