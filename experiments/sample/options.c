#include "experiments/sample/options.h"

#include "experiments/common/program.h"
#include "experiments/input/class_labels.h"
#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"
#include "transport/diffusion/diffusion.h"
#include "transport/laststep/laststep.h"

#define ODE           (1u << SAMPLE_ODE)
#define SDE           (1u << SAMPLE_SDE)
#define FIELD(member) .offset = offsetof(sample_options, member)
#define TEXT          .type = TR_OPTION_TEXT
#define CHOICE        .type = TR_OPTION_CHOICE
#define INT           .type = TR_OPTION_INT
#define DOUBLE        .type = TR_OPTION_DOUBLE
#define DOUBLES       .type = TR_OPTION_DOUBLES
#define FROM(x)       .low = (x)
#define TO(x)         .high = (x)

#define DRAW   .group = "What to draw"
#define SOLVER .group = "Solver"
#define NOISE  .group = "Noise and last step of the SDE"
#define NOISED .group = NOISED_GROUP

/* clang-format off */
static const tr_option options[] = {
    MODEL_OPTIONS_OF(offsetof(sample_options, model), 0),
    {.name = "model", TEXT, FIELD(model.name), .group = "Model", .metavar = "NAME",
     .help = "In place of --ckpt: published weights, SiT-XL/2 for one ('transit fetch --list' has the names, which a file of yours may "
             "add to), or OWNER/NAME[@REVISION]:PATH of the hub. They are fetched when they are not on this machine."},
    {.name = "image-size", INT, FIELD(image_size), .group = "Model", .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(1), TO(65536), .metavar = "S",
     .default_note = "with --model the usual one of the name", .help = "With --model: the weights for pictures of this size, NAME-S of the list."},

    {CLASS_LABELS_DRAWN, FIELD(class_labels), DRAW, .default_note = "those in --init, else the null class with --reverse and 0, 1, 2, ... in turn without",
     .help = "One class for all samples, or one per sample, here or in a text file; the number of classes itself is the null class. " CLASS_LABELS_WORDS},
    {.name = "num-samples", .aliases = "num-fid-samples", INT, FIELD(num_samples), DRAW, .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(1), TO(1e9),
     .metavar = "N", .default_note = "rows of --init, else entries of --class-labels if several (balanced: one of each class), else 8",
     .help = "Number of samples."},
    {.name = "batch-size", .aliases = "per-proc-batch-size", INT, FIELD(batch_size), DRAW, .flags = TR_OPTION_GE, FROM(1), .metavar = "N",
     .default_text = "128",
     .help = "Samples per network evaluation. On fixed grids the samples do not depend on it; an adaptive solver "
             "shares its steps within a batch."},
    {.name = "shard-size", INT, FIELD(shard_size), DRAW, .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(1), TO(1e9), .metavar = "N",
     .default_note = "--batch-size, of a run of more than 4096 samples; smaller ones are held in memory",
     .help = "Draw in shards: so many samples are drawn and written, then the next, and a run that was killed goes on when the "
             "same command is given again. Results are pictures alone, as levels, where the model has any."},
    SEED_OPTION(FIELD(seed), DRAW, .help = "Addresses every random number: the same seed gives the same samples."),
    {.name = "init", TEXT, FIELD(init), DRAW, .metavar = "FILE.npy",
     .help = "Starting states (N,C,H,W) or (N,dim) instead of drawn ones; with --reverse, the data. A samples.npz gives its "
             "latents and labels, and a warning where it was drawn with other guidance."},

    {.name = "sampling-method", CHOICE, FIELD(method), SOLVER, .modes = ODE, .kind = TR_KIND_ODE_METHOD,
     .metavar = "NAME", .default_text = "cvode-adams", .help = "ODE solver, adaptive or on a fixed grid."},
    {.name = "sampling-method", CHOICE, FIELD(method), SOLVER, .modes = SDE, .kind = TR_KIND_SDE_METHOD,
     .metavar = "NAME", .default_text = "euler-maruyama", .help = "SDE solver, on a fixed grid or, where it has an error estimate, with --rtol in adaptive steps."},
    {FIELD(method_params), SOLVER, PARAM_OPTION("method-param", "the solver", "ode-method' and 'transit list sde-method")},
    {.name = "sample-path", CHOICE, FIELD(sample_path), SOLVER, .kind = TR_KIND_INTERPOLANT, .metavar = "NAME",
     .default_note = "the model's own, --path-type",
     .help = "Path to sample along, which may be another one than the model was trained on: the canonical fields of all "
             "paths are the same. Times of a run (grid, --save-times, --sample-eps) are those of this path, "
             "--cfg-interval is in the model's own."},
    {FIELD(sample_path_params), SOLVER, PARAM_OPTION("sample-path-param", "the path sampled along", TR_KIND_INTERPOLANT)},
    {.name = "num-sampling-steps", INT, FIELD(num_sampling_steps), SOLVER, .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(2), TO(1e7),
     .metavar = "N", .default_text = "250",
     .help = "Points of a fixed grid, as SiT's code counts: N - 1 steps, then (SDE) the last step. Adaptive "
             "solvers choose their own."},
    GRID_OPTIONS(offsetof(sample_options, grid), SOLVER),
    {.name = "rtol", DOUBLE, FIELD(rtol), SOLVER, .modes = ODE, .flags = TR_OPTION_GT | TR_OPTION_LT, FROM(0), TO(1),
     .metavar = "R", .default_text = "1e-3", .help = "Relative tolerance of an adaptive solver."},
    {.name = "atol", DOUBLE, FIELD(atol), SOLVER, .modes = ODE, .flags = TR_OPTION_GE, FROM(0), .metavar = "A",
     .default_text = "1e-6", .help = "Absolute tolerance of an adaptive solver."},
    {.name = "rtol", DOUBLE, FIELD(rtol), SOLVER, .modes = SDE, .flags = TR_OPTION_GT | TR_OPTION_LT, FROM(0), TO(1),
     .metavar = "R", .default_note = "none: a fixed grid",
     .help = "Adaptive steps with this relative tolerance of the error estimate of a step, over a Brownian tree. Of churn "
             "and restart: the relative tolerance of an adaptive ODE method (1e-3)."},
    {.name = "atol", DOUBLE, FIELD(atol), SOLVER, .modes = SDE, .flags = TR_OPTION_GT, FROM(0), .metavar = "A",
     .default_note = "equal to --rtol", .help = "Absolute tolerance of adaptive steps, or of an adaptive ODE method (1e-6)."},
    {.name = "max-order", INT, FIELD(max_order), SOLVER, .modes = ODE, .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(1),
     TO(12), .metavar = "Q", .default_note = "the method's own", .help = "Highest order of a multistep method."},
    {.name = "first-step", DOUBLE, FIELD(first_step), SOLVER, .modes = ODE, .flags = TR_OPTION_GT, FROM(0), .metavar = "H",
     .default_note = "the method's own", .help = "First step of an adaptive solver, in the time it works in."},
    {CLOCK_OPTION(FIELD(clock), SOLVER, .modes = ODE),
     .help = "Time that an ODE solver works in: t, or the angle atan2(alpha, sigma), in which every path is smooth to "
             "both ends. auto: t where the velocity is finite to both ends, else the angle, and always the angle for the "
             "exponential methods (ddim to unipc)."},
    {.name = "reverse", .type = TR_OPTION_FLAG, FIELD(reverse), SOLVER, .modes = ODE,
     .help = "From data (--init) to noise."},
    {.name = "with-logp", .type = TR_OPTION_FLAG, FIELD(with_logp), SOLVER, .modes = ODE,
     .help = "Also the log-density of each sample under the flow that draws it (guidance included), in the same solve: "
             "`logp` and its standard error `logp_se`, in nats (the solver's error is not in it: large on coarse fixed grids). "
             "Best in --dtype f64."},
    TRACE_OPTIONS(offsetof(sample_options, trace), offsetof(sample_options, probes), offsetof(sample_options, logp_tol),
                  offsetof(sample_options, recompute), SOLVER, .modes = ODE),
    {.name = "likelihood", .type = TR_OPTION_FLAG, FIELD(likelihood), SOLVER, .modes = ODE,
     .help = "The spelling of SiT's code for `transit likelihood`, which then runs with these options; its data is --data "
             "(also --init)."},
    {.name = "train-eps", DOUBLE, FIELD(train_eps), SOLVER, .flags = TR_OPTION_GE | TR_OPTION_LT, FROM(0), TO(0.5),
     .metavar = "X", .default_note = "that of SiT's code for path and prediction",
     .help = "Distance from the singular ends that training kept; recorded only, samples do not depend on it."},
    {.name = "sample-eps", DOUBLE, FIELD(sample_eps), SOLVER, .flags = TR_OPTION_GE | TR_OPTION_LT, FROM(0), TO(0.5),
     .metavar = "X", .default_note = "that of SiT's code for path and prediction",
     .help = "Distance from the singular ends that sampling keeps; 0 is legal everywhere."},
    {.name = "save-times", DOUBLES, FIELD(save_times), SOLVER, .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(0), TO(1),
     .metavar = "T1,T2,...", .help = "Also save the states at these times, as `trajectory`."},
    {.name = "gif", .type = TR_OPTION_FLAG, FIELD(gif), SOLVER,
     .help = "Also samples.gif, the way of the first samples as an animation, where states have pictures. The frames are evenly "
             "spread over the times of the run, between the steps of the solver, and change no sample. A GIF has 256 colours: greys "
             "are exact, of more colours 256 are chosen for all frames."},
    {.name = "gif-frames", INT, FIELD(gif_frames), SOLVER, .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(2), TO(1000), .metavar = "N",
     .default_text = "40", .help = "Frames of --gif, 0.06 s each."},
    {.name = "gif-samples", INT, FIELD(gif_samples), SOLVER, .flags = TR_OPTION_GE | TR_OPTION_LE, FROM(1), TO(1024), .metavar = "N",
     .default_text = "16", .help = "Samples in --gif, the first ones."},
    {.name = "gif-of", CHOICE, FIELD(gif_of), SOLVER, .choices = "state,denoised", .default_text = "state", .metavar = "state|denoised",
     .help = "What --gif shows: the state, or the model's guess at the data, E[x1 | x_t], which takes an evaluation a frame (in run.json, "
             "not in nfe)."},
    {.name = "max-nfe", INT, FIELD(max_nfe), SOLVER, .flags = TR_OPTION_GE, FROM(1), .metavar = "N",
     .default_note = "no limit",
     .help = "Stop before a sample needs more network evaluations than this, and keep the state reached."},

    {.name = "diffusion-form", CHOICE, FIELD(diffusion_form), NOISE, .modes = SDE, .kind = TR_KIND_DIFFUSION,
     .metavar = "NAME", .default_text = "sigma",
     .help = "Diffusion coefficient D(t); the noise is sqrt(2 D) dB, so the paper's w is 2 D."},
    {.name = "diffusion-norm", DOUBLE, FIELD(diffusion_norm), NOISE, .modes = SDE, .flags = TR_OPTION_GE, FROM(0),
     .metavar = "X", .default_text = "1", .help = "Factor of the diffusion coefficient."},
    {FIELD(form_params), NOISE, .modes = SDE, PARAM_OPTION("form-param", "the diffusion form", TR_KIND_DIFFUSION)},
    {.name = "diffusion-table", TEXT, FIELD(diffusion_table), NOISE, .modes = SDE, .metavar = "FILE",
     .help = "Two numbers a line: t and the velocity loss for KL-eta ('transit loss' makes "
             "it), ln(alpha / sigma) and kappa for kappa (without a table kappa is 1, which is SBDM), t and D for table."},
    {.name = "eta", DOUBLE, FIELD(eta), NOISE, .modes = SDE, .flags = TR_OPTION_GT, FROM(0), .metavar = "X",
     .help = "The same as --form-param eta=X, of the form KL-eta."},
    {.name = "noise", TEXT, FIELD(noise), NOISE, .modes = SDE, .metavar = "FILE.npy",
     .help = "Standard normals (steps,N,C,H,W) or (steps,N,dim) instead of drawn ones, one slice a step."},
    {.name = "last-step", CHOICE, FIELD(last_step), NOISE, .modes = SDE, .kind = TR_KIND_LAST_STEP, .metavar = "NAME",
     .default_text = "Mean", .help = "How the remaining time is covered without noise."},
    {FIELD(last_step_params), NOISE, .modes = SDE, PARAM_OPTION("last-step-param", "the last step", TR_KIND_LAST_STEP)},
    {.name = "last-step-size", DOUBLE, FIELD(last_step_size), NOISE, .modes = SDE,
     .flags = TR_OPTION_GE | TR_OPTION_LT, FROM(0), TO(1), .metavar = "X", .default_text = "0.04",
     .help = "Time that the last step covers."},

    {.name = "ode-method", CHOICE, FIELD(ode_method), NOISED, .modes = SDE, .kind = TR_KIND_ODE_METHOD,
     .metavar = "NAME", .default_text = NOISED_ODE_METHOD, .help = "ODE method that churn and restart put noise around."},
    NOISED_OPTIONS(offsetof(sample_options, noised), SDE),

    GUIDANCE_OPTIONS(offsetof(sample_options, guidance)),

    AUTOENCODER_OPTIONS(offsetof(sample_options, vae), .default_note = "none: latents stay latents"),

    MACHINE_OPTIONS(offsetof(sample_options, machine),
                    "Folder for samples.npz, samples.png (models that work in pixels, or with --vae) and run.json; of a run in shards also images/."),
};

/* clang-format on */

static const char *const modes[] = {"ODE", "SDE", NULL};
static const tr_option_hint hints[] = {SIT_HINTS,
                                       {"solvers", "a run has one solver, --sampling-method"},
                                       {"seeds", "a run has one seed, --seed"},
                                       {NULL, NULL}};

const tr_option_table sample_table = {
    .program = TR_PROGRAM,
    .name = "sample",
    .summary = "Draw samples from a checkpoint through the probability-flow ODE or the SDE.",
    .details =
        "samples.npz holds latents (N,C,H,W) or (N,dim), labels, drawn_with (guidance, path and prediction, "
        "as the "
        "bytes of a JSON "
        "text), with --save-times trajectory (T,N,...) and times, "
        "and for "
        "models that work in pixels (1 or 3 channels), or with --vae, arr_0: uint8 (N,H,W,3), 127.5 x + 128 "
        "clamped and "
        "truncated as in SiT's code. samples.png shows the first 400 of them. run.json records every "
        "option "
        "as resolved, versions, and what the solver did. They appear together when the run is complete, or "
        "not "
        "at all.\n\nA run of more than 4096 samples, or one with --shard-size, draws in shards, each written "
        "when it "
        "is done, with the memory of one: killed at any moment, the same command goes on with what is "
        "missing, "
        "on any number of ranks. Its samples.npz is made of them at the end: arr_0 first and without "
        "latents, "
        "or, where there are no pictures, latents; and images/000000.png and so on are the "
        "pictures.\n\n" SIT_CODE
        " Options that it has mean what they mean there, but for the guidance scale, "
        "the "
        "default solver and the cases that its code gets wrong.",
    .modes = modes,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(sample_options),
    .hints = hints};
