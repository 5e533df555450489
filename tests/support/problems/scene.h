/* A network with random weights and states to try it on, for the tests of networks. */
#ifndef TR_TESTS_SCENE_H
#define TR_TESTS_SCENE_H

#include "nets/sit/sit.h"
#include "tests/support/weights.h"

enum { SCENE_ROWS = 700 };

typedef struct {
  tr_drift *network;
  tr_array *x, *w; /* random states and covectors */
  double times[SCENE_ROWS];
  int32_t labels[SCENE_ROWS];
  int64_t rows, row; /* rows of x, at most SCENE_ROWS; elements of a row */
} scene;

/* Sizes that nothing divides nicely: 2 of 3 output channels, patch 3, 9 tokens, width 66. */
extern const tr_sit_config scene_odd;
/* 256 tokens, one block of width 32. */
extern const tr_sit_config scene_large;

void open_scene(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, int64_t rows, scene *s);
/* The same with the MLP of these weights. */
void open_mlp_scene(tr_ctx *ctx, const weights *w, tr_dtype dtype, int64_t rows, scene *s);
void close_scene(scene *s);

/* Times and labels of rows first .. first + n - 1; no labels without classes. */
tr_times scene_times(const scene *s, int64_t first, int64_t n);
tr_cond scene_cond(const scene *s, int64_t first, int64_t n);

double scene_dot(const double *a, const double *b, int64_t n);

#endif
