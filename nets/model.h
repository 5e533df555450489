/* A checkpoint as a model: the file, the arguments in FILE.json beside it, the set of weights chosen, the
 * network that they are of, and the path and the prediction that it was trained for. Networks of every
 * registered kind open so; nothing here names one. */
#ifndef TR_NETS_MODEL_H
#define TR_NETS_MODEL_H

#include "core/io/sha256.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/net.h"
#include "transport/path/interpolant.h"
#include "transport/prediction/prediction.h"
#include "transport/sampler/sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zeros are defaults. `told` are parameters of the network's kind that its weights do not tell (`transit list
 * network`). Those that are not among them are taken from the arguments of the same names. */
typedef struct {
  const char
      *weights; /* the set (tr_checkpoint_candidate): "ema", "model", a name; NULL: ema if there is one */
  const char *path_type;  /* NULL: the argument path_type, else "Linear" */
  const char *prediction; /* NULL: the argument prediction, else "velocity" */
  /* "dit": noise predicted at the discrete times 0 to 999, along the path DDPM, unless path_type and
   * prediction say otherwise; "sit". NULL: by the arguments (model_family, or model
   * "DiT-..."). */
  const char *family;
  /* "noise-at-1": the network's t = 1 is the noise and its velocity points there, as REPA's; "noise-at-0".
   * NULL: by the arguments (time_direction, or prediction v along linear or cosine, as REPA has), else
   * noise-at-0. */
  const char *time_direction;
  /* To look at a file only: a size that it does not tell is no error, neither path nor prediction is
   * settled, and weights of no known network are no error: config.type is NULL. Such a model has no field:
   * tr_model_field, tr_model_drift and tr_model_sampler are TR_E_ARG. */
  bool open;
  /* States of (C, height, width) in place of the trained size, for networks whose tables of positions can be
   * made for any size (a SiT: of sines and cosines, counted from 0 by ones as in its code); both 0: as
   * trained, and so is a size that is the trained one. A table that is stored and no such table, states that
   * are no such latents, and sizes that the network cannot take are TR_E_ARG. */
  int height, width;
  /* What the argument model would say ("SiT-XL/2") where there is none; NULL: nothing. */
  const char *model_name;
  int n_told;
  const tr_net_size *told;
  const char *(*told_as)(const char *param); /* how one is given, for messages; NULL: tr_model_options.told */
} tr_model_options;

enum { TR_MODEL_UNKNOWN = 512 };

/* Who told a parameter of the network's kind. */
typedef enum {
  TR_TOLD_OTHERWISE, /* the kind itself, by the model's name, or a default; or nobody */
  TR_TOLD_BY_OPTION, /* tr_model_options.told */
  TR_TOLD_BY_ARG     /* the argument of its name */
} tr_told_by;

typedef struct {
  tr_ctx *ctx;
  tr_checkpoint *checkpoint;
  char *args_file;                  /* FILE.json, or NULL: there is none */
  char args_sha256[TR_SHA256_TEXT]; /* of that */
  const char *set;                  /* name of the set of weights in use */
  tr_tensors weights;
  tr_net_config config;
  tr_told_by told_by[TR_PARAMS_MAX]; /* of the parameters of the network's kind, in their order */
  char unknown[TR_MODEL_UNKNOWN];    /* why config.type is NULL */
  tr_interpolant interpolant; /* with the parameters that arguments tell of this path (tr_model_path_arg) */
  const tr_prediction_type *prediction;
  bool path_assumed, prediction_assumed; /* neither options nor arguments say them */
  const char *family;         /* "dit", or the kind of network, as long as options say nothing else */
  const char *time_direction; /* as in the options, settled; NULL with the family dit */
  tr_net_clock clock;         /* its network's own time and sign */
  int height, width;          /* of the options */
  tr_tensor *without_tables;  /* weights.items where they are of another size; NULL: the checkpoint's */
} tr_model;

/* Opens `path` and the arguments beside it (FILE.json supplies what FILE does not carry), takes a set of
 * weights and finds out what network it is. Modules must be registered (tr_register_all).
 * Damaged files, and arguments that are no such thing, are TR_E_IO naming the file and the argument; weights
 * of no known network TR_E_SHAPE, of one that is no field (TR_NET_FIELD) TR_E_UNSUPPORTED, but for a file
 * that is only looked at; a parameter that nobody tells TR_E_ARG, saying how to give
 * it. What is assumed, passed over or made again is said in a warning each, but for a file that is only
 * looked at. options NULL: all defaults. tr_model_close; networks made of it live on. */
TR_API tr_status tr_model_open(tr_ctx *ctx, const char *path, const tr_model_options *options,
                               tr_model **out);
TR_API void tr_model_close(tr_model **model); /* frees and sets *model to NULL; NULL is fine */

/* Who told this parameter of the network's kind. */
TR_API tr_told_by tr_model_told_by(const tr_model *model, const char *param);

/* The network: tr_net_create with the model's weights. */
TR_API tr_status tr_model_network(const tr_model *model, const tr_net_options *options, tr_net **out);
/* A network of the model as a provider of its prediction, in the time of transit and with the sign that
 * belongs to it (tr_drift_of_net, tr_drift_set_clock): the network is borrowed. */
TR_API tr_status tr_model_field(const tr_model *model, tr_net *net, tr_drift **out);
/* What a word of another training script ("v", "cosine") is called here, for the argument path_type or
 * prediction; any other word is returned as it is. */
TR_API const char *tr_model_word(const char *arg, const char *word);
/* The argument that tells a parameter of the path that was trained along, "path_param_" and its name, written
 * into text, which TR_MODEL_ARG bytes are enough for. Returns text. */
#define TR_MODEL_ARG 80
TR_API const char *tr_model_path_arg(const char *param, char *text, size_t size);
/* The field network in dtype f32 or f64 as a provider of the model's prediction, which owns it
 * (tr_drift_destroy). */
TR_API tr_status tr_model_drift(const tr_model *model, tr_dtype dtype, tr_drift **out);
/* A sampler of the model: the defaults (tr_sampler_defaults) along its own path, with a drift of its own
 * (tr_model_drift), which the caller destroys. */
TR_API tr_status tr_model_sampler(const tr_model *model, tr_dtype dtype, tr_sampler *out);
/* A new array (n, ...) for n >= 0 states of the model, contents undefined. The caller destroys it. */
TR_API tr_status tr_model_states(const tr_model *model, tr_dtype dtype, int64_t n, tr_array **out);

/* Class labels for n samples of a network: none given, sample i gets class i mod classes; one given is
 * everybody's; otherwise there must be n. Labels that it lacks are TR_E_ARG (the null class is allowed where
 * there is one), and so are any for an unconditional network, for which *labels = NULL. `called` names them
 * in messages; NULL: "class label". *labels is malloc'd. */
TR_API tr_status tr_model_labels(tr_ctx *ctx, const tr_net_info *info, const char *called, int n_given,
                                 const long *given, long n, int32_t **labels);

#ifdef __cplusplus
}
#endif

#endif
