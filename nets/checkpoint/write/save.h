/* Writing checkpoints: PyTorch's .pt as torch.save writes it (a zip archive with a pickle of dicts, texts,
 * numbers and tensors, which torch.load(weights_only=True) takes), and .safetensors. A file appears whole or
 * not at all, flushed to disk; tensors are streamed from their device. The same content gives the same bytes.
 */
#ifndef TR_NETS_CHECKPOINT_WRITE_SAVE_H
#define TR_NETS_CHECKPOINT_WRITE_SAVE_H

#include "nets/checkpoint/tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor: an array on any device, or one of a checkpoint; the other is NULL. All of it is borrowed. */
typedef struct {
  const char *name; /* UTF-8, 1 character at least */
  const tr_array *array;
  const tr_tensor *tensor;
} tr_saved_tensor;

typedef struct {
  const char *name; /* "model", "ema" */
  int n;
  const tr_saved_tensor *items;
} tr_saved_set;

/* An argument of the training: what the reference's args has, as a plain dict. */
typedef enum { TR_SAVED_NONE, TR_SAVED_BOOL, TR_SAVED_INT, TR_SAVED_REAL, TR_SAVED_TEXT } tr_saved_kind;
typedef struct {
  const char *name; /* UTF-8 */
  tr_saved_kind kind;
  int64_t integer; /* of TR_SAVED_INT, and 0 or 1 of TR_SAVED_BOOL */
  double real;
  const char *text; /* UTF-8 */
} tr_saved_arg;

/* state_dict() of torch.optim.AdamW. */
typedef struct {
  double rate, beta1, beta2, eps, decay;
  int64_t step;                          /* steps taken, 0 to 2^32 - 1 */
  int n;                                 /* parameters, in PyTorch's order; the frozen ones count */
  const tr_saved_tensor *first, *second; /* (n) moments; a parameter with neither has no state yet */
} tr_saved_adamw;

typedef struct {
  int n_sets;
  const tr_saved_set *sets;
  const tr_saved_adamw *adamw; /* under "opt"; NULL: none */
  int n_args;
  const tr_saved_arg *args; /* under "args"; NULL: none */
  bool bare; /* the only set is the whole file, a bare state dict; then neither adamw nor args */
} tr_saved;

/* Writes a .pt. TR_E_ARG for a name that is missing, not UTF-8 or there twice (sets, tensors of a set,
 * arguments; "opt" and "args" are those of the members here), for an array or a tensor that is not whole, an
 * argument of no kind, one moment without the other, a step out of range, or contradictions;
 * TR_E_UNSUPPORTED for a tensor of a foreign type, and for a type that PyTorch lacks; TR_E_IO naming the path
 * (a full disk). */
TR_API tr_status tr_torch_save(tr_ctx *ctx, const char *path, const tr_saved *what);
/* Writes a .safetensors of one set; args become its metadata, as texts, spelled as tr_checkpoint_arg spells
 * them. Errors as of tr_torch_save; no tensor is called "__metadata__". */
TR_API tr_status tr_safetensors_save(tr_ctx *ctx, const char *path, const tr_saved_set *set, int n_args,
                                     const tr_saved_arg *args);

#ifdef __cplusplus
}
#endif

#endif
