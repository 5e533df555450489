/* What a kind of network is: a module of kind TR_KIND_NETWORK, one file with one const table (or a few files:
 * nets/sit/), and one line in nets/modules.def; one of your own registers the same way, with tr_register
 * (core/module/registry.h; tests/nets/test_register_net.c is one). All that is known about its tensors stands
 * in one list, tr_net_type.entry: loading, checks of shapes, the list of parameters, beginnings and clearing
 * follow.
 */
#ifndef TR_NETS_NETWORK_H
#define TR_NETS_NETWORK_H

#include "core/module/registry.h"
#include "nets/layers/layers.h"
#include "nets/net.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_NETWORK "network"

/* ---- the tensors ---- */

typedef enum {
  TR_ENTRY_LAYER, /* NAME.weight, of this shape, and NAME.bias (shape[0]): y = x W^T + b, W (shape[0], the
                     rest) */
  TR_ENTRY_TABLE, /* NAME, of this shape */
  TR_ENTRY_FIXED, /* the same, never trained; one with TR_START_FILL is made where tensors lack it */
  TR_ENTRY_CONV, /* NAME.weight (out, in, height, width), one of 1 x 1 also stored as (out, in), and NAME.bias
                    (out): a convolution */
  TR_ENTRY_BARE_CONV, /* the same without a bias */
  /* a convolution with a norm of fixed statistics behind it: NAME.conv.weight (out, in, height, width), and
   * NAME.bn.weight, .bias, .running_mean and .running_var (out), eps `scale`; they become one weight and one
   * bias, computed in double. Never trained */
  TR_ENTRY_NORMED_CONV
} tr_entry_kind;

typedef enum {
  TR_START_XAVIER, /* weights uniform in +- sqrt(6 / (in + out)), bias 0 (Glorot and Bengio 2010) */
  TR_START_NORMAL, /* normals times `scale`, bias 0 */
  TR_START_ZERO,
  TR_START_ONE, /* of tables: what a norm multiplies with */
  TR_START_FILL /* what `fill` writes; of tables */
} tr_entry_start;

typedef struct {
  char name[64];
  tr_entry_kind kind;
  int ndim;
  int64_t shape[TR_MAX_DIMS];
  tr_entry_start start; /* how training begins */
  double scale;
  void (*fill)(const void *sizes, double *values);
} tr_net_entry;

/* ---- the sizes ---- */

/* A size, an int at `offset`, or with `of` what follows from sizes. */
typedef struct {
  const char *key;
  size_t offset;
  long (*of)(const void *sizes);
  int absent;        /* the value that means none, or not known: 0 or -1 */
  bool flag;         /* true or false */
  bool recorded;     /* see tr_net_fact */
  const char *param; /* the parameter in the table's info that tells it; NULL: the tensors do */
} tr_net_key;

/* ---- what is asked ---- */

/* What is asked of a backward: passes as a provider is asked for them, or one covector a row, for which
 * passes may have a w of NULL, `covector` makes it, and a wJ of NULL, it is not wanted. f has the bits of the
 * forward. */
typedef struct {
  const tr_drift_passes *passes;
  tr_net_covector covector; /* see nets/net.h */
  tr_net_finished
      finished; /* the same, but for the last call, which is not for the kinds; NULL: not wanted */
  void *user;
  tr_array *f;                     /* NULL: not kept */
  const tr_net_gradient *gradient; /* to add to; NULL: not wanted */
} tr_net_request;

/* For a kind, when nothing more is added to the gradients of this layer and of those behind it in the list of
 * entries; does nothing for a request that is NULL or does not ask. */
TR_API tr_status tr_net_tell_finished(const tr_net_request *request, const tr_layer *layer);

/* Covectors a row of pass k (0: there is no such pass), and the most of all passes; `elements` of all rows of
 * the state together. */
TR_API int64_t tr_net_probes(const tr_net_request *request, int64_t elements, int k);
TR_API int64_t tr_net_most_probes(const tr_net_request *request, int64_t elements);

/* ---- the table ---- */

enum {
  /* forward gives a field of the shape of its states: tr_drift_of_net. A kind without it is loaded, listed
   * and recognised like any other, and the header of its room says what it does (nets/vae/vae.h) */
  TR_NET_FIELD = 1,
  /* Only operations that take arrays that move (core/record/record.h) are given the states, results,
   * covectors and products of a call. Without it a recording has copies of them. */
  TR_NET_MOVES = 2
};

struct tr_net {
  const tr_net_type *type;
  tr_ctx *ctx;
  tr_dtype dtype;
  tr_net_info info;
  void *sizes;
  int n_layers;
  tr_layer *layers;  /* those of the list of entries, in its order */
  tr_params *params; /* NULL: not trained */
  tr_net_storage storage;
  tr_nn_products products; /* of its layers; attention is to be called with it */
  bool recompute;          /* what tr_net_set_recompute was given */
  long n_recomputed;       /* see tr_net_recomputed */
  void *work;              /* the type's own: what `open` makes */
  tr_net_counts counts;
};

struct tr_net_type {
  tr_module info;
  unsigned caps;

  /* How names of its tensors begin ("x_in."), NULL-terminated. The kind that knows most tensors of a
   * checkpoint is asked first. */
  const char *const *beginnings;
  /* OPTIONAL: how names of tensors begin that only training needs, NULL-terminated; they may be there. */
  const char *const *unused;
  /* OPTIONAL: the name that the tensor of this name has in older files, NULL: it has no other. text is room
   * for it. */
  const char *(*older)(const char *name, char *text, size_t size);
  size_t sizes_bytes;
  const tr_net_key *keys; /* key NULL ends them */
  /* Every tensor of a network of these sizes: the i-th entry, false past the last. PyTorch's order. */
  bool (*entry)(const void *sizes, int i, tr_net_entry *out);
  /* OPTIONAL: rows that one sample brings to the i-th entry, a layer: a hint (tr_nn_weight_spec). */
  int64_t (*rows)(const void *sizes, int i);
  /* The sizes that tensors and settings tell, with the tensors checked against `entry` (tr_weights_check);
   * else an error that says which one does not fit. What tensors cannot tell is a parameter in info.params,
   * with a default of NaN unless there is a usual value: the program shows it and asks for it, arguments of
   * that name beside the checkpoint give it. params: their values, whole numbers in their order, in range;
   * NaN: not told. */
  tr_status (*configure)(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                         const double *params, void *sizes);
  tr_status (*check)(tr_ctx *ctx, const void *sizes); /* TR_E_ARG unless these sizes make a network */
  void (*about)(const void *sizes, tr_net_info *out); /* all but `row`; of fields alone, else NULL */
  void (*say)(const void *sizes, char *text, size_t size);
  /* OPTIONAL: weights that `configure` refuses, of a relative that is not this kind: what they seem to be,
   * written into text, which is returned; NULL: nothing is known. */
  const char *(*relative)(const tr_tensors *weights, char *text, size_t size);
  /* OPTIONAL: sizes under a name, and those that it leaves open (tr_net_configure_named); the names,
   * NULL-terminated. */
  const char *const *names;
  tr_status (*named)(tr_ctx *ctx, const char *name, int n, const tr_net_size *given, void *sizes);

  /* OPTIONAL: working memory, when the layers are there; freed by close. */
  tr_status (*open)(tr_net *net);
  void (*close)(tr_net *net);

  /* Of fields, REQUIRED with TR_NET_FIELD. Times, labels, shapes and element types are checked already. */
  tr_status (*forward)(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f);
  /* OPTIONAL: as tr_net_request says. */
  tr_status (*backward)(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                        const tr_net_request *request);
  /* OPTIONAL: Jv = (df/dx) v. */
  tr_status (*jvp)(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond, const tr_array *v,
                   tr_array *Jv);
  /* OPTIONAL: sends times and labels to the device. When they are there, forward, backward and jvp with the
   * same ones send nothing, so that they can be recorded (core/record/record.h), which is done where there is
   * a `send`. */
  tr_status (*send)(tr_net *net, tr_times times, const tr_cond *cond);
  /* OPTIONAL: takes the memory, and sends the labels, for evaluations at states like x with these labels, as
   * tr_drift_reserve says; checked already. */
  tr_status (*reserve)(tr_net *net, const tr_array *x, const tr_cond *cond, int64_t vectors);
  /* OPTIONAL, both or none: see tr_net_set_recompute, and how many forwards of the whole batch a backward
   * then repeats that is asked for this at states x. */
  void (*set_recompute)(tr_net *net, bool recompute);
  long (*repeats)(const tr_net *net, const tr_array *x, const tr_net_request *request);
};

#ifdef __cplusplus
}
#endif

#endif
