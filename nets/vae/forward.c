/* One half of an autoencoder on a batch of pictures. */
#include <stdlib.h>

#include "core/require_private.h"
#include "nets/vae/vae_private.h"

/* A group of pictures on its way. */
typedef struct {
  tr_net *net;
  tr_vae_work *work;
  const tr_vae_unit *unit; /* the one at work */
  int groups;
  int64_t n, h, w, c;   /* of what is in the slot `now` */
  int now, then, third; /* slots: of the unit's input, and the other two */
  bool plans;           /* nothing is computed: `need` becomes the elements of each slot */
  int64_t need[TR_VAE_SLOTS];
} flow;

/* ---- places ---- */

/* The front of a slot as n pictures; empty while it plans. */
static tr_array place_of(flow *f, int slot, int64_t n, int64_t h, int64_t w, int64_t c) {
  const int64_t elements = n * h * w * c;
  if (f->plans) {
    if (elements > f->need[slot]) f->need[slot] = elements;
    return (tr_array){0};
  }
  return tr_view(f->work->slot[slot], 0, 4, (int64_t[]){n, h, w, c});
}

static tr_array place(flow *f, int slot, int64_t h, int64_t w, int64_t c) {
  return place_of(f, slot, f->n, h, w, c);
}

static tr_array given(flow *f) {
  return place(f, f->now, f->h, f->w, f->c);
}

/* What lies in the second slot is the next unit's input. */
static void turn(flow *f, int64_t h, int64_t w, int64_t c) {
  const int now = f->now;
  f->now = f->then, f->then = now;
  f->h = h, f->w = w, f->c = c;
}

static const tr_layer *layer(const flow *f, int part) {
  return &f->net->layers[f->unit->entry + part];
}

/* ---- steps ---- */

static const tr_nn_window keeps = {.size = {3, 3}, .stride = 1, .before = {1, 1}, .after = {1, 1}},
                          halves = {.size = {3, 3}, .stride = 2, .after = {1, 1}},
                          point = {.size = {1, 1}, .stride = 1};

/* What stands before a convolution. */
typedef struct {
  const tr_array *affine; /* NULL: nothing */
  tr_nn_activation pre;
} prologue;
static const prologue nothing = {0};

static tr_status convolve(const flow *f, int part, const tr_nn_window *window, const tr_array *x,
                          prologue before, const tr_array *residual, tr_array *y, int64_t first) {
  if (f->plans) return TR_OK;
  const tr_layer *of = layer(f, part);
  return tr_nn_conv2d(&(tr_nn_conv2d_args){.x = x,
                                           .affine = before.affine,
                                           .pre = before.pre,
                                           .doubled = f->unit->kind == TR_VAE_UP,
                                           .w = of->w,
                                           .window = *window,
                                           .bias = tr_layer_bias(of),
                                           .residual = residual,
                                           .y = y,
                                           .first = first});
}

/* The norm whose gamma and beta are at `part`, of x. */
static tr_status norm(flow *f, int part, int64_t channels, const tr_array *x, tr_array *affine) {
  *affine = place(f, TR_VAE_AFFINE, 1, 2, channels);
  if (f->plans) return TR_OK;
  const tr_array gamma = tr_view(&layer(f, part)->table, 0, 1, &channels),
                 beta = tr_view(&layer(f, part + 1)->table, 0, 1, &channels);
  *affine = tr_view(affine, 0, 3, (int64_t[]){f->n, 2, channels});
  return tr_nn_group_norm(&(tr_nn_group_norm_args){
      .x = x, .groups = f->groups, .gamma = &gamma, .beta = &beta, .eps = TR_VAE_NORM_EPS, .affine = affine});
}

/* ---- units ---- */

enum { STRIP_LINES = 32 }; /* of a shortcut at a time */

static tr_status run_conv(flow *f) {
  const tr_vae_unit *u = f->unit;
  const bool up = u->kind == TR_VAE_UP;
  const tr_nn_window *window = u->kind == TR_VAE_DOWN ? &halves : u->side == 1 ? &point : &keeps;
  const int64_t h = tr_nn_window_extent(window, 0, up ? 2 * f->h : f->h),
                w = tr_nn_window_extent(window, 1, up ? 2 * f->w : f->w);
  tr_array x = given(f), y = place(f, f->then, h, w, u->out);
  TR_TRY(convolve(f, 0, window, &x, nothing, NULL, &y, 0));
  turn(f, h, w, u->out);
  return TR_OK;
}

/* The shortcut of x where it has fewer channels than x: strip by strip through the third slot to the front of
 * x's own, where only strips lie that were read. As a whole that slot would be an activation more. */
static tr_status narrow(flow *f) {
  const tr_vae_unit *u = f->unit;
  const int64_t lines = f->n * f->h, of = lines < STRIP_LINES ? lines : STRIP_LINES, w = f->w;
  tr_array strip = place_of(f, f->third, 1, of, w, u->out);
  for (int64_t first = 0; first < lines && !f->plans; first += of) {
    const int64_t k = lines - first < of ? lines - first : of;
    const tr_array *slot = f->work->slot[f->now];
    const tr_array x = tr_view(slot, first * w * u->in, 4, (int64_t[]){1, k, w, u->in});
    tr_array y = tr_view(&strip, 0, 4, (int64_t[]){1, k, w, u->out});
    tr_array front = tr_view(slot, first * w * u->out, 4, y.shape);
    TR_TRY(convolve(f, TR_VAE_SHORTCUT, &point, &x, nothing, NULL, &y, 0));
    TR_TRY(tr_array_copy(&y, &front));
  }
  f->c = u->out;
  return TR_OK;
}

static tr_status widen(flow *f, const tr_array *x) {
  const tr_vae_unit *u = f->unit;
  const int now = f->now;
  tr_array shortcut = place(f, f->third, f->h, f->w, u->out);
  TR_TRY(convolve(f, TR_VAE_SHORTCUT, &point, x, nothing, NULL, &shortcut, 0));
  f->now = f->third, f->third = now;
  f->c = u->out;
  return TR_OK;
}

/* In the place of x, unless its channels become more. */
static tr_status run_resnet(flow *f) {
  const tr_vae_unit *u = f->unit;
  tr_array x = given(f), hidden = place(f, f->then, f->h, f->w, u->out), affine;
  TR_TRY(norm(f, TR_VAE_NORM1, u->in, &x, &affine));
  TR_TRY(convolve(f, TR_VAE_CONV1, &keeps, &x, (prologue){&affine, TR_NN_SILU}, NULL, &hidden, 0));
  if (u->out < u->in) TR_TRY(narrow(f));
  if (u->out > u->in) TR_TRY(widen(f, &x));
  tr_array y = given(f);
  TR_TRY(norm(f, TR_VAE_NORM2, u->out, &hidden, &affine));
  return convolve(f, TR_VAE_CONV2, &keeps, &hidden, (prologue){&affine, TR_NN_SILU}, &y, &y, 0);
}

static tr_status attend(flow *f, const tr_array *qkv, const tr_array *y) {
  const int64_t rows = f->n * f->h * f->w;
  if (f->plans) return TR_OK;
  const tr_array all = tr_view(qkv, 0, 2, (int64_t[]){rows, 3 * f->c});
  tr_array to = tr_view(y, 0, 2, (int64_t[]){rows, f->c});
  return tr_nn_attention(&(tr_nn_attention_args){
      .qkv = &all, .samples = f->n, .heads = 1, .products = f->net->products, .y = &to});
}

static tr_status run_attention(flow *f) {
  tr_array x = given(f), qkv = place(f, f->then, f->h, f->w, 3 * f->c),
           mixed = place(f, f->third, f->h, f->w, f->c), affine;
  TR_TRY(norm(f, 0, f->c, &x, &affine));
  for (int k = TR_VAE_Q; k <= TR_VAE_V; k++)
    TR_TRY(
        convolve(f, k, &point, &x, (prologue){&affine, TR_NN_IDENTITY}, NULL, &qkv, (k - TR_VAE_Q) * f->c));
  TR_TRY(attend(f, &qkv, &mixed));
  return convolve(f, TR_VAE_TO_OUT, &point, &mixed, nothing, &x, &x, 0);
}

static tr_status run_last(flow *f) {
  const tr_vae_unit *u = f->unit;
  tr_array x = given(f), y = place(f, f->then, f->h, f->w, u->out), affine;
  TR_TRY(norm(f, 0, f->c, &x, &affine));
  TR_TRY(convolve(f, TR_VAE_CONV_OUT, &keeps, &x, (prologue){&affine, TR_NN_SILU}, NULL, &y, 0));
  turn(f, f->h, f->w, u->out);
  return TR_OK;
}

static tr_status run_unit(flow *f) {
  static tr_status (*const run[])(flow *) = {
      [TR_VAE_CONV] = run_conv, [TR_VAE_RESNET] = run_resnet, [TR_VAE_ATTENTION] = run_attention,
      [TR_VAE_DOWN] = run_conv, [TR_VAE_UP] = run_conv,       [TR_VAE_LAST] = run_last};
  return run[f->unit->kind](f);
}

/* ---- a group ---- */

/* A flow of n pictures into one half. */
static flow begin(tr_net *net, int64_t n, const tr_array *x, bool plans) {
  const tr_vae_config *c = net->sizes;
  return (flow){.net = net,
                .work = net->work,
                .groups = c->groups,
                .n = n,
                .h = x->shape[2],
                .w = x->shape[3],
                .c = x->shape[1],
                .now = TR_VAE_FIRST,
                .then = TR_VAE_SECOND,
                .third = TR_VAE_THIRD,
                .plans = plans};
}

static tr_status go_through(flow *f, bool encoder) {
  const tr_vae_plan *plan = &f->work->plan;
  for (int i = encoder ? 0 : plan->encoder; i < (encoder ? plan->encoder : plan->n); i++) {
    if (!f->plans && tr_ctx_interrupted(f->net->ctx))
      return TR_FAIL(f->net->ctx, TR_E_INTERRUPTED, "interrupted within the autoencoder");
    f->unit = &plan->unit[i];
    TR_TRY(run_unit(f));
  }
  return TR_OK;
}

static tr_status provide(const flow *f) {
  tr_vae_work *work = f->work;
  for (int i = 0; i < TR_VAE_SLOTS; i++) {
    if (f->need[i] <= (work->slot[i] ? work->slot[i]->count : 0)) continue;
    tr_array_destroy(&work->slot[i]);
    TR_TRY(tr_array_create(f->net->ctx, f->net->dtype, 1, &f->need[i], &work->slot[i]));
  }
  return TR_OK;
}

/* Pictures that keep the device busy, of the n there are: their pixels are rows. */
static int64_t at_once(const flow *one, int64_t n, int64_t pixels) {
  int64_t elements = 0;
  for (int i = 0; i < TR_VAE_SLOTS; i++) elements += one->need[i];
  const int64_t bytes = elements * (int64_t)tr_dtype_size(one->net->dtype) / pixels;
  const int64_t rows = tr_nn_rows_at_once(one->net->ctx, false, bytes), most = rows / pixels;
  return most < 1 ? 1 : most < n ? most : n;
}

static tr_status run_group(tr_net *net, bool encoder, const tr_array *x, tr_array *y) {
  flow f = begin(net, x->shape[0], x, false);
  tr_array first = given(&f);
  first = tr_view(&first, 0, 2, (int64_t[]){f.n * f.h * f.w, f.c});
  TR_TRY(tr_nn_patchify(&(tr_nn_patchify_args){.latents = x, .patch = 1, .tokens = &first}));
  TR_TRY(go_through(&f, encoder));
  tr_array last = given(&f);
  last = tr_view(&last, 0, 2, (int64_t[]){f.n * f.h * f.w, f.c});
  return tr_nn_unpatchify(&(tr_nn_unpatchify_args){.tokens = &last, .patch = 1, .latents = y});
}

tr_status tr_vae_run(tr_net *net, bool encoder, const tr_array *x, tr_array *y) {
  const int64_t n = x->shape[0];
  const tr_array *pixels = encoder ? x : y;
  if (n == 0) return TR_OK;
  flow plan = begin(net, 1, x, true);
  given(&plan);
  TR_TRY(go_through(&plan, encoder));
  const int64_t group = at_once(&plan, n, pixels->shape[2] * pixels->shape[3]);
  for (int i = 0; i < TR_VAE_SLOTS; i++) plan.need[i] *= group;
  TR_TRY(provide(&plan));
  for (int64_t first = 0; first < n; first += group) {
    const int64_t rows = n - first < group ? n - first : group;
    const tr_array part = tr_rows(x, first, rows);
    tr_array to = tr_rows(y, first, rows);
    TR_TRY(run_group(net, encoder, &part, &to));
  }
  return TR_OK;
}

int64_t tr_vae_extent(const tr_vae_config *c, bool encoder, int64_t extent) {
  for (int i = 1; i < c->levels; i++) extent = encoder ? tr_nn_window_extent(&halves, 0, extent) : 2 * extent;
  return extent;
}

tr_status tr_vae_open_work(tr_net *net) {
  tr_vae_work *work = net->work = calloc(1, sizeof *work);
  if (!work) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for an autoencoder");
  tr_vae_make_plan(net->sizes, &work->plan);
  return TR_OK;
}

void tr_vae_close_work(tr_net *net) {
  tr_vae_work *work = net->work;
  for (int i = 0; i < TR_VAE_SLOTS; i++) tr_array_destroy(&work->slot[i]);
  free(work);
}
