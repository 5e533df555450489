/* What the files of the Inception network share. Not for users of the library. */
#ifndef TR_NETS_INCEPTION_INCEPTION_PRIVATE_H
#define TR_NETS_INCEPTION_INCEPTION_PRIVATE_H

#include "nets/inception/inception.h"
#include "nets/network.h"

enum {
  TR_INCEPTION_CONVS = 94,
  TR_INCEPTION_STEPS = 110, /* convolutions and pools, at most */
  TR_INCEPTION_SIDE = 299,  /* of what the network takes */
  TR_INCEPTION_SPATIAL = 7  /* channels of the spatial features */
};

/* Whose first channels the spatial features are: the block, and its first step. */
#define TR_INCEPTION_SPATIAL_BLOCK "Mixed_6d"
#define TR_INCEPTION_SPATIAL_STEP  TR_INCEPTION_SPATIAL_BLOCK ".branch1x1"

/* The sizes that tensors tell. */
typedef struct {
  int width[TR_INCEPTION_CONVS]; /* channels behind each convolution, in the order of the table */
  int classes;
} tr_inception_config;

/* ---- graph.c: the table ---- */

typedef enum { TR_STEP_CONV, TR_STEP_MAX, TR_STEP_MEAN } tr_step_kind;
/* Where activations are: a block's input and output, and two places between. */
typedef enum { TR_PLACE_IN, TR_PLACE_OUT, TR_PLACE_A, TR_PLACE_B, TR_PLACES } tr_place;

typedef struct {
  const char *block, *branch; /* branch NULL: the block is one step, or this one has no tensors */
  tr_step_kind kind;
  tr_place from, to; /* what goes to OUT in turn is put together, channel behind channel */
  int rows, columns; /* of the kernel */
  int stride;        /* 1: padded so that the size stays, or not padded with `bare` */
  bool bare;
} tr_inception_row;

/* The i-th row; NULL past the last. */
const tr_inception_row *tr_inception_row_at(int i);
/* "Mixed_5b.branch1x1", written into text; returns text. */
const char *tr_inception_name(const tr_inception_row *row, char *text, size_t size);

typedef struct {
  int64_t height, width, channels;
} tr_extent;

/* A row with what the sizes make of it. */
typedef struct {
  const tr_inception_row *row;
  int conv;          /* number of the convolution; -1: a pool */
  tr_extent in, out; /* `out` with all channels of the array that is written */
  int64_t first;     /* channel there */
  tr_nn_window window;
  bool ends; /* the last of its block */
} tr_inception_step;

/* All steps, of which there are *n. False: a width is none. */
bool tr_inception_plan(const tr_inception_config *config, tr_inception_step steps[TR_INCEPTION_STEPS],
                       int *n);
/* The channels that the i-th convolution takes. */
int64_t tr_inception_channels(const tr_inception_config *config, int conv);
/* Channels behind the last block, and of the spatial features. */
int64_t tr_inception_features(const tr_inception_config *config);

/* ---- the rest ---- */

/* TR_E_ARG for a network of another kind. */
tr_status tr_inception_check(const tr_net *net);
/* What the type's table has: forward.c. */
tr_status tr_inception_open_work(tr_net *net);
void tr_inception_close_work(tr_net *net);

#endif
