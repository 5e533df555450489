/* A network with random weights and states to try it on, for the tests of networks. */
#ifndef TR_TESTS_SCENE_H
#define TR_TESTS_SCENE_H

#include "nets/net.h"
#include "tests/support/nets/weights.h"

enum { SCENE_ROWS = 700 };

typedef struct {
  tr_net *net;
  tr_drift *network; /* of the net, a velocity */
  tr_array *x, *w;   /* random states and covectors */
  double times[SCENE_ROWS];
  int32_t labels[SCENE_ROWS];
  int64_t rows, row; /* rows of x, at most SCENE_ROWS; elements of a row */
} scene;

/* A SiT: the keys are those of tr_net_configure_sizes. */
typedef struct {
  int channels, out_channels, patch, grid, hidden, depth, heads, mlp_hidden, time_frequencies, num_classes,
      null_class;
} scene_sizes;

/* Sizes that nothing divides nicely: 2 of 3 output channels, patch 3, 9 tokens, width 66. */
extern const scene_sizes scene_odd;
/* 256 tokens, one block of width 32. */
extern const scene_sizes scene_large;

tr_status scene_configure(tr_ctx *ctx, const scene_sizes *sizes, tr_net_config *out);
void open_scene(tr_ctx *ctx, const scene_sizes *sizes, tr_dtype dtype, int64_t rows, scene *s);
/* The same with the MLP of these weights. */
void open_mlp_scene(tr_ctx *ctx, const weights *w, tr_dtype dtype, int64_t rows, scene *s);
/* The same with parameters to train. */
void open_trained_scene(tr_ctx *ctx, const scene_sizes *sizes, tr_dtype dtype, int64_t rows, scene *s);
void open_trained_mlp_scene(tr_ctx *ctx, const weights *w, tr_dtype dtype, int64_t rows, scene *s);
void close_scene(scene *s);

/* Times and labels of rows first .. first + n - 1; no labels without classes. */
tr_times scene_times(const scene *s, int64_t first, int64_t n);
tr_cond scene_cond(const scene *s, int64_t first, int64_t n);

double scene_dot(const double *a, const double *b, int64_t n);

#endif
