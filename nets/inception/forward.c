/* Pictures forward through the graph, a group of them at a time: just as many as keep the device busy in the
 * last blocks, whose pictures are 8 x 8. */
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "nets/inception/inception_private.h"

/* Working memory for the largest group so far. A block's output is the next one's input: two arrays in turn.
 */
enum { EVEN, ODD, BETWEEN_A, BETWEEN_B, LEVELS, POOLED, BUFFERS };

typedef struct {
  tr_inception_step steps[TR_INCEPTION_STEPS];
  int n;
  int64_t features, classes;
  tr_extent grid, last;      /* of the spatial features; of what is pooled */
  int64_t elements[BUFFERS]; /* of one picture; of LEVELS those of the call at work */
  tr_nn_weight *first_seven; /* takes the spatial features out of their block's channels */
  tr_array *buffer[BUFFERS];
} work;

/* ---- opening ---- */

static int64_t count(const tr_extent *e) {
  return e->height * e->width * e->channels;
}

/* The arrays of the places of a block, of which there have been `blocks`. */
static int buffer_of(tr_place place, int blocks) {
  if (place == TR_PLACE_A) return BETWEEN_A;
  if (place == TR_PLACE_B) return BETWEEN_B;
  return (place == TR_PLACE_IN) == (blocks % 2 == 0) ? EVEN : ODD;
}

static void measure(work *w) {
  const tr_extent start = {TR_INCEPTION_SIDE, TR_INCEPTION_SIDE, 3};
  w->elements[EVEN] = count(&start);
  for (int i = 0, blocks = 0; i < w->n; i++) {
    const tr_inception_step *s = &w->steps[i];
    int64_t *most = &w->elements[buffer_of(s->row->to, blocks)];
    if (count(&s->out) > *most) *most = count(&s->out);
    if (s->ends && strcmp(s->row->block, TR_INCEPTION_SPATIAL_BLOCK) == 0) w->grid = s->out;
    blocks += s->ends;
  }
  w->last = w->steps[w->n - 1].out;
  w->features = w->elements[POOLED] = w->last.channels;
}

/* Ones at the first channels: products with it are the numbers themselves. */
static tr_status make_first_seven(const tr_net *net, work *w) {
  const tr_nn_weight_spec spec = {.out = TR_INCEPTION_SPATIAL,
                                  .in = w->grid.channels,
                                  .storage = net->dtype,
                                  .compute = net->dtype,
                                  .rows = w->grid.height * w->grid.width};
  const int64_t n = spec.out * spec.in;
  double *ones = calloc((size_t)n, sizeof *ones);
  tr_array *values = NULL;
  if (!ones) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for %lld numbers", (long long)n);
  for (int64_t i = 0; i < spec.out; i++) ones[i * spec.in + i] = 1;
  tr_status status = tr_array_create(net->ctx, net->dtype, 2, (int64_t[]){spec.out, spec.in}, &values);
  if (status == TR_OK) status = tr_array_set_f64(values, ones);
  if (status == TR_OK) status = tr_nn_weight_create(net->ctx, &spec, &w->first_seven);
  if (status == TR_OK) status = tr_nn_weight_set(w->first_seven, values);
  tr_array_destroy(&values);
  free(ones);
  return status;
}

tr_status tr_inception_open_work(tr_net *net) {
  work *w = calloc(1, sizeof *w);
  if (!w) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for a network");
  net->work = w;
  if (!tr_inception_plan(net->sizes, w->steps, &w->n))
    return TR_FAIL(net->ctx, TR_E_ARG, "an Inception network with a width of 0");
  w->classes = ((const tr_inception_config *)net->sizes)->classes;
  measure(w);
  return make_first_seven(net, w);
}

void tr_inception_close_work(tr_net *net) {
  work *w = net->work;
  if (!w) return;
  for (int i = 0; i < BUFFERS; i++) tr_array_destroy(&w->buffer[i]);
  tr_nn_weight_destroy(&w->first_seven);
  free(w);
  net->work = NULL;
}

static int64_t spatial_of(const work *w) {
  return w->grid.height * w->grid.width * TR_INCEPTION_SPATIAL;
}

tr_status tr_inception_sizes_of(const tr_net *net, tr_inception_sizes *out) {
  TR_REQUIRE(TR_CTX_OF(net), net, out);
  TR_REQUIRE(net->ctx, net->type);
  TR_TRY(tr_inception_check(net));
  const work *w = net->work;
  *out = (tr_inception_sizes){.features = w->features, .spatial = spatial_of(w), .classes = w->classes};
  return TR_OK;
}

/* ---- a group of pictures ---- */

typedef struct {
  tr_net *net;
  work *w;
  const tr_inception_args *asked;
  int64_t first, n; /* pictures of the call */
  int blocks;       /* done */
} group;

static tr_array picture(const group *g, int buffer, const tr_extent *e) {
  return tr_view(g->w->buffer[buffer], 0, 4, (int64_t[]){g->n, e->height, e->width, e->channels});
}

static tr_status provide(const group *g) {
  work *w = g->w;
  for (int i = 0; i < BUFFERS; i++) {
    const int64_t elements = g->n * w->elements[i];
    if (elements <= (w->buffer[i] ? w->buffer[i]->count : 0)) continue;
    tr_array_destroy(&w->buffer[i]);
    TR_TRY(tr_array_create(g->net->ctx, g->net->dtype, 1, &elements, &w->buffer[i]));
  }
  return TR_OK;
}

/* Bytes as numbers of the network's type, on its device. */
static tr_status upload(const group *g, const uint8_t *levels, tr_array *x) {
  const size_t size = tr_dtype_size(x->dtype);
  void *host = malloc((size_t)x->count * size);
  if (!host) return TR_FAIL(g->net->ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)g->n);
  for (int64_t i = 0; i < x->count; i++)
    if (x->dtype == TR_F64)
      ((double *)host)[i] = levels[i];
    else
      ((float *)host)[i] = levels[i];
  tr_status status = tr_array_upload(x, host);
  free(host);
  return status;
}

/* The pictures of the group at the size and in the range that the network takes. */
static tr_status prepare(const group *g) {
  const tr_inception_args *a = g->asked;
  const tr_extent start = {TR_INCEPTION_SIDE, TR_INCEPTION_SIDE, 3}, given = {a->height, a->width, 3};
  const bool tf = a->preprocess == TR_INCEPTION_TF;
  tr_array x, y = picture(g, EVEN, &start);
  if (a->levels) {
    x = picture(g, LEVELS, &given);
    TR_TRY(upload(g, a->levels + g->first * count(&given), &x));
  } else
    x = tr_rows(a->x, g->first, g->n);
  return tr_nn_resize2d(&(tr_nn_resize2d_args){.x = &x,
                                               .resize = tf ? TR_NN_RESIZE_CORNER : TR_NN_RESIZE_CENTRE,
                                               .scale = tf ? 1 / 128.0 : 2 / 255.0,
                                               .shift = -1,
                                               .y = &y});
}

static tr_status run_step(const group *g, const tr_inception_step *s) {
  tr_array x = picture(g, buffer_of(s->row->from, g->blocks), &s->in),
           y = picture(g, buffer_of(s->row->to, g->blocks), &s->out);
  if (s->conv < 0)
    return tr_nn_pool2d(
        &(tr_nn_pool2d_args){.x = &x,
                             .pool = s->row->kind == TR_STEP_MAX ? TR_NN_POOL_MAX : TR_NN_POOL_MEAN,
                             .window = s->window,
                             .y = &y,
                             .first = s->first});
  const tr_layer *layer = &g->net->layers[s->conv];
  return tr_nn_conv2d(&(tr_nn_conv2d_args){.x = &x,
                                           .w = layer->w,
                                           .window = s->window,
                                           .bias = &layer->bias,
                                           .activation = TR_NN_RELU,
                                           .y = &y,
                                           .first = s->first});
}

/* Rows of the group in a result, as a matrix. */
static tr_array result(const group *g, const tr_array *of, int64_t per_picture) {
  tr_array rows = tr_rows(of, g->first, g->n);
  return tr_view(&rows, 0, 2, (int64_t[]){g->n * per_picture, rows.count / (g->n * per_picture)});
}

static tr_status take_spatial(const group *g, const tr_inception_step *s) {
  const tr_extent *e = &s->out;
  tr_array at = picture(g, buffer_of(TR_PLACE_OUT, g->blocks), e);
  tr_array x = tr_view(&at, 0, 2, (int64_t[]){g->n * e->height * e->width, e->channels}),
           y = result(g, g->asked->spatial, e->height * e->width);
  return tr_nn_linear(&(tr_nn_linear_args){.x = &x, .w = g->w->first_seven, .y = &y});
}

static tr_status end_block(const group *g, const tr_inception_step *s) {
  const tr_inception_args *a = g->asked;
  const char *block = s->row->block;
  if (a->spatial && strcmp(block, TR_INCEPTION_SPATIAL_BLOCK) == 0) TR_TRY(take_spatial(g, s));
  if (!a->behind) return TR_OK;
  tr_array x = picture(g, buffer_of(TR_PLACE_OUT, g->blocks), &s->out);
  return a->behind(a->user, block, g->first, &x);
}

/* Means over the last block's places, and the classes of these. */
static tr_status finish(const group *g) {
  const tr_inception_args *a = g->asked;
  const work *w = g->w;
  const tr_nn_window all = {.size = {(int)w->last.height, (int)w->last.width}, .stride = 1};
  const tr_extent one = {1, 1, w->features};
  const tr_layer *fc = &g->net->layers[TR_INCEPTION_CONVS];
  tr_array x = picture(g, buffer_of(TR_PLACE_IN, g->blocks), &w->last), y = picture(g, POOLED, &one);
  TR_TRY(tr_nn_pool2d(&(tr_nn_pool2d_args){.x = &x, .pool = TR_NN_POOL_MEAN, .window = all, .y = &y}));
  tr_array pooled = tr_view(&y, 0, 2, (int64_t[]){g->n, w->features}), to;
  if (a->pool) {
    to = result(g, a->pool, 1);
    TR_TRY(tr_array_copy(&pooled, &to));
  }
  if (a->logits) {
    to = result(g, a->logits, 1);
    TR_TRY(tr_nn_linear(&(tr_nn_linear_args){.x = &pooled, .w = fc->w, .bias = &fc->bias, .y = &to}));
  }
  if (!a->logits_nobias) return TR_OK;
  to = result(g, a->logits_nobias, 1);
  return tr_nn_linear(&(tr_nn_linear_args){.x = &pooled, .w = fc->w, .y = &to});
}

static tr_status run_group(group *g) {
  TR_TRY(provide(g));
  TR_TRY(prepare(g));
  for (int i = 0; i < g->w->n; i++) {
    const tr_inception_step *s = &g->w->steps[i];
    TR_TRY(run_step(g, s));
    if (!s->ends) continue;
    TR_TRY(end_block(g, s));
    g->blocks++;
  }
  return finish(g);
}

/* ---- a call ---- */

static tr_status check_result(const tr_net *net, const char *name, const tr_array *a, int64_t n,
                              int64_t columns) {
  char got[96];
  if (!a || (a->ctx == net->ctx && a->dtype == net->dtype && a->ndim == 2 && a->shape[0] == n &&
             a->shape[1] == columns))
    return TR_OK;
  return TR_FAIL(net->ctx, TR_E_SHAPE, "%s is %s: %s (%lld, %lld) is needed", name,
                 tr_array_describe(a, got, sizeof got), tr_dtype_name(net->dtype), (long long)n,
                 (long long)columns);
}

static tr_status check_pictures(const tr_net *net, const tr_inception_args *a) {
  const tr_array *x = a->x;
  char got[96];
  if (!a->levels == !a->x)
    return TR_FAIL(net->ctx, TR_E_ARG, "pictures are given as levels or as x, and not as %s",
                   x ? "both" : "neither");
  if (a->n < 0 || a->height < 1 || a->width < 1 || a->height > (1 << 20) || a->width > (1 << 20))
    return TR_FAIL(net->ctx, TR_E_ARG, "%lld pictures of %lld x %lld: sizes are from 1 to 1048576",
                   (long long)a->n, (long long)a->height, (long long)a->width);
  if ((unsigned)a->preprocess > TR_INCEPTION_TORCH)
    return TR_FAIL(net->ctx, TR_E_ARG, "there is no preprocessing %d", (int)a->preprocess);
  if (!x || (x->ctx == net->ctx && x->dtype == net->dtype && x->ndim == 4 && x->shape[0] == a->n &&
             x->shape[1] == a->height && x->shape[2] == a->width && x->shape[3] == 3))
    return TR_OK;
  return TR_FAIL(net->ctx, TR_E_SHAPE, "x is %s: %s (%lld, %lld, %lld, 3) is needed",
                 tr_array_describe(x, got, sizeof got), tr_dtype_name(net->dtype), (long long)a->n,
                 (long long)a->height, (long long)a->width);
}

static tr_status check_call(const tr_net *net, const tr_inception_args *a) {
  const work *w = net->work;
  TR_TRY(check_pictures(net, a));
  TR_TRY(check_result(net, "pool", a->pool, a->n, w->features));
  TR_TRY(check_result(net, "spatial", a->spatial, a->n, spatial_of(w)));
  TR_TRY(check_result(net, "logits", a->logits, a->n, w->classes));
  return check_result(net, "logits_nobias", a->logits_nobias, a->n, w->classes);
}

/* Pictures of a group. */
static int64_t group_size(const tr_net *net, work *w, const tr_inception_args *a) {
  const int64_t rows = w->last.height * w->last.width;
  int64_t elements = 0;
  w->elements[LEVELS] = a->levels ? a->height * a->width * 3 : 0;
  for (int i = 0; i < BUFFERS; i++) elements += w->elements[i];
  const int64_t bytes = elements * (int64_t)tr_dtype_size(net->dtype) / rows;
  const int64_t n = tr_nn_rows_at_once(net->ctx, false, bytes) / rows;
  return n > 1 ? n : 1;
}

tr_status tr_inception_eval(tr_net *net, const tr_inception_args *args) {
  TR_REQUIRE(TR_CTX_OF(net), net, args);
  TR_REQUIRE(net->ctx, net->type);
  TR_TRY(tr_inception_check(net));
  TR_TRY(check_call(net, args));
  const int64_t size = group_size(net, net->work, args);
  net->counts.n_forward++;
  for (int64_t first = 0; first < args->n; first += size) {
    const int64_t left = args->n - first;
    group g = {net, net->work, args, first, left < size ? left : size, 0};
    if (tr_ctx_interrupted(net->ctx))
      return TR_FAIL(net->ctx, TR_E_INTERRUPTED, "interrupted at picture %lld of %lld", (long long)first,
                     (long long)args->n);
    TR_TRY(run_group(&g));
  }
  return TR_OK;
}
