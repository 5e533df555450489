#include "experiments/likelihood/options.h"

#include "experiments/common/program.h"
#include "experiments/input/class_labels.h"
#include "integrators/ode/ode.h"

#define FIELD(member) .offset = offsetof(likelihood_options, member)
#define DATA          .group = "Of what"
#define HOW           .group = "Trace and solver"

/* clang-format off */
static const tr_option options[] = {
    MODEL_OPTIONS(offsetof(likelihood_options, model)),

    {.name = "data", .aliases = "init", .type = TR_OPTION_TEXT, FIELD(data), DATA, .flags = TR_OPTION_REQUIRED, .metavar = "FILE|DIR",
     .help = "FILE.npy: float (N,C,H,W) or (N,dim) in the model's own space. FILE.npz: `images`, 0 to 255, (N,H,W) or (N,H,W,3), or "
             "`latents`, or `arr_0`, which is one of them, with `labels`, `label` or `arr_1` if there. DIR: PNG and JPEG files in "
             "full depth, all in sub-folders, which give the classes, or all in DIR, without classes. A sub-folder is the "
             "class of its number where its name is one, else of its place among the names sorted as text (torchvision's "
             "order). Levels are as the files have them, and 16-bit ones must be multiples of 257."},
    {CLASS_LABELS, FIELD(class_labels), DATA, .default_note = "those of the data, else the null class",
     .help = "One class for all inputs, or one per input, here or in a text file; the number of classes itself is the null class. Must be given where "
             "the data has no labels and the model no null class."},
    {.name = "num-samples", .aliases = "num,num-fid-samples", .type = TR_OPTION_INT, FIELD(num_samples), DATA, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 1e9,
     .metavar = "N", .default_note = "all", .help = "Only the first N inputs."},
    {.name = "batch-size", .aliases = "per-proc-batch-size", .type = TR_OPTION_INT, FIELD(batch_size), DATA, .flags = TR_OPTION_GE, .low = 1, .metavar = "N",
     .default_text = "64", .help = "Inputs per network evaluation; an adaptive solver shares its steps within a batch."},
    SEED_OPTION(FIELD(seed), DATA,
                .help = "Addresses probes and dequantisation noise by input: they do not depend on the batch."),
    {.name = "dequant", .type = TR_OPTION_CHOICE, FIELD(dequant), DATA, .choices = "none,uniform,gaussian",
     .default_text = "none",
     .help = "Of images: none takes the density at the middle of the bin, uniform and gaussian bound the probability of "
             "the image from below. gaussian takes its width from the path's noise at --dequant-eps."},
    {.name = "dequant-eps", .type = TR_OPTION_DOUBLE, FIELD(dequant_eps), DATA, .flags = TR_OPTION_GT | TR_OPTION_LT, .low = 0,
     .high = 0.5, .metavar = "X", .default_note = "where the noise is 3/8 of a bin wide, on every path",
     .help = "Of --dequant gaussian: the run begins at t = 1 - X, in the place of --sample-eps, and the noise there is the "
             "width of the dequantisation. Wider than a bin the bound is that of a blurred model."},
    {.name = "dequant-samples", .type = TR_OPTION_INT, FIELD(dequant_samples), DATA, .flags = TR_OPTION_GE | TR_OPTION_LE,
     .low = 1, .high = 10000, .metavar = "K", .default_text = "1",
     .help = "Draws a bound averages inside its logarithm: it tightens with K. The noise of the trace enters there too: "
             "use many probes, or the exact trace."},
    {.name = "cfg-scale", .type = TR_OPTION_DOUBLE, FIELD(cfg_scale), DATA, .flags = TR_OPTION_GE, .low = 0, .metavar = "X",
     .default_text = "1", .help = "Only 1: a guided field is not that of a model whose likelihood this would be."},

    TRACE_OPTIONS(offsetof(likelihood_options, trace), offsetof(likelihood_options, probes),
                  offsetof(likelihood_options, logp_tol), offsetof(likelihood_options, recompute), HOW),
    {.name = "probe", .type = TR_OPTION_TEXT, FIELD(probe), HOW, .metavar = "FILE.npy",
     .help = "Probes (N,...) or (R,N,...), of the shape of the data, instead of drawn ones, for hutchinson. ln p is unbiased only for random probes z "
             "that are independent of the data and have E z z' = I, such as random signs; that cannot be checked here."},
    {.name = "sampling-method", .aliases = "method", .type = TR_OPTION_TEXT, FIELD(method), HOW, .metavar = "NAME", .default_text = "cvode-adams",
     .help = "ODE solver, as `transit list ode-method` names them. On a fixed grid (the exponential methods ddim, dpmpp-2m, "
             "unipc, ... too) ln p has an error that no error bar holds: 200 points leave 29 nats (ddim, euler) to 0.6 "
             "(rk4-classical) on the bundled digits, with --time-grid cosine 8.6 to 0.0013, the adaptive default 0.003. "
             "--check shows its size."},
    {FIELD(method_params), HOW, PARAM_OPTION("method-param", "the solver", TR_KIND_ODE_METHOD)},
    {.name = "sample-path", .type = TR_OPTION_TEXT, FIELD(sample_path), HOW, .kind = TR_KIND_INTERPOLANT, .metavar = "NAME",
     .default_note = "the model's own, --path-type",
     .help = "Path that the ODE follows, which may be another one than the model was trained on: the flow has the same end "
             "points and, with --sample-eps 0, the same density (but for the noise that VP begins with). --sample-eps and "
             "the fields of --save-score are of this path."},
    {FIELD(sample_path_params), HOW, PARAM_OPTION("sample-path-param", "the path that the ODE follows", TR_KIND_INTERPOLANT)},
    {.name = "num-sampling-steps", .type = TR_OPTION_INT, FIELD(num_sampling_steps), HOW,
     .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 2, .high = 1e7, .metavar = "N", .default_text = "250",
     .help = "Points of a fixed grid: N - 1 steps lie between them."},
    GRID_OPTIONS(offsetof(likelihood_options, grid), HOW),
    {.name = "rtol", .type = TR_OPTION_DOUBLE, FIELD(rtol), HOW, .flags = TR_OPTION_GT | TR_OPTION_LT, .low = 0, .high = 1,
     .metavar = "R", .default_text = "1e-4", .help = "Relative tolerance of the latents."},
    {.name = "atol", .type = TR_OPTION_DOUBLE, FIELD(atol), HOW, .flags = TR_OPTION_GE, .low = 0, .metavar = "A",
     .default_text = "1e-6", .help = "Absolute tolerance of the latents."},
    {CLOCK_OPTION(FIELD(clock), HOW),
     .help = "Time that the solver works in; auto: t where the velocity is finite to both ends, else the angle."},
    {.name = "sample-eps", .type = TR_OPTION_DOUBLE, FIELD(sample_eps), HOW, .flags = TR_OPTION_GE | TR_OPTION_LT, .low = 0,
     .high = 0.5, .metavar = "X", .default_note = "that of SiT's code for path and prediction",
     .help = "Distance from the singular ends; 0 is legal everywhere. Of gaussian dequantisation only that from the noise: "
             "the data end is --dequant-eps."},
    {.name = "check", .type = TR_OPTION_FLAG, FIELD(check), HOW,
     .help = "Runs back to the data and compares ln p and data along both directions (of the first draw of a dequantisation); "
             "warns where ln p differs by more than 0.01 bits per dimension."},
    {.name = "save-score", .type = TR_OPTION_FLAG, FIELD(save_score), HOW,
     .help = "Also saves score, denoiser and velocity at the data (of the first draw of a dequantisation), and the time at "
             "which the score exists."},

    MACHINE_OPTIONS_IN(offsetof(likelihood_options, machine), "f64",
                       "Folder for likelihood.npz, run.json and the histogram."),
};
static const tr_option_hint hints[] = {
    MEASURED_HINTS, {"reverse", "a likelihood goes from data to noise anyhow, leave it away"},
    {"likelihood", "that is this command, leave it away"}, {NULL, NULL}};
/* clang-format on */

const tr_option_table likelihood_table = {
    .program = TR_PROGRAM,
    .name = "likelihood",
    .summary = "Log-likelihoods of data under a checkpoint, in nats and bits per dimension, with error bars.",
    .details =
        "likelihood.npz holds, for N inputs: logp (N), ln p in nats in the model's own space; logp_se "
        "(N), its standard error; bpd (N), bits per dimension; bpd_offset (1); dequantisation (1), 0 "
        "for none, 1 for uniform, 2 for gaussian; latent (N,C,H,W) or (N,dim), where the data (of the first "
        "draw) "
        "ends in the noise; labels (N), -1 for a class that the model lacks.\n\n"
        "With a dequantisation logp is the bound on ln P of the image's levels, plus n ln 127.5. Images "
        "of 256 levels u stand at u / 127.5 - 1, so that bits per dimension are -logp / (n ln 2) + log2 "
        "127.5. For numbers in the model's own space the offset is 0.\n\n"
        "The standard error comes from the spread of the probes: NaN for one probe, 0 for the exact "
        "trace. With several dequantisation draws it is the jackknife error of the bound, which holds "
        "that of the probes; one draw has none (NaN). The solver's error is in neither: --check shows "
        "its size. With few probes (value - truth) / error follows Student's t with R - 1 degrees of "
        "freedom. The error of the mean is the spread of the inputs divided by the root of their "
        "number.\n\n"
        "In run.json, nfe and n_vjp are those of the costliest solve; `work` counts everything, "
        "--check, --save-score and batches that failed included; logp_se_is says what the errors hold. "
        "Offset and dequantisation stand there and on the terminal.\n\n"
        "An input that cannot be used, or whose density is not finite, is named and left out (NaN); the "
        "others are kept.\n\n" SIT_CODE,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(likelihood_options),
    .hints = hints};
