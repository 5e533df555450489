/* A network with random weights and states to try it on, for the tests of SiT networks. */
#ifndef TR_TESTS_SCENE_H
#define TR_TESTS_SCENE_H

#include "nets/sit.h"

typedef struct {
  tr_drift *network;
  tr_array *x, *w; /* random states and covectors */
  double times[64];
  int32_t labels[64];
  int64_t rows, row; /* rows of x, at most 64; elements of a row */
} scene;

/* Sizes that nothing divides nicely: 2 of 3 output channels, patch 3, 9 tokens, width 66. */
extern const tr_sit_config scene_odd;
/* 256 tokens, one block of width 32. */
extern const tr_sit_config scene_large;

void open_scene(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, int64_t rows, scene *s);
void close_scene(scene *s);

/* Times and labels of rows first .. first + n - 1. */
tr_times scene_times(const scene *s, int64_t first, int64_t n);
tr_cond scene_cond(const scene *s, int64_t first, int64_t n);

double scene_dot(const double *a, const double *b, int64_t n);

#endif
