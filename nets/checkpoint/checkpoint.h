/* Checkpoints: PyTorch's .pt in both formats (zip since 1.6, and the older stream), with the layout of the
 * SiT training script (model / ema / opt / args) or a bare state dict, and .safetensors. Nothing a file says
 * is executed: the pickle reader knows a closed list of opcodes and names and refuses everything else with
 * the offset. The file is mapped, and tensors point into the mapping: opening costs memory for names and for
 * the pickle's values, not for weights. A file that another program truncates while it is mapped ends this
 * one with SIGBUS, as with every mapping. */
#ifndef TR_NETS_CHECKPOINT_CHECKPOINT_H
#define TR_NETS_CHECKPOINT_CHECKPOINT_H

#include "nets/checkpoint/tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_checkpoint tr_checkpoint;

/* Opens a file (format recognised from its content, not its name) and checks all of its structure. A
 * malformed, truncated or unsafe file is TR_E_IO. The prefixes "module." (DistributedDataParallel) and
 * "_orig_mod." (torch.compile) are taken off tensor names where a whole set has them. */
TR_API tr_status tr_checkpoint_open(tr_ctx *ctx, const char *path, tr_checkpoint **out);
TR_API void tr_checkpoint_close(tr_checkpoint **checkpoint);

/* "pt-zip", "pt-legacy" or "safetensors". */
TR_API const char *tr_checkpoint_format(const tr_checkpoint *checkpoint);

/* Names of the weight sets: "ema", "model" for a training file, "weights" for a bare state dict; NULL past
 * the end. */
TR_API const char *tr_checkpoint_set_name(const tr_checkpoint *checkpoint, int i);
/* One set by name. NULL takes the default: ema if present, else the only or first one. A name the file lacks
 * is TR_E_ARG listing those it has; for a bare state dict both "ema" and "model" mean the only set there is.
 * This is where the data is read for the first time: in a zip archive the CRC-32 of every tensor of the set
 * is checked (TR_E_IO). The tensors live as long as the checkpoint. */
TR_API tr_status tr_checkpoint_weights(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *set,
                                       tr_tensors *out);

/* Arguments of the training run (the file's argparse Namespace) or safetensors metadata: value as text, NULL
 * if absent. Numbers are decimal and read back exactly; None, True and False are spelled so, as in Python;
 * control characters are replaced by '?'. The official script writes model, image_size, num_classes,
 * path_type, prediction, loss_weight, train_eps and sample_eps among others. */
TR_API const char *tr_checkpoint_arg(const tr_checkpoint *checkpoint, const char *name);
/* More arguments from the file `path`, for a checkpoint that does not carry all: one flat JSON object, UTF-8,
 * at most 64 KiB, of names (1 to 255 printable ASCII characters) and texts (at most 4096 bytes), numbers,
 * true, false or null. They join the list, spelled as above: true is True, null is None. A name that is there
 * already must have the same value. A file that is missing, malformed, nested or too large, and two values of
 * one name, are TR_E_IO naming the file and the place, and the arguments are as before. Nothing calls this
 * by itself: a caller says which file it trusts. */
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
