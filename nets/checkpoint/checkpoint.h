/* Checkpoints: PyTorch's .pt in both formats (zip since 1.6, and the older stream), .safetensors, and either
 * in several files by their index. Nothing a file says is executed: the pickle reader runs no code and keeps
 * what it does not know as opaque values. A training file holds sets of weights under keys, such as model and
 * ema, and is searched for all dicts of names and tensors; what is beside them (the optimiser's state, random
 * states, logs) is passed over. The file is mapped, and tensors point into the mapping: opening costs memory
 * for names and for the pickle's values, not for weights, unless they are packed in the archive. A file that
 * another program truncates while it is mapped ends this one with SIGBUS, as with every mapping. */
#ifndef TR_NETS_CHECKPOINT_CHECKPOINT_H
#define TR_NETS_CHECKPOINT_CHECKPOINT_H

#include "nets/checkpoint/tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_checkpoint tr_checkpoint;

/* Opens a file (format recognised from its content, not its name) and checks all of its structure. A
 * malformed, truncated or unsafe file is TR_E_IO, and so is a file that is something else (a web page, a Git
 * LFS pointer, a tar ...), with what to do. Names of tensors are made plain: "_orig_mod." (torch.compile)
 * goes wherever it stands, and a first component that all names of a set share, such as "module." or
 * "model.", goes too, with the counters of a wrapper beside it. */
TR_API tr_status tr_checkpoint_open(tr_ctx *ctx, const char *path, tr_checkpoint **out);
TR_API void tr_checkpoint_close(tr_checkpoint **checkpoint);

/* "pt-zip", "pt-legacy", "safetensors" or "shards". */
TR_API const char *tr_checkpoint_format(const tr_checkpoint *checkpoint);
/* The path of the i-th file that an index names; NULL past the last, and for a checkpoint in one file. */
TR_API const char *tr_checkpoint_shard(const tr_checkpoint *checkpoint, int i);

/* Names of the weight sets, NULL past the end: the keys that lead to them ("ema", "model", "state_dict",
 * "model_ema.module"), or "weights" for a bare state dict. Where networks stand in one set beside others, as
 * in a Lightning file, each of them is one more set, "state_dict.model". */
TR_API const char *tr_checkpoint_set_name(const tr_checkpoint *checkpoint, int i);
/* Why the i-th set cannot be used; NULL: it can. Those that were not asked for are in nobody's way. */
TR_API const char *tr_checkpoint_set_problem(const tr_checkpoint *checkpoint, int i);
/* The i-th of the sets that `asked` may mean, the likeliest first; NULL past the end. asked NULL: what is
 * used without being asked for, an exponential moving average if there is one. "ema" and "model" also mean
 * sets under other names (state_dict_ema; state_dict), and the only set there is. Otherwise `asked` is a name
 * or the last key of one. within not NULL: only the networks within that set. */
TR_API const char *tr_checkpoint_candidate(const tr_checkpoint *checkpoint, const char *asked,
                                           const char *within, int i);
/* The set that is meant (tr_checkpoint_candidate). One that the file lacks is TR_E_ARG listing those it has.
 * This is where the data is read for the first time: in a zip archive the CRC-32 of every tensor of the set
 * is checked, and what is packed is unpacked (TR_E_IO). Tensors that repeat what is stored until they are out
 * of proportion to the file are TR_E_IO. The tensors live as long as the checkpoint. */
TR_API tr_status tr_checkpoint_weights(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *set,
                                       tr_tensors *out);
/* How many entries of a set of this name were passed over, being no tensors or counters of a wrapper, and the
 * name of the first one. */
TR_API int tr_checkpoint_passed_over(const tr_checkpoint *checkpoint, const char *set, const char **first);

/* What torch.optim.AdamW remembered, where the file has its state_dict under "opt": the moments of each
 * parameter, named by its number, "0", "1", ...; frozen ones have none. They live as long as the checkpoint.
 * Without such a state, or with steps that differ from parameter to parameter: TR_E_IO. */
typedef struct {
  int64_t steps; /* taken */
  tr_tensors first, second;
} tr_moments;
TR_API tr_status tr_checkpoint_moments(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_moments *out);

/* Arguments of the training run (the file's args, config, hyper_parameters ...) or safetensors metadata:
 * value as text, NULL if absent. Numbers are decimal and read back exactly; None, True and False are spelled
 * so, as in Python; control characters are replaced by '?'. The official script writes model, image_size,
 * num_classes, path_type, prediction, loss_weight, train_eps and sample_eps among others. */
TR_API const char *tr_checkpoint_arg(const tr_checkpoint *checkpoint, const char *name);
/* More arguments from the file `path`, for a checkpoint that does not carry all: one JSON object, UTF-8, at
 * most 64 KiB, of names (1 to 255 printable ASCII characters) and values; texts have at most 4096 bytes. They
 * join the list, spelled as above: true is True, null is None, arrays and objects are JSON. A name that is
 * there already must have the same value. A file that is missing, malformed or too large, and two values of
 * one name, are TR_E_IO naming the file and the place, and the arguments are as before. Nothing calls this by
 * itself: a caller says which file it trusts. */
TR_API tr_status tr_checkpoint_add_args(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *path);
/* The file that an argument comes from, the checkpoint's own or one that was added; NULL if absent. */
TR_API const char *tr_checkpoint_arg_file(const tr_checkpoint *checkpoint, const char *name);
/* The i-th argument; false past the end. */
TR_API bool tr_checkpoint_arg_at(const tr_checkpoint *checkpoint, int i, const char **name,
                                 const char **value);

#ifdef __cplusplus
}
#endif

#endif
