/* Options that several commands share, as rows for their tables. `base` is the offset of the struct in the
 * command's values. */
#ifndef TR_EXPERIMENTS_COMMON_OPTIONS_H
#define TR_EXPERIMENTS_COMMON_OPTIONS_H

#include "core/options.h"
#include "transport/interpolant.h"
#include "transport/prediction.h"

/* One option in a few lines reads better than one field a line. */
/* clang-format off */

typedef struct {
  const char *ckpt, *weights, *path_type, *prediction;
  long num_heads;
} model_options;

#define MODEL_OPTION(base, member) .group = "Model", .offset = (base) + offsetof(model_options, member)
/* The file alone; need is TR_OPTION_REQUIRED or 0. */
#define MODEL_FILE_OPTIONS(base, need)                                                                                \
  {MODEL_OPTION(base, ckpt), .name = "ckpt", .type = TR_OPTION_TEXT, .flags = (need), .metavar = "FILE",              \
   .help = "Checkpoint: train.py's .pt, a bare state dict .pt, or .safetensors."},                                    \
  {MODEL_OPTION(base, weights), .name = "weights", .type = TR_OPTION_CHOICE, .choices = "ema,model",                  \
   .default_note = "ema where there is one",                                                                          \
   .help = "Set of weights; for a bare state dict both are the only set."},                                           \
  {MODEL_OPTION(base, num_heads), .name = "num-heads", .type = TR_OPTION_INT, .metavar = "H",                         \
   .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 4096, .default_note = "from the checkpoint's args",        \
   .help = "Attention heads, which weights do not tell; needed where the args do not tell either."}
#define MODEL_OPTIONS(base)                                                                                           \
  MODEL_FILE_OPTIONS(base, TR_OPTION_REQUIRED),                                                                       \
  {MODEL_OPTION(base, path_type), .name = "path-type", .type = TR_OPTION_CHOICE, .kind = TR_KIND_INTERPOLANT,         \
   .metavar = "NAME", .default_note = "from the checkpoint's args, else Linear",                                      \
   .help = "Interpolant that the model was trained with."},                                                           \
  {MODEL_OPTION(base, prediction), .name = "prediction", .type = TR_OPTION_CHOICE, .kind = TR_KIND_PREDICTION,        \
   .metavar = "NAME", .default_note = "from the checkpoint's args, else velocity", .help = "What the model predicts."}

typedef struct {
  double scale;
  const char *channels;
  tr_double_list interval;
} guidance_options;

#define GUIDANCE_OPTION(base, member) .group = "Guidance", .offset = (base) + offsetof(guidance_options, member)
#define GUIDANCE_OPTIONS(base)                                                                                        \
  {GUIDANCE_OPTION(base, scale), .name = "cfg-scale", .type = TR_OPTION_DOUBLE, .flags = TR_OPTION_GE, .low = 0,      \
   .metavar = "X", .default_text = "1",                                                                               \
   .help = "Classifier-free guidance; 1 is none (the reference's sample.py has 4, its sample_ddp.py 1)."},            \
  {GUIDANCE_OPTION(base, channels), .name = "cfg-channels", .type = TR_OPTION_CHOICE, .choices = "all,first3",        \
   .default_text = "all", .help = "Channels that are guided; first3 is the reference's way."},                        \
  {GUIDANCE_OPTION(base, interval), .name = "cfg-interval", .type = TR_OPTION_DOUBLES, .count = 2, .metavar = "A,B",  \
   .flags = TR_OPTION_GE | TR_OPTION_LE | TR_OPTION_INCREASING, .low = 0, .high = 1, .default_note = "always",        \
   .help = "Guide only at times from A to B."}

typedef struct {
  const char *device, *dtype, *out;
  long threads;
} machine_options;

#define MACHINE_OPTION(base, member) .group = "Machine and output", .offset = (base) + offsetof(machine_options, member)
#define MACHINE_OPTIONS(base, out_help) MACHINE_OPTIONS_IN(base, "f32", out_help)
/* With another default of --dtype. */
#define MACHINE_OPTIONS_IN(base, dtype_default, out_help)                                                             \
  {MACHINE_OPTION(base, device), .name = "device", .type = TR_OPTION_TEXT, .metavar = "NAME", .default_text = "cpu",  \
   .help = "cpu, guard (the CPU with locked memory, for tests) or auto."},                                            \
  {MACHINE_OPTION(base, dtype), .name = "dtype", .type = TR_OPTION_CHOICE, .choices = "f32,f64",                      \
   .default_text = dtype_default, .help = "Numbers of network and state."},                                           \
  {MACHINE_OPTION(base, threads), .name = "threads", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE,     \
   .low = 1, .high = 4096, .metavar = "N", .default_note = "all processors",                                          \
   .help = "Threads; the results do not depend on it."},                                                              \
  {MACHINE_OPTION(base, out), .name = "out", .type = TR_OPTION_TEXT, .flags = TR_OPTION_REQUIRED, .metavar = "DIR",   \
   .help = out_help}

/* clang-format on */

#endif
