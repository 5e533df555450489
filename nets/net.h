/* Networks: the sizes of one, found from tensors or given, and the network itself: weights on a device, and
 * what can be asked of it. Which kinds there are is a matter of the registry (kind TR_KIND_NETWORK,
 * nets/network.h); nothing here names one. A network is not a drift provider; tr_drift_of_net makes one of a
 * field network.
 *
 * Gradients go back behind one forward. The memory is that of one group of samples whatever the batch: a
 * group goes forward, its covectors are made from its own result, and it goes back at once; there is no tape.
 */
#ifndef TR_NETS_NET_H
#define TR_NETS_NET_H

#include "core/nn/nn.h"
#include "core/params.h"
#include "nets/checkpoint/tensors.h"
#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_net tr_net;
typedef struct tr_net_type tr_net_type; /* nets/network.h */

/* ---- the sizes of a network ---- */

/* What its states are, as far as it takes states. */
typedef struct {
  int ndim;                       /* of one sample: 1 or 3 */
  int64_t shape[TR_MAX_DIMS - 1]; /* of one sample: (dim), or (C, H, W) */
  int64_t row;                    /* numbers in one sample */
  int num_classes;                /* without the null class; 0: unconditional */
  int null_class;                 /* its label, -1: there is none */
} tr_net_info;
/* The shape of n states: (n, dim) or (n, C, H, W); returns how many dimensions. */
TR_API int tr_net_states(const tr_net_info *info, int64_t n, int64_t shape[TR_MAX_DIMS]);
/* Whether it is one of the classes, or the null class where there is one. */
TR_API bool tr_net_has_class(const tr_net_info *info, long label);

typedef struct {
  const tr_net_type *type;
  tr_net_info info;
  void *sizes; /* the type's own */
} tr_net_config;

/* A whole number under a name: a size of a network, or a parameter of its kind. */
typedef struct {
  const char *key;
  int value;
} tr_net_size;

/* What tensors do not tell. Zeroed: nothing is told. */
typedef struct {
  int num_classes;   /* without the null class; 0: not told */
  int side;          /* of states that are square; 0: not told */
  int height, width; /* of states (C, height, width) where no tensor tells, before all others; 0 */
  int stored_height, stored_width; /* of those that the tensors are for, where they are not square; 0 */
  int image_side;                  /* of the images that the states are, or are latents of; 0: not told */
  const char *model_name;          /* "SiT-S/2"; NULL: not told */
  int n_told;              /* values for parameters of the kind (tr_net_type.info.params), by name; none */
  const tr_net_size *told; /* twice: the last one holds */
  bool open;               /* a size that neither tensors nor these tell stays 0 and is no error */
} tr_net_settings;

/* Recognises the network whose tensors these are, and its sizes. The kinds are tried in the order of how many
 * of the tensors have names like theirs. When none fits, the error is that of the likeliest: TR_E_SHAPE
 * naming the tensor, or TR_E_ARG naming what was told, or was not; TR_E_UNSUPPORTED for weights that seem to
 * be of something else that is known by name. settings NULL: none. tr_net_config_clear in any case. */
TR_API tr_status tr_net_configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                                  tr_net_config *out);
TR_API void tr_net_config_clear(tr_net_config *config);

/* Sizes of a network with a name of its own, such as "SiT-XL/2", and n sizes that the name does not tell,
 * under the keys that `transit inspect --json` prints. TR_E_ARG for an unknown name, and for a size that the
 * name does not leave open or that makes no network. */
TR_API tr_status tr_net_configure_named(tr_ctx *ctx, const char *name, int n, const tr_net_size *sizes,
                                        tr_net_config *out);

/* Sizes one by one, under the same keys: those not given are 0, or absent. An unknown key is TR_E_ARG, sizes
 * that make no network are refused as in tr_net_create. */
TR_API tr_status tr_net_configure_sizes(tr_ctx *ctx, const char *kind, int n, const tr_net_size *sizes,
                                        tr_net_config *out);

/* The name of its kind: "sit". */
TR_API const char *tr_net_config_kind(const tr_net_config *config);
/* The i-th thing that can be said of a network, sizes and what follows from them; false past the last. */
typedef enum { TR_NET_NUMBER, TR_NET_FLAG, TR_NET_NONE } tr_net_value_kind;
typedef struct {
  const char *key;
  tr_net_value_kind kind; /* TR_NET_NONE: there is none, or it is not known */
  long value;             /* as it is stored, also of TR_NET_NONE */
  bool recorded;          /* tells networks apart: run.json has it */
  const char *param;      /* the parameter of the kind that tells it; NULL: the tensors do */
} tr_net_fact;
TR_API bool tr_net_config_fact(const tr_net_config *config, int i, tr_net_fact *out);
/* The value under this key; 0: there is no such key. */
TR_API long tr_net_config_value(const tr_net_config *config, const char *key);
/* In words, a line or two: "MLP, states (2), hidden 4, ...". Returns text. */
TR_API const char *tr_net_config_say(const tr_net_config *config, char *text, size_t size);

/* ---- the network ---- */

/* In what type the weights of layers are kept; biases and tables are always of the network's own. */
typedef enum {
  /* bf16 where the tensor is bf16, which is half the memory of f32 and changes no bit; else, and where
   * parameters are trained, the network's own */
  TR_WEIGHTS_AS_FOUND,
  TR_WEIGHTS_WIDE, /* the network's own */
  TR_WEIGHTS_BF16  /* rounded to bf16 */
} tr_net_storage;

typedef struct {
  tr_dtype dtype; /* f32 or f64: of activations, states and parameters */
  /* TR_NN_BF16, with f32: matrix products of layers and attention have operands in bf16 (core/nn/nn.h),
   * weights are kept in bf16 beside the parameters in f32; `storage` says nothing then. TR_NN_TF32, with f32:
   * their operands may be rounded to TF32; TR_E_UNSUPPORTED where the backend has none */
  tr_nn_products products;
  bool trained; /* keep the parameters as one array (tr_net_params), beside the backend's own weights */
  tr_net_storage storage;
} tr_net_options;

/* A network on the context's device, its weights copied from `weights`, checked finite. Without
 * options->trained every tensor is converted and handed to the backend one at a time: the memory is that of
 * the backend's own form. Destroy with tr_net_destroy. */
TR_API tr_status tr_net_create(tr_ctx *ctx, const tr_net_config *config, const tr_net_options *options,
                               const tr_tensors *weights, tr_net **out);

typedef enum {
  TR_NET_RANDOM, /* for benches and tests: scaled normals everywhere, nothing zero */
  TR_NET_INITIAL /* as training begins, by the kind's own rules (some layers are zero) */
} tr_net_start;
/* The same with weights of their own, addressed by `seed` and the place of a tensor. */
TR_API tr_status tr_net_create_random(tr_ctx *ctx, const tr_net_config *config, const tr_net_options *options,
                                      tr_net_start start, uint64_t seed, tr_net **out);
/* tr_net_configure_named and tr_net_create_random with TR_NET_RANDOM. */
TR_API tr_status tr_net_create_named(tr_ctx *ctx, const char *name, int n, const tr_net_size *sizes,
                                     const tr_net_options *options, uint64_t seed, tr_net **out);
TR_API void tr_net_destroy(tr_net **net); /* frees and sets *net to NULL; NULL is fine */

TR_API const char *tr_net_name(const tr_net *net); /* of its kind: "sit" */
TR_API tr_ctx *tr_net_ctx(const tr_net *net);
TR_API tr_dtype tr_net_dtype(const tr_net *net);
TR_API tr_nn_products tr_net_products(const tr_net *net);
TR_API const tr_net_info *tr_net_info_of(const tr_net *net);
/* The value under a key, as tr_net_config_value. */
TR_API long tr_net_value(const tr_net *net, const char *key);

/* ---- parameters ---- */

/* All of them in PyTorch's order, under the names of checkpoints; fixed tables are frozen. NULL unless the
 * network was made with options.trained. Borrowed. */
TR_API tr_params *tr_net_params(const tr_net *net);
/* After values have changed: makes anew what the backend derived from them. Then forward, gradients and
 * tangents are those of a network made with these values, bit for bit. TR_E_ARG without parameters. */
TR_API tr_status tr_net_refresh(tr_net *net);

/* ---- what can be asked of a field network ---- */

/* f = the field at the rows of x, both (N, ...). Times, labels and shapes are checked as in tr_drift_eval. */
TR_API tr_status tr_net_forward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                                tr_array *f);

enum { TR_GRAD_INPUT = 1, TR_GRAD_PARAMS = 2 };

/* w = dL/df for samples first .. first + n - 1, both (n, ...), from their network result f; a failure
 * ends the backward with its status. */
typedef tr_status (*tr_net_covector)(void *user, int64_t first, const tr_array *f, tr_array *w);

/* The gradients of the parameters from this number on (core/params.h) are what they will be. */
typedef tr_status (*tr_net_finished)(void *user, int from);

typedef struct {
  unsigned want;            /* TR_GRAD_INPUT | TR_GRAD_PARAMS, or one of them */
  const tr_array *w;        /* dL/df, of the shape of x; NULL: `covector` gives it */
  tr_net_covector covector; /* NULL when w is given */
  /* Of the gradients of parameters: called while the last samples go back, with falling numbers, at last with
   * 0, which is all that a network without such knowledge says; a failure ends the backward with its status.
   * NULL: nobody asks. */
  tr_net_finished finished;
  void *user; /* of both */
  /* the network's result, of the shape of x: that of a forward, on a backend with TR_BACKEND_FUSED_BITS bit
   * for bit; may be NULL */
  tr_array *f;
  tr_array *wJ;       /* dL/dx, assigned, of the shape of x; NULL unless TR_GRAD_INPUT is wanted */
  tr_array *gradient; /* of the layout of the parameters (tr_params_like); NULL unless TR_GRAD_PARAMS is */
} tr_net_backward_args;

/* Adds the gradient w' df/dp to `gradient` for every parameter p, and assigns w' df/dx to wJ. Every
 * parameter's gradient is one chain of sums over the samples in their order: a batch cut in pieces, in order,
 * gives the bits of the whole, on any number of threads. After a failure the gradient is of no use. Times,
 * labels and shapes are checked as in tr_drift_eval. TR_E_ARG when the arguments contradict each other, or
 * gradients are wanted of a network without parameters; TR_E_UNSUPPORTED where the network, or the backend,
 * has no backward. */
TR_API tr_status tr_net_backward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                                 const tr_net_backward_args *args);

/* Calls since the network was made, those through its providers included: forwards of any kind, and of them
 * those with products of covectors (each counts) and of vectors. */
typedef struct {
  long n_forward, n_vjp, n_jvp;
} tr_net_counts;
TR_API tr_net_counts tr_net_counted(const tr_net *net);

/* Whether the backward computes the activations again, block by block, instead of keeping them: about a tenth
 * of the memory, the same bits (of f and gradients of parameters with TR_BACKEND_FUSED_BITS), and a repeated
 * forward for each pass of covectors (transport/drift.h; all that tr_drift_vjp or tr_drift_vjp_multi is given
 * are one pass), or for each part of it where the gradients of the pass take more than 64 MiB. Off at first.
 * TR_E_ARG if the network keeps no activations by blocks. */
TR_API tr_status tr_net_set_recompute(tr_net *net, bool recompute);
/* How many such forwards of a whole batch there were; counts elsewhere leave them out. */
TR_API long tr_net_recomputed(const tr_net *net);

/* ---- as a drift provider ---- */

/* A provider that predicts `kind` by the network, with the products that the network has. TR_E_UNSUPPORTED
 * unless it is a field. tr_drift_of_net borrows: the network must outlive the provider. tr_drift_take_net
 * takes it over, also on failure, and sets *net to NULL: tr_drift_destroy destroys it. */
TR_API tr_status tr_drift_of_net(tr_net *net, tr_quantity kind, tr_drift **out);
TR_API tr_status tr_drift_take_net(tr_net **net, tr_quantity kind, tr_drift **out);
/* A network that was trained with a time and a sign of its own: at time t of the provider it is asked at
 *   max(at_noise + (at_data - at_noise) t, 0),
 * and what it gives, and its products, are multiplied by factor. */
typedef struct {
  double at_noise, at_data; /* its times at t = 0 and t = 1 */
  double factor;
} tr_net_clock;
/* Gives the clock to a provider that one of these two has made; { 0, 1, 1 } is what it has at first. TR_E_ARG
 * for another provider, and for values that are not finite. */
TR_API tr_status tr_drift_set_clock(tr_drift *drift, const tr_net_clock *clock);
/* The gradient of the parameters of the network behind such a provider, as by tr_net_backward with
 * TR_GRAD_PARAMS: in the provider's time, and `covector` is given what the provider predicts. There f may be
 * w itself. TR_E_ARG for another provider. */
TR_API tr_status tr_drift_gradient(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                   tr_net_covector covector, void *user, tr_array *gradient);
/* The network behind a provider, NULL: it is not one of these two (a guide or a transfer around one is not).
 */
TR_API tr_net *tr_net_of_drift(const tr_drift *drift);

#ifdef __cplusplus
}
#endif

#endif
