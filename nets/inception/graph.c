/* The graph: which step reads and writes what. A block's steps stand together, in the order in which their
 * results are put side by side. Sources: mseitzer/pytorch-fid inception.py (the blocks that differ from
 * torchvision's), toshas/torch-fidelity feature_extractor_inceptionv3.py. */
#include <stdio.h>
#include <string.h>

#include "nets/inception/inception_private.h"

#define IN  TR_PLACE_IN
#define OUT TR_PLACE_OUT
#define A   TR_PLACE_A
#define B   TR_PLACE_B

#define CONV(block, branch, from, to, rows, columns)                                                         \
  { block, branch, TR_STEP_CONV, from, to, rows, columns, 1, false }
/* Without padding. */
#define BARE(block, branch, from, to, side, stride)                                                          \
  { block, branch, TR_STEP_CONV, from, to, side, side, stride, true }
#define HALVE(block, to)                                                                                     \
  { block, NULL, TR_STEP_MAX, IN, to, 3, 3, 2, true }
#define POOL(block, kind)                                                                                    \
  { block, NULL, kind, IN, A, 3, 3, 1, false }

#define BLOCK_5(name)                                                                                        \
  CONV(name, "branch1x1", IN, OUT, 1, 1), CONV(name, "branch5x5_1", IN, A, 1, 1),                            \
      CONV(name, "branch5x5_2", A, OUT, 5, 5), CONV(name, "branch3x3dbl_1", IN, A, 1, 1),                    \
      CONV(name, "branch3x3dbl_2", A, B, 3, 3), CONV(name, "branch3x3dbl_3", B, OUT, 3, 3),                  \
      POOL(name, TR_STEP_MEAN), CONV(name, "branch_pool", A, OUT, 1, 1)

#define BLOCK_6(name)                                                                                        \
  CONV(name, "branch1x1", IN, OUT, 1, 1), CONV(name, "branch7x7_1", IN, A, 1, 1),                            \
      CONV(name, "branch7x7_2", A, B, 1, 7), CONV(name, "branch7x7_3", B, OUT, 7, 1),                        \
      CONV(name, "branch7x7dbl_1", IN, A, 1, 1), CONV(name, "branch7x7dbl_2", A, B, 7, 1),                   \
      CONV(name, "branch7x7dbl_3", B, A, 1, 7), CONV(name, "branch7x7dbl_4", A, B, 7, 1),                    \
      CONV(name, "branch7x7dbl_5", B, OUT, 1, 7), POOL(name, TR_STEP_MEAN),                                  \
      CONV(name, "branch_pool", A, OUT, 1, 1)

#define BLOCK_7(name, pool)                                                                                  \
  CONV(name, "branch1x1", IN, OUT, 1, 1), CONV(name, "branch3x3_1", IN, A, 1, 1),                            \
      CONV(name, "branch3x3_2a", A, OUT, 1, 3), CONV(name, "branch3x3_2b", A, OUT, 3, 1),                    \
      CONV(name, "branch3x3dbl_1", IN, A, 1, 1), CONV(name, "branch3x3dbl_2", A, B, 3, 3),                   \
      CONV(name, "branch3x3dbl_3a", B, OUT, 1, 3), CONV(name, "branch3x3dbl_3b", B, OUT, 3, 1),              \
      POOL(name, pool), CONV(name, "branch_pool", A, OUT, 1, 1)

static const tr_inception_row rows[] = {
    BARE("Conv2d_1a_3x3", NULL, IN, OUT, 3, 2),
    BARE("Conv2d_2a_3x3", NULL, IN, OUT, 3, 1),
    CONV("Conv2d_2b_3x3", NULL, IN, OUT, 3, 3),
    HALVE("pool_1", OUT),
    BARE("Conv2d_3b_1x1", NULL, IN, OUT, 1, 1),
    BARE("Conv2d_4a_3x3", NULL, IN, OUT, 3, 1),
    HALVE("pool_2", OUT),
    BLOCK_5("Mixed_5b"),
    BLOCK_5("Mixed_5c"),
    BLOCK_5("Mixed_5d"),
    BARE("Mixed_6a", "branch3x3", IN, OUT, 3, 2),
    CONV("Mixed_6a", "branch3x3dbl_1", IN, A, 1, 1),
    CONV("Mixed_6a", "branch3x3dbl_2", A, B, 3, 3),
    BARE("Mixed_6a", "branch3x3dbl_3", B, OUT, 3, 2),
    HALVE("Mixed_6a", OUT),
    BLOCK_6("Mixed_6b"),
    BLOCK_6("Mixed_6c"),
    BLOCK_6("Mixed_6d"),
    BLOCK_6("Mixed_6e"),
    CONV("Mixed_7a", "branch3x3_1", IN, A, 1, 1),
    BARE("Mixed_7a", "branch3x3_2", A, OUT, 3, 2),
    CONV("Mixed_7a", "branch7x7x3_1", IN, A, 1, 1),
    CONV("Mixed_7a", "branch7x7x3_2", A, B, 1, 7),
    CONV("Mixed_7a", "branch7x7x3_3", B, A, 7, 1),
    BARE("Mixed_7a", "branch7x7x3_4", A, OUT, 3, 2),
    HALVE("Mixed_7a", OUT),
    BLOCK_7("Mixed_7b", TR_STEP_MEAN),
    BLOCK_7("Mixed_7c", TR_STEP_MAX),
};
enum { ROWS = sizeof rows / sizeof *rows };

const tr_inception_row *tr_inception_row_at(int i) {
  return i >= 0 && i < ROWS ? &rows[i] : NULL;
}

const char *tr_inception_name(const tr_inception_row *row, char *text, size_t size) {
  snprintf(text, size, "%s%s%s", row->block, row->branch ? "." : "", row->branch ? row->branch : "");
  return text;
}

static tr_nn_window window_of(const tr_inception_row *row) {
  tr_nn_window w = {.size = {row->rows, row->columns}, .stride = row->stride};
  for (int axis = 0; axis < 2 && !row->bare; axis++) w.before[axis] = w.after[axis] = w.size[axis] / 2;
  return w;
}

/* The channels of a block's output are known behind its last step. */
static void end_block(tr_inception_step *steps, int n, int64_t channels) {
  steps[n - 1].ends = true;
  for (int i = n - 1; i >= 0 && strcmp(steps[i].row->block, steps[n - 1].row->block) == 0; i--)
    if (steps[i].row->to == OUT) steps[i].out.channels = channels;
}

/* `at`: the extents of the four places, of OUT with the channels so far. */
static bool plan_step(const tr_inception_config *config, tr_extent at[TR_PLACES], tr_inception_step *s) {
  const tr_inception_row *row = s->row;
  s->in = at[row->from];
  s->window = window_of(row);
  const int64_t channels = s->conv < 0 ? s->in.channels : config->width[s->conv];
  s->first = row->to == OUT ? at[OUT].channels : 0;
  s->out = (tr_extent){tr_nn_window_extent(&s->window, 0, s->in.height),
                       tr_nn_window_extent(&s->window, 1, s->in.width), s->first + channels};
  at[row->to] = s->out;
  return channels > 0;
}

bool tr_inception_plan(const tr_inception_config *config, tr_inception_step steps[TR_INCEPTION_STEPS],
                       int *n) {
  tr_extent at[TR_PLACES] = {[IN] = {TR_INCEPTION_SIDE, TR_INCEPTION_SIDE, 3}};
  int conv = 0;
  _Static_assert((int)ROWS <= (int)TR_INCEPTION_STEPS, "room for all steps");
  for (*n = 0; *n < ROWS; ++*n) {
    tr_inception_step *s = &steps[*n];
    *s = (tr_inception_step){.row = &rows[*n], .conv = rows[*n].kind == TR_STEP_CONV ? conv++ : -1};
    if (!plan_step(config, at, s)) return false;
    if (*n + 1 < ROWS && strcmp(rows[*n + 1].block, rows[*n].block) == 0) continue;
    end_block(steps, *n + 1, at[OUT].channels);
    at[IN] = at[OUT];
    at[OUT] = (tr_extent){0};
  }
  return true;
}

int64_t tr_inception_channels(const tr_inception_config *config, int conv) {
  tr_inception_step steps[TR_INCEPTION_STEPS];
  int n;
  if (!tr_inception_plan(config, steps, &n)) return 0;
  for (int i = 0; i < n; i++)
    if (steps[i].conv == conv) return steps[i].in.channels;
  return 0;
}

int64_t tr_inception_features(const tr_inception_config *config) {
  tr_inception_step steps[TR_INCEPTION_STEPS];
  int n;
  return tr_inception_plan(config, steps, &n) ? steps[n - 1].out.channels : 0;
}
