/* A SiT checkpoint as the commands use it: the file, the set of weights chosen, the configuration, and what
 * the training arguments say: those in the file, and those of FILE.json beside it, where there is one. */
#ifndef TR_EXPERIMENTS_INPUT_MODEL_H
#define TR_EXPERIMENTS_INPUT_MODEL_H

#include "core/io/sha256.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/sit/sit.h"

typedef struct {
  tr_checkpoint *checkpoint;
  char *args_file; /* FILE.json, or NULL: there is none */
  char args_sha256[TR_SHA256_TEXT];
  const char *set; /* name of the set of weights in use */
  tr_tensors weights;
  tr_sit_config config;
  bool heads_known;
  const char *heads_from; /* "--num-heads", "args num_heads", "args model" */
} model;

/* Opens `path` and the arguments beside it, takes the weights `set` (NULL: the default) and infers the
 * configuration. heads 0: from the args, of which one that is no number of heads is TR_E_IO. With
 * `allow_unknown_heads` a file that does not tell its heads is no error: heads_known is false and
 * config.heads is 0. Close with model_close in any case. */
tr_status model_open(tr_ctx *ctx, const char *path, const char *set, int heads, bool allow_unknown_heads,
                     model *out);
void model_close(model *m);

/* `*name` = the user's choice if not NULL, else the checkpoint's argument `arg` (a module of `kind`) unless
 * it is None or empty, else `fallback`; canonical spelling. */
tr_status model_setting(tr_ctx *ctx, const model *m, const char *kind, const char *arg, const char *fallback,
                        const char **name);

/* One of the classes, or the null class where there is one. */
bool model_has_class(const tr_sit_config *config, long label);

/* Checks labels against the classes of the model (the null class is allowed where there is one) and spreads
 * them over n samples: none given, sample i gets class i mod classes; one given is everybody's; otherwise
 * there must be n. *out is malloc'd. */
tr_status model_labels(tr_ctx *ctx, const tr_sit_config *config, const long *given, int n_given, long n,
                       int32_t **out);

#endif
