/* What the files of the SiT network share. */
#ifndef TR_NETS_SIT_SIT_PRIVATE_H
#define TR_NETS_SIT_SIT_PRIVATE_H

#include "nets/conditions.h"
#include "nets/network.h"

#define TR_SIT_NORM_EPS 1e-6

typedef struct {
  int channels;     /* C of the latents */
  int out_channels; /* C, or 2 C with learn_sigma (the first C are used) */
  int patch;        /* side of a patch */
  int grid;         /* tokens along a side: latents are (C, grid * patch, grid * patch) */
  int grid_width;   /* tokens of a row where they are no square, and grid those of a column; 0: a square */
  int hidden, depth, heads, mlp_hidden;
  int time_frequencies; /* width of the sinusoidal embedding (256) */
  int num_classes;      /* without the null class */
  int null_class;       /* = num_classes when the label table has that row, else -1 */
} tr_sit_config;

/* Tokens of a row, and all of them. */
static inline int tr_sit_columns(const tr_sit_config *c) {
  return c->grid_width ? c->grid_width : c->grid;
}
static inline int64_t tr_sit_tokens(const tr_sit_config *c) {
  return (int64_t)c->grid * tr_sit_columns(c);
}

/* Places in the list of entries: those before the blocks, the layers of a block, those behind the blocks. */
enum { TR_SIT_POSITION, TR_SIT_PATCH, TR_SIT_TIME_1, TR_SIT_TIME_2, TR_SIT_LABELS, TR_SIT_FIRST_BLOCK };
enum {
  TR_SIT_LAYER_QKV,
  TR_SIT_LAYER_PROJ,
  TR_SIT_LAYER_FC1,
  TR_SIT_LAYER_FC2,
  TR_SIT_MODULATES,
  TR_SIT_LAYERS
};
enum { TR_SIT_LAST, TR_SIT_LAST_MODULATES, TR_SIT_BEHIND };

extern const tr_net_type tr_net_sit;

/* What nets/sit/config.c gives the table of nets/sit/sit.c. */
extern const char *const tr_sit_names[];
enum { TR_SIT_NUM_HEADS, TR_SIT_PARAMS };
extern const tr_param tr_sit_params[TR_SIT_PARAMS];
bool tr_sit_entry(const void *sizes, int i, tr_net_entry *out);
int64_t tr_sit_rows(const void *sizes, int i);
tr_status tr_sit_configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           const double *params, void *sizes);
tr_status tr_sit_named(tr_ctx *ctx, const char *name, int n, const tr_net_size *given, void *sizes);
tr_status tr_sit_check(tr_ctx *ctx, const void *sizes);
const char *tr_sit_relative(const tr_tensors *weights, char *text, size_t size); /* nets/sit/relative.c */

/* Layers of the network's list. */
typedef struct {
  tr_layer *qkv, *proj, *fc1, *fc2;
  tr_layer *modulation; /* D -> 6 D: shift, scale, gate of attention; shift, scale, gate of the MLP */
} tr_sit_block;

/* Activations, kept between evaluations, for the longest run of samples and the largest group so far. Those
 * marked P are of the network's product_dtype. */
enum {
  TR_SIT_TOKENS,     /* (run T, D): the residual stream */
  TR_SIT_HIDDEN,     /* P (group T, D): input of a linear layer */
  TR_SIT_WIDE,       /* P (group T, widest layer of a block) */
  TR_SIT_PATCHES,    /* (group T, those of the latents, or what the final layer gives) */
  TR_SIT_EMBEDDING,  /* (run, time_frequencies) */
  TR_SIT_TIME1,      /* (run, D): inside the time MLP */
  TR_SIT_TIME2,      /* (run, D): its result */
  TR_SIT_CONDITION,  /* (run, D): silu(time + label) */
  TR_SIT_MODULATION, /* (2 run, 6 D): of a block, and of what is behind it */
  TR_SIT_BUFFERS
};
typedef struct {
  int64_t samples, group;
  tr_array *buffer[TR_SIT_BUFFERS];
} tr_sit_work;

/* What the backward keeps between calls, for the largest request so far, made by the first. Of every block it
 * keeps the input, and, unless activations are recomputed, the inputs of its layers (slots = depth; else one
 * slot, filled again for every block on the way back). */
enum {
  TR_SIT_KEPT,          /* ((depth + 1) group T, D): what every block was given, and what the last one gave */
  TR_SIT_KEPT_MOD,      /* (depth group, 6 D) */
  TR_SIT_KEPT_LAST_MOD, /* (group, 2 D) */
  TR_SIT_QKV,           /* P (slots group T, 3 D) */
  TR_SIT_ATTENDED,      /* P (slots group T, D): what attention gave */
  TR_SIT_STATS,         /* (slots group heads, T): of attention, with TR_BACKEND_WANTS_STATS */
  TR_SIT_MIDDLE,        /* (slots group T, D): the residual stream between attention and MLP */
  TR_SIT_MLP,           /* P (slots group T, mlp_hidden): what the activation was given */
  TR_SIT_GRADIENT,      /* (probes group T, D): of the residual stream, as many probes as go back together */
  TR_SIT_BACK_HIDDEN,   /* (part group T, D): before a layer behind a norm, for `part` probes at a time */
  TR_SIT_BACK_GATED,    /* P (part group T, D): behind a gated layer */
  TR_SIT_BACK_MIXED,    /* P (part group T, D): behind attention */
  TR_SIT_BACK_WIDE,     /* P (part group T, widest layer of a block) */
  /* For gradients of parameters: */
  TR_SIT_PROJECTED,      /* (slots group T, D): what proj gave, before its gate */
  TR_SIT_MLP_GAVE,       /* (slots group T, D): what fc2 gave, before its gate */
  TR_SIT_BACK_MOD,       /* (group, 6 D) */
  TR_SIT_BACK_CONDITION, /* (group, D) */
  TR_SIT_BACK_TIME2,     /* (group, D) */
  TR_SIT_BACK_TIME1,     /* (group, D) */
  /* Where the caller has no room: */
  TR_SIT_RESULT,   /* (group, state) */
  TR_SIT_COVECTOR, /* (group, state) */
  TR_SIT_BACK_BUFFERS
};
typedef struct {
  int64_t elements[TR_SIT_BACK_BUFFERS];
  tr_array *buffer[TR_SIT_BACK_BUFFERS];
} tr_sit_back_work;

/* Of the Jacobian-vector product, for the largest group so far. */
enum {
  TR_SIT_JVP,         /* (group T, D): of the residual stream */
  TR_SIT_JVP_HIDDEN,  /* P (group T, D) */
  TR_SIT_JVP_WIDE,    /* P (group T, widest layer of a block) */
  TR_SIT_JVP_PATCHES, /* (group T, those of the latents, or what the final layer gives) */
  TR_SIT_JVP_BUFFERS
};
typedef struct {
  int64_t group;
  tr_array *buffer[TR_SIT_JVP_BUFFERS];
} tr_sit_jvp_work;

typedef struct {
  tr_sit_config config;
  tr_dtype dtype, product_dtype; /* see tr_nn_product_dtype */
  tr_nn_products products;
  int64_t tokens; /* T */
  tr_layer *patch, *time1, *time2, *final_modulation, *final;
  tr_layer *position; /* a table (T, D) */
  tr_layer *labels;   /* a table (classes with the null class, D) */
  tr_sit_block *blocks;
  tr_conditions conditions; /* of the evaluation under way */
  tr_sit_work work;
  tr_sit_back_work back;
  tr_sit_jvp_work tangent;
  bool keeps_stats; /* of attention, for its backward */
  bool recompute;   /* activations of a block on the way back */
} tr_sit;

void tr_sit_work_clear(tr_sit_work *work);
void tr_sit_back_work_clear(tr_sit_back_work *work);
void tr_sit_jvp_work_clear(tr_sit_jvp_work *work);

/* f = network at the rows of x, both (N, C, H, W); one time and one label, or one a row; labels->labels is
 * not NULL. */
tr_status tr_sit_forward(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                         tr_array *f);

/* f as tr_sit_forward makes it, bit for bit, wJ = w' df/dx, and the parameters' gradients. */
tr_status tr_sit_backward(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                          const tr_net_request *request);
/* How often all groups then go through the blocks again, where activations are recomputed. */
long tr_sit_repeats(tr_ctx *ctx, const tr_sit *net, const tr_array *x, const tr_net_request *request);

/* Memory for forwards of so many samples, and for backwards at x with so many covectors a row. */
tr_status tr_sit_reserve_forward(tr_ctx *ctx, tr_sit *net, int64_t samples);
tr_status tr_sit_reserve_backward(tr_ctx *ctx, tr_sit *net, const tr_array *x, int64_t probes);

/* Jv = (df/dx) v, of the shape of x. */
tr_status tr_sit_jvp(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                     const tr_array *v, tr_array *Jv);

/* Pieces of the forward that the backward uses, forward.c. Working memory of tr_sit.work must be there.
 */
tr_status tr_sit_provide_work(tr_ctx *ctx, tr_sit *net, int64_t samples, int64_t group);
/* Columns of the widest layer of a block, and of the patches. */
int64_t tr_sit_widest(const tr_sit_config *c);
int64_t tr_sit_patch_columns(const tr_sit_config *c);
/* Groups that the forward takes in one run, in which they share a pass over the conditioning weights; one is
 * enough where it has so many rows. */
enum { TR_SIT_GROUPS_OF_A_RUN = 8, TR_SIT_ROWS_OF_A_RUN = 1 << 16 };
/* Samples of which a layer's rows keep the device busy, at most `samples`; kept: tr_nn_rows_at_once. */
int64_t tr_sit_group(tr_ctx *ctx, const tr_sit *net, int64_t samples, bool kept);
/* y = residual + gate (x W^T + b) */
tr_status tr_sit_apply_gated(const tr_array *x, const tr_layer *layer, tr_nn_columns gate,
                             const tr_array *residual, tr_array *y);
tr_status tr_sit_norm(const tr_array *x, const tr_array *modulation, int64_t shift, int64_t scale,
                      tr_array *y);
/* condition (n, D) = silu(time MLP + label row), of the samples from `first` on; the time MLP has a row for
 * each, or one for all. */
tr_status tr_sit_condition(const tr_sit *net, int64_t first, int64_t n_times, tr_array *condition);
/* Latents to tokens by patches, and back. */
tr_status tr_sit_cut(const tr_sit *net, const tr_array *latents, tr_array *patches);
tr_status tr_sit_join(const tr_sit *net, const tr_array *patches, tr_array *latents);
tr_status tr_sit_embed(const tr_sit *net, const tr_array *x, tr_array *tokens);
/* The input of the layers behind the first norm of a block, or behind the final one: TR_SIT_HIDDEN. */
tr_status tr_sit_first_norm(const tr_sit *net, const tr_array *mod, const tr_array *tokens);
/* y = residual + gate (x W^T + b), normed = norm(y) (1 + scale) + shift by the columns of the modulation from
 * `shift` on. */
tr_status tr_sit_apply_normed(const tr_array *x, const tr_layer *layer, tr_nn_columns gate,
                              const tr_array *residual, tr_array *y, tr_nn_columns shift, tr_array *normed);
/* One block on a group of samples, in place, behind its first norm; then that of what is behind it, whose
 * modulation is `next`; NULL: not wanted. Modulations have one row a sample, or one for all. */
tr_status tr_sit_run_block(const tr_sit *net, const tr_sit_block *block, const tr_array *mod,
                           const tr_array *next, int64_t samples, tr_array *tokens);
/* f, behind the final norm of so many rows. */
tr_status tr_sit_finish(const tr_sit *net, int64_t rows, tr_array *f);

#endif
