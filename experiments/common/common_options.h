/* Options that several commands share, as rows for their tables. `base` is the offset of the struct in the
 * command's values. */
#ifndef TR_EXPERIMENTS_COMMON_COMMON_OPTIONS_H
#define TR_EXPERIMENTS_COMMON_COMMON_OPTIONS_H

#include "core/options/options.h"
#include "nets/network.h"
#include "transport/grid/grid.h"
#include "transport/guidance.h"
#include "transport/path/interpolant.h"
#include "transport/prediction/prediction.h"
#include "transport/trace/trace.h"

/* One option in a few lines reads better than one field a line. */
/* clang-format off */

/* "SiT's code" in the help of a command, said once there. */
#define SIT_CODE "SiT's code is that of https://github.com/willisma/SiT."

/* The seed of a run; `...`: offset, group, help. */
#define SEED_OPTION(...)                                                                                              \
  {.name = "seed", .aliases = "global-seed", .type = TR_OPTION_SEED, .metavar = "N", .default_text = "0", __VA_ARGS__}

/* What SiT's code calls options that are not needed here, and what counts points or steps. */
#define SIT_HINTS                                                                                                     \
  {"model", "the checkpoint tells its network, leave it away"},                                                       \
  {"image-size", "the checkpoint tells the size of its states: leave it away, or say --latent-size H,W"},                                       \
  {"num-classes", "the checkpoint tells its classes, leave it away"},                                                 \
  {"tf32", "say --dtype tf32"}, {"no-tf32", "say --dtype f32 or f64"},                                          \
  {"loss-weight", "it is of training only, leave it away"},                                                           \
  {"steps", "say --num-sampling-steps N, the points of the grid: N - 1 steps lie between them"}

/* The same where nothing is made into pictures. */
#define MEASURED_HINTS                                                                                                \
  {"vae", "this works in the model's own space: 'transit encode --vae' makes latents of pictures, 'transit decode' leads back"}, SIT_HINTS

/* The same where a run has many seeds, and all samples of a seed are one batch. `seeds`: what to say instead. */
#define MANY_SEEDS_HINTS(seeds)                                                                                       \
  {"seed", (seeds)}, {"global-seed", (seeds)},                                                                        \
  {"batch-size", "say --num-samples N: the samples of a seed are one batch"},                                         \
  {"per-proc-batch-size", "say --num-samples N: the samples of a seed are one batch"},                                \
  {"num-fid-samples", "say --num-samples N, the samples of a seed"}, MEASURED_HINTS

/* Parameters of the modules of a kind: name, type and help of a row (experiments/common/param_options.h). */
#define PARAM_OPTION(option, of, kind)                                                                                \
  .name = (option), .type = TR_OPTION_PAIRS, .metavar = "NAME=VALUE,...",                                             \
  .help = "Parameters of " of "; ranges and defaults by 'transit list " kind "'. May be given again."

typedef struct {
  const char *ckpt, *weights, *path_type, *prediction, *family, *time_direction;
  tr_pair_list path_params, net_params;
  tr_int_list latent_size;
  long num_heads;
  const char *name; /* of a published network, which its file may not tell; NULL: none */
  bool of_guide;    /* its options are called --guide-... (net_params_of_guide) */
} model_options;

#define MODEL_OPTION(base, member) .group = "Model", .offset = (base) + offsetof(model_options, member)
/* The file alone; need is TR_OPTION_REQUIRED or 0. */
#define MODEL_FILE_OPTIONS(base, need)                                                                                \
  {MODEL_OPTION(base, ckpt), .name = "ckpt", .type = TR_OPTION_TEXT, .flags = (need), .metavar = "FILE",              \
   .help = "Checkpoint: train.py's .pt, a bare state dict .pt, or .safetensors. FILE.json beside it, one flat object " \
           "such as {\"num_heads\": 4, \"path_type\": \"GVP\"}, supplies training arguments that it lacks. Any kind of "    \
           "network will do ('transit list network'): states are (N,C,H,W) or (N,dim)."},                              \
  {MODEL_OPTION(base, weights), .name = "weights", .type = TR_OPTION_TEXT, .metavar = "ema|model|NAME",               \
   .default_note = "ema where there is one",                                                                          \
   .help = "Set of weights: ema, model, or one of the names that 'transit inspect' lists."},                                           \
  {MODEL_OPTION(base, num_heads), .name = "num-heads", .type = TR_OPTION_INT, .metavar = "H",                         \
   .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 4096, .default_note = "from the checkpoint's args",        \
   .help = "Attention heads, which weights do not tell; needed where the args do not tell either. The same as "        \
           "--net-param num_heads=H, of the network sit."},                                                            \
  {MODEL_OPTION(base, net_params), PARAM_OPTION("net-param", "the network that its file does not tell", TR_KIND_NETWORK)},                                                                     \
  {MODEL_OPTION(base, latent_size), .name = "latent-size", .type = TR_OPTION_INTS, .count = 2, .metavar = "H,W",       \
   .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 8192, .default_note = "as trained",                          \
   .help = "States (N,C,H,W) of another size than the trained one, which need not be square: the table of positions is " \
           "made again, of the sines and cosines of SiT's code, with rows and columns counted from 0 by ones. H and W "  \
           "are multiples of N for a SiT-./N; a decoder makes pictures of 8 H x 8 W of latents."},                           \
  {MODEL_OPTION(base, family), .name = "model-family", .type = TR_OPTION_CHOICE, .choices = "sit,dit",                \
   .default_note = "from the checkpoint's args",                                                                      \
   .help = "dit: noise predicted at the discrete times 0 to 999, along the path DDPM."},                              \
  {MODEL_OPTION(base, time_direction), .name = "time-direction", .type = TR_OPTION_CHOICE,                            \
   .choices = "noise-at-0,noise-at-1", .default_note = "from the checkpoint's args, else noise-at-0",                 \
   .help = "noise-at-1: the network's t = 1 is the noise and its velocity points there, as in REPA; it is turned."}
#define MODEL_OPTIONS(base) MODEL_OPTIONS_OF(base, TR_OPTION_REQUIRED)
#define MODEL_OPTIONS_OF(base, need)                                                                                  \
  MODEL_FILE_OPTIONS(base, need),                                                                                     \
  {MODEL_OPTION(base, path_type), .name = "path-type", .type = TR_OPTION_CHOICE, .kind = TR_KIND_INTERPOLANT,         \
   .metavar = "NAME", .default_note = "from the checkpoint's args, else Linear",                                      \
   .help = "Interpolant that the model was trained with."},                                                           \
  {MODEL_OPTION(base, path_params), PARAM_OPTION("path-param", "the interpolant", TR_KIND_INTERPOLANT)},              \
  {MODEL_OPTION(base, prediction), .name = "prediction", .type = TR_OPTION_CHOICE, .kind = TR_KIND_PREDICTION,        \
   .metavar = "NAME", .default_note = "from the checkpoint's args, else velocity", .help = "What the model predicts."}

typedef struct {
  double scale, guide_scale;
  const char *channels;
  model_options guide; /* which has no latent_size, num_heads and name */
  tr_double_list interval;
} guidance_options;

/* The options as a guidance of this scale; --cfg-channels and --cfg-interval are those of either kind. */
static inline tr_guidance guidance_of(const guidance_options *o, double scale) {
  return (tr_guidance){.scale = scale,
                       .channels = o->channels[0] == 'f' ? 3 : 0,
                       .low = o->interval.n ? o->interval.v[0] : 0,
                       .high = o->interval.n ? o->interval.v[1] : 1};
}

#define GUIDANCE_OPTION(base, member) .group = "Guidance", .offset = (base) + offsetof(guidance_options, member)
#define GUIDANCE_OPTIONS(base)                                                                                        \
  {GUIDANCE_OPTION(base, scale), .name = "cfg-scale", .type = TR_OPTION_DOUBLE, .flags = TR_OPTION_GE, .low = 0,      \
   .metavar = "X", .default_text = "1",                                                                               \
   .help = "Classifier-free guidance; 1 is none (in SiT's code, https://github.com/willisma/SiT, sample.py has 4, sample_ddp.py 1)."},            \
  {GUIDANCE_OPTION(base, channels), .name = "cfg-channels", .type = TR_OPTION_CHOICE, .choices = "all,first3",        \
   .default_text = "all", .help = "Channels that are guided; first3 is the way of SiT's code."},                        \
  {GUIDANCE_OPTION(base, interval), .name = "cfg-interval", .type = TR_OPTION_DOUBLES, .count = 2, .metavar = "A,B",  \
   .flags = TR_OPTION_GE | TR_OPTION_LE | TR_OPTION_INCREASING, .low = 0, .high = 1, .default_note = "always",        \
   .help = "Guide only at times from A to B."},                                                                       \
  {GUIDANCE_OPTION(base, guide.ckpt), .name = "guide-ckpt", .type = TR_OPTION_TEXT, .metavar = "FILE",                \
   .help = "Autoguidance (arXiv 2406.02507) in place of --cfg-scale, which has to be 1: the field is that of FILE + X "  \
           "(that of --ckpt - that of FILE), FILE a worse model of the same states and classes, of any kind, size, path " \
           "and prediction (its args tell, FILE.json beside it, or --guide-...). Both are asked with the same class; NFE counts the "  \
           "forwards of both. --cfg-channels and --cfg-interval hold for it too."},                                     \
  {GUIDANCE_OPTION(base, guide_scale), .name = "guide-scale", .type = TR_OPTION_DOUBLE, .flags = TR_OPTION_GE, .low = 0, \
   .metavar = "X", .default_note = "none, it must be given", .help = "Its scale: 1 is the model alone, 0 the guide."},    \
  {GUIDANCE_OPTION(base, guide.weights), .name = "guide-weights", .type = TR_OPTION_TEXT, .metavar = "ema|model|NAME",   \
   .default_note = "ema where there is one", .help = "Set of weights of the guide, as --weights is of the model."},   \
  {GUIDANCE_OPTION(base, guide.net_params), PARAM_OPTION("guide-net-param", "the guide's network that its file does not tell", TR_KIND_NETWORK)}, \
  {GUIDANCE_OPTION(base, guide.family), .name = "guide-model-family", .type = TR_OPTION_CHOICE, .choices = "sit,dit", \
   .default_note = "from its args", .help = "As --model-family is of the model."},                                    \
  {GUIDANCE_OPTION(base, guide.time_direction), .name = "guide-time-direction", .type = TR_OPTION_CHOICE,             \
   .choices = "noise-at-0,noise-at-1", .default_note = "from its args, else noise-at-0",                              \
   .help = "As --time-direction is of the model."},                                                                   \
  {GUIDANCE_OPTION(base, guide.path_type), .name = "guide-path-type", .type = TR_OPTION_CHOICE,                       \
   .kind = TR_KIND_INTERPOLANT, .metavar = "NAME", .default_note = "from its args, else Linear",                      \
   .help = "Interpolant that the guide was trained with."},                                                           \
  {GUIDANCE_OPTION(base, guide.path_params), PARAM_OPTION("guide-path-param", "the guide's interpolant", TR_KIND_INTERPOLANT)}, \
  {GUIDANCE_OPTION(base, guide.prediction), .name = "guide-prediction", .type = TR_OPTION_CHOICE,                     \
   .kind = TR_KIND_PREDICTION, .metavar = "NAME", .default_note = "from its args, else velocity",                     \
   .help = "What the guide predicts."}

/* The names that tr_clock_find knows; `...`: offset, group, modes. */
#define CLOCK_OPTION(...)                                                                                             \
  .name = "clock", .type = TR_OPTION_CHOICE, .choices = "auto,t,angle", .default_text = "auto", __VA_ARGS__

typedef struct {
  double churn, churn_noise;
  tr_double_list churn_levels, restart_intervals;
  tr_int_list restarts, restart_steps;
} noised_options;

/* The ODE method that noise is around where none is named. */
#define NOISED_ODE_METHOD "heun2"
#define NOISED_GROUP "Noise around an ODE method: churn and restart"
#define NOISED_OPTION(base, member) .group = NOISED_GROUP, .offset = (base) + offsetof(noised_options, member)
/* What churn and restart do (experiments/common/noised.h); `in`: the modes, 0 for all. */
#define NOISED_OPTIONS(base, in)                                                                                      \
  {NOISED_OPTION(base, churn), .name = "churn", .type = TR_OPTION_DOUBLE, .modes = (in), .flags = TR_OPTION_GE,       \
   .low = 0, .metavar = "S", .default_note = "none: as much noise as the diffusion form has in the step",             \
   .help = "Churn: EDM's S_churn instead of a diffusion form; each step adds the share min(S / steps, sqrt(2) - 1) "  \
           "to its noise level. The same as --method-param churn=S."},                                                                                    \
  {NOISED_OPTION(base, churn_levels), .name = "churn-levels", .type = TR_OPTION_DOUBLES, .modes = (in), .count = 2,   \
   .flags = TR_OPTION_GE | TR_OPTION_INCREASING, .low = 0, .metavar = "MIN,MAX", .default_note = "all",               \
   .help = "With --churn: EDM's S_min and S_max, the noise levels sigma / alpha at which it is added. The same as "    \
           "--method-param level-min=MIN,level-max=MAX."},              \
  {NOISED_OPTION(base, churn_noise), .name = "churn-noise", .type = TR_OPTION_DOUBLE, .modes = (in),                  \
   .flags = TR_OPTION_GT, .low = 0, .metavar = "X", .default_note = "1",                                              \
   .help = "With --churn: EDM's S_noise, a factor of the added noise; other than 1 it changes the law. The same as "   \
           "--method-param noise=X."},             \
  {NOISED_OPTION(base, restart_intervals), .name = "restart-intervals", .type = TR_OPTION_DOUBLES, .modes = (in),     \
   .flags = TR_OPTION_GE | TR_OPTION_LE | TR_OPTION_INCREASING, .low = 0, .high = 1, .metavar = "A1,B1,A2,B2,...",    \
   .help = "Restart: at each time B the samples go back to the time A by fresh noise, and up again."},                \
  {NOISED_OPTION(base, restarts), .name = "restarts", .type = TR_OPTION_INTS, .modes = (in),                          \
   .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 0, .high = 1e4, .metavar = "K1,K2,...", .default_text = "1",          \
   .help = "How often, for all intervals or one number each."},                                                       \
  {NOISED_OPTION(base, restart_steps), .name = "restart-steps", .type = TR_OPTION_INTS, .modes = (in),                \
   .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 1e6, .metavar = "N1,N2,...", .default_text = "10",         \
   .help = "Steps of a way up, on fixed grids, for all intervals or one number each."}

typedef struct {
  const char *time_grid, *file;
  tr_pair_list params;
  double shift, rho, bound;
} grid_options;

#define GRID_OPTION(base, member) .offset = (base) + offsetof(grid_options, member)
/* Of a fixed grid (experiments/common/grid_options.h); `...`: the group. */
#define GRID_OPTIONS(base, ...)                                                                                       \
  {GRID_OPTION(base, time_grid), .name = "time-grid", .type = TR_OPTION_CHOICE, .kind = TR_KIND_GRID,                 \
   .metavar = "NAME", .default_text = TR_GRID_DEFAULT, .help = "Where a fixed grid has its points.", __VA_ARGS__},          \
  {GRID_OPTION(base, params), PARAM_OPTION("grid-param", "the time grid", TR_KIND_GRID), __VA_ARGS__},                \
  {GRID_OPTION(base, shift), .name = "grid-shift", .type = TR_OPTION_DOUBLE, .flags = TR_OPTION_GT, .low = 0,         \
   .metavar = "K", .default_note = "3", .help = "The same as --grid-param shift=K, of the time grid shift.",          \
   __VA_ARGS__},                                                                                                      \
  {GRID_OPTION(base, rho), .name = "grid-rho", .type = TR_OPTION_DOUBLE, .flags = TR_OPTION_GT, .low = 0,             \
   .metavar = "R", .default_note = "7", .help = "The same as --grid-param rho=R, of the time grid karras.", __VA_ARGS__},                    \
  {GRID_OPTION(base, bound), .name = "grid-bound", .type = TR_OPTION_DOUBLE, .flags = TR_OPTION_GT, .low = 0,         \
   .metavar = "L", .default_note = "5",                                                                               \
   .help = "The same as --grid-param bound=L, of the time grid logSNR.", __VA_ARGS__},        \
  {GRID_OPTION(base, file), .name = "grid-file", .type = TR_OPTION_TEXT, .metavar = "FILE",                           \
   .help = "Points of the time grid list, one time a line, from where the run starts to where it ends; from data "    \
           "to noise also the other way round.", __VA_ARGS__}

/* Of a log-density: at these offsets; `...`: group and modes. The field of probes is TR_OPTION_UNSET and that of the
 * tolerance NaN unless given. */
#define TRACE_OPTIONS(trace_at, probes_at, tolerance_at, recompute_at, ...)                                           \
  {.name = "trace", .type = TR_OPTION_CHOICE, .offset = (trace_at), .kind = TR_KIND_TRACE, .metavar = "NAME",         \
   .default_text = "hutchinson", .help = "Estimate of the divergence: hutchinson, hutch++ or exact.", __VA_ARGS__},   \
  {.name = "probes", .type = TR_OPTION_INT, .offset = (probes_at), .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1,    \
   .high = 100000, .metavar = "R", .default_note = "8, or as many as are given; none with the exact trace",       \
   .help = "Probes held for the whole solve, each an estimate of its own: their spread is the standard error. "       \
           "hutch++ has R more for its sketch and 3 R products.", __VA_ARGS__},                                       \
  {.name = "logp-tol", .type = TR_OPTION_DOUBLE, .offset = (tolerance_at), .flags = TR_OPTION_GT, .low = 0,           \
   .metavar = "L", .default_note = "--rtol times the dimension", .help = "Absolute tolerance of ln p, in nats.",      \
   __VA_ARGS__},                                                                                                      \
  {.name = "recompute", .type = TR_OPTION_FLAG, .offset = (recompute_at),                                             \
   .help = "Less memory, the same bits: the activations of each block are computed again on the way back instead of "   \
           "kept. Each evaluation then goes forward once more, twice with hutch++ (sketch, then probes), and again for " \
           "every 64 MiB of unit vectors or gradients. run.json counts these as recomputed_forwards_all_batches; nfe "  \
           "leaves them out.", __VA_ARGS__}

typedef struct {
  const char *device, *dtype, *out;
  long threads;
  bool force, no_cuda_graphs;
  char numbered[64]; /* where a folder was chosen for the user, its name */
} machine_options;

#define MACHINE_OPTION(base, member) .group = "Machine and output", .offset = (base) + offsetof(machine_options, member)
#define MACHINE_OPTIONS(base, out_help) MACHINE_OPTIONS_IN(base, "f32", out_help)
/* With another default of --dtype. */
#define MACHINE_OPTIONS_IN(base, dtype_default, out_help)                                                             \
  MACHINE_ALONE_OPTIONS(base, dtype_default),                                                                         \
  {MACHINE_OPTION(base, out), .name = "out", .aliases = "sample-dir", .type = TR_OPTION_TEXT, .metavar = "DIR",       \
   .default_note = "out/COMMAND-0001, or the next number that is free", .help = out_help},                            \
  {MACHINE_OPTION(base, force), .name = "force", .type = TR_OPTION_FLAG,                                              \
   .help = "Replace results of another command or of other options that DIR holds. Without it only the same command " \
           "with the same options may run there again."}
/* Without the folder of results. */
#define MACHINE_ALONE_OPTIONS(base, dtype_default)                                                                    \
  {MACHINE_OPTION(base, device), .name = "device", .type = TR_OPTION_TEXT, .metavar = "NAME", .default_text = "cpu",  \
   .help = "cpu; cuda:N, the GPU number N; cuda:auto, under mpirun another one for each rank; auto, a GPU where one serves " \
           "(a line says what was chosen); or guard (the CPU with locked memory, for tests)."},                                            \
  {MACHINE_OPTION(base, dtype), .name = "dtype", .type = TR_OPTION_CHOICE, .choices = "f32,f64,bf16,tf32",             \
   .default_text = dtype_default,                                                                                      \
   .help = "Numbers of network and state. bf16, and on a GPU tf32: f32, and the operands of the network's matrix products " \
           "rounded to it."},                                                                                          \
  {MACHINE_OPTION(base, threads), .name = "threads", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE,     \
   .low = 1, .high = 4096, .metavar = "N", .default_note = "all processors",                                          \
   .help = "Threads; the results do not depend on it."},                                                              \
  {MACHINE_OPTION(base, no_cuda_graphs), .name = "no-cuda-graphs", .type = TR_OPTION_FLAG,                            \
   .help = "On a GPU, launch every operation of the network by itself, in place of whole evaluations recorded as CUDA " \
           "graphs. The results are the same."}

/* clang-format on */

#endif
