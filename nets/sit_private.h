/* What the files of the SiT network share. */
#ifndef TR_NETS_SIT_PRIVATE_H
#define TR_NETS_SIT_PRIVATE_H

#include "core/nn.h"
#include "nets/sit.h"

typedef struct {
  tr_nn_weight w;
  tr_array *bias; /* (out) */
} tr_sit_linear;

typedef struct {
  tr_sit_linear modulation; /* D -> 6 D: shift, scale, gate of attention; shift, scale, gate of the MLP */
  tr_sit_linear qkv, proj, fc1, fc2;
} tr_sit_block;

/* Activations, kept between evaluations, for the longest run of samples and the largest group so far. */
enum {
  TR_SIT_TOKENS,     /* (run T, D): the residual stream */
  TR_SIT_HIDDEN,     /* (group T, D): input of a linear layer */
  TR_SIT_WIDE,       /* (group T, widest layer) */
  TR_SIT_EMBEDDING,  /* (run, time_frequencies) */
  TR_SIT_TIME1,      /* (run, D): inside the time MLP */
  TR_SIT_TIME2,      /* (run, D): its result */
  TR_SIT_CONDITION,  /* (run, D): silu(time + label) */
  TR_SIT_MODULATION, /* (run, 6 D) */
  TR_SIT_BUFFERS
};
typedef struct {
  int64_t samples, group;
  tr_array *buffer[TR_SIT_BUFFERS];
} tr_sit_work;

typedef struct {
  tr_sit_config config;
  tr_dtype dtype;
  int64_t tokens; /* T = grid^2 */
  tr_sit_linear patch, time1, time2, final_modulation, final;
  tr_array *position; /* (T, D) */
  tr_array *labels;   /* (classes with the null class, D) */
  tr_sit_block *blocks;
  tr_sit_work work;
} tr_sit;

/* Where weights come from: fills `out` with the tensor of this name. out has the tensor's extents, those
 * behind the first flattened. */
typedef struct tr_sit_source {
  tr_status (*read)(struct tr_sit_source *source, const char *name, tr_array *out);
} tr_sit_source;

/* Fills a network whose config and dtype are set; on failure the caller destroys it. */
tr_status tr_sit_load(tr_ctx *ctx, tr_sit *net, tr_sit_source *source);
void tr_sit_clear(tr_sit *net);
void tr_sit_work_clear(tr_sit_work *work);

/* f = network at the rows of x, both (N, C, H, W); one time and one label, or one a row; labels->labels is
 * not NULL. */
tr_status tr_sit_forward(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                         tr_array *f);

#endif
