#include "experiments/sweep/options.h"

#include "experiments/common/program.h"
#include "experiments/input/class_labels.h"
#include "transport/diffusion/diffusion.h"
#include "transport/grid/grid.h"
#include "transport/laststep/laststep.h"

#define FIELD(member) .offset = offsetof(sweep_options, member)
#define TARGET        .group = "Target"
#define SWEPT         .group = "What is swept: every combination that makes sense runs once a seed"
#define FIXED         .group = "What is the same in every run"

/* clang-format off */
static const tr_option options[] = {
    {.name = "target", .type = TR_OPTION_TEXT, FIELD(target), TARGET, .metavar = "NAME",
     .help = "Exact target: gmm:d=2,modes=8,std=0.05 (also radius=2, seed=0; equal weights; the means lie evenly on the "
             "line or circle of this radius, in d > 2 dimensions each coordinate is radius/sqrt(d) times an addressed "
             "normal), gaussian:d=2,mean=0,std=1 (one number or d of them separated by '/'), or FILE.json with weights "
             "(their sum 1, or \"normalise\": true), means, variances (each a number, a list or a matrix), or gaussian:FILE.json with mean and cov. Either this "
             "or --ckpt."},
    MODEL_FILE_OPTIONS(offsetof(sweep_options, model), 0),
    {.name = "prediction", .type = TR_OPTION_CHOICE, FIELD(model.prediction), .group = "Model",
     .kind = TR_KIND_PREDICTION, .metavar = "NAME",
     .default_note = "velocity; for a checkpoint from its args",
     .help = "What the model predicts, or the exact target gives."},
    {CLASS_LABELS_DRAWN, FIELD(class_labels), .group = "Model", .default_note = "0, 1, 2, ... in turn",
     .help = "Classes of a checkpoint: one for all samples, or one per sample, here or in a text file. " CLASS_LABELS_WORDS},
    GUIDANCE_OPTIONS(offsetof(sweep_options, guidance)),

    {.name = "solvers", .type = TR_OPTION_TEXTS, FIELD(solvers), SWEPT, .flags = TR_OPTION_REQUIRED, .metavar = "S1,S2,...",
     .help = "ODE and SDE methods (see 'transit list'). A name that both kinds have is the ODE's. churn+M and restart+M are "
             "noise around the ODE method M, heun2 where it is left away; adaptive ones run with every --rtol."},
    {FIELD(method_params), SWEPT,
     PARAM_OPTION("method-param", "those solvers that have them", "ode-method' and 'transit list sde-method")},
    {.name = "path-types", .type = TR_OPTION_TEXTS, FIELD(path_types), SWEPT, .kind = TR_KIND_INTERPOLANT,
     .metavar = "P1,P2,...", .default_note = "Linear; for a checkpoint, which has one path, from its args",
     .help = "Interpolants."},
    {FIELD(model.path_params), SWEPT, PARAM_OPTION("path-param", "those interpolants that have them", TR_KIND_INTERPOLANT)},
    {.name = "sample-paths", .type = TR_OPTION_TEXTS, FIELD(sample_paths), SWEPT, .kind = TR_KIND_INTERPOLANT,
     .metavar = "P1,P2,...", .default_note = "its own",
     .help = "Paths to sample a checkpoint along, as --sample-path of 'transit sample'; results.csv names these. Each path "
             "has its own tight solves."},
    {FIELD(sample_path_params), SWEPT,
     PARAM_OPTION("sample-path-param", "those paths sampled along that have them", TR_KIND_INTERPOLANT)},
    {.name = "rtol", .type = TR_OPTION_DOUBLES, FIELD(rtol), SWEPT, .flags = TR_OPTION_GT | TR_OPTION_LT, .low = 0, .high = 1,
     .metavar = "R1,R2,...", .default_text = "1e-2,1e-3,1e-4", .help = "Relative tolerances of adaptive solvers."},
    {.name = "sde-rtol", .type = TR_OPTION_DOUBLES, FIELD(sde_rtol), SWEPT, .flags = TR_OPTION_GT | TR_OPTION_LT, .low = 0,
     .high = 1, .metavar = "R1,R2,...", .default_note = "none",
     .help = "SDE methods with an error estimate run in adaptive steps too, with these tolerances (absolute: the same, or "
             "--atol)."},
    {.name = "steps", .type = TR_OPTION_INTS, FIELD(steps), SWEPT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 1e8,
     .metavar = "N1,N2,...", .default_text = "10,20,50",
     .help = "Steps on a fixed grid ('transit sample' counts points, one more); the last step of an SDE comes on top."},
    {.name = "time-grids", .type = TR_OPTION_TEXTS, FIELD(time_grids), SWEPT, .kind = TR_KIND_GRID, .metavar = "G1,G2,...",
     .default_text = TR_GRID_DEFAULT, .help = "Where the points of fixed grids lie."},
    {FIELD(grid_params), SWEPT, PARAM_OPTION("grid-param", "those time grids that have them", TR_KIND_GRID)},
    {.name = "diffusion-forms", .type = TR_OPTION_TEXTS, FIELD(forms), SWEPT, .kind = TR_KIND_DIFFUSION,
     .metavar = "F1,F2,...", .default_text = "sigma",
     .help = "Diffusion coefficients D(t) of SDE solvers; the noise is sqrt(2 D) dB, so the paper's w is 2 D."},
    {.name = "diffusion-norms", .type = TR_OPTION_DOUBLES, FIELD(norms), SWEPT, .flags = TR_OPTION_GE, .low = 0,
     .metavar = "X1,X2,...", .default_text = "1", .help = "Factors of the diffusion coefficient D."},
    {FIELD(form_params), SWEPT, PARAM_OPTION("form-param", "those diffusion forms that have them", TR_KIND_DIFFUSION)},
    {.name = "last-steps", .type = TR_OPTION_TEXTS, FIELD(last_steps), SWEPT, .kind = TR_KIND_LAST_STEP,
     .metavar = "L1,L2,...", .default_text = "Mean", .help = "Last steps of SDE solvers."},
    {FIELD(last_step_params), SWEPT, PARAM_OPTION("last-step-param", "those last steps that have them", TR_KIND_LAST_STEP)},
    {.name = "seeds", .type = TR_OPTION_TEXT, FIELD(seeds), SWEPT, .metavar = "A:B", .default_text = "0:1",
     .help = "Seeds A, A+1, ..., B-1, or a list such as 3,14,15: each draws other starting states and other noise."},

    {.name = "num-samples", .type = TR_OPTION_INT, FIELD(num_samples), FIXED, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 2,
     .high = 1e8, .metavar = "N", .default_note = "256; for a checkpoint 10",
     .help = "Samples of a run. They are one system of equations: an adaptive solver shares its steps among them."},
    {.name = "atol", .type = TR_OPTION_DOUBLE, FIELD(atol), FIXED, .flags = TR_OPTION_GE, .low = 0, .metavar = "A",
     .default_note = "equal to rtol", .help = "Absolute tolerance of adaptive solvers."},
    {CLOCK_OPTION(FIELD(clock), FIXED),
     .help = "Time that ODE solvers work in, those of churn and restart too, as in 'transit sample ODE'."},
    {.name = "tight-rtol", .aliases = "reference-rtol", .type = TR_OPTION_DOUBLE, FIELD(tight_rtol), FIXED, .flags = TR_OPTION_GE | TR_OPTION_LE,
     .low = 1e-13, .high = 1e-3, .metavar = "R", .default_text = "1e-11",
     .help = "Tolerance, relative and absolute, of the tight solve (dopri5 in f64) that ODE errors are measured "
             "against; one Gaussian has its flow in closed form instead."},
    {.name = "tight-sets", .aliases = "reference-sets", .type = TR_OPTION_INT, FIELD(tight_sets), FIXED,
     .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 2, .high = 1e4, .metavar = "R", .default_text = "8",
     .help = "SDE on a checkpoint: sets of --num-samples samples that tight solves draw from other starts, to compare "
             "with in law."},
    {.name = "grid-file", .type = TR_OPTION_TEXT, FIELD(grid_file), FIXED, .metavar = "FILE",
     .help = "Points of the time grid list, one time a line from 0 to where runs end: one setting, whatever --steps."},
    {.name = "last-step-size", .type = TR_OPTION_DOUBLE, FIELD(last_step_size), FIXED,
     .flags = TR_OPTION_GE | TR_OPTION_LT, .low = 0, .high = 1, .metavar = "X", .default_text = "0.04",
     .help = "Time that the last step of an SDE covers."},
    {.name = "diffusion-table", .type = TR_OPTION_TEXT, FIELD(diffusion_table), FIXED, .metavar = "FILE",
     .help = "Table of those diffusion forms that read one, as in 'transit sample'."},
    {.name = "eta", .type = TR_OPTION_DOUBLE, FIELD(eta), FIXED, .flags = TR_OPTION_GT, .low = 0, .metavar = "X",
     .help = "The same as --form-param eta=X, of the form KL-eta."},

    NOISED_OPTIONS(offsetof(sweep_options, noised), 0),

    {.name = "verbose", .type = TR_OPTION_FLAG, FIELD(verbose), .group = "Machine and output",
     .help = "A line on standard error for every row and every tight solve. Without it a terminal shows what runs and how "
             "long all will take, and anything else gets a line a minute."},
    MACHINE_OPTIONS_IN(offsetof(sweep_options, machine), "f64",
                       "Folder for results.csv, manifest.json, table.md and the plots. One that holds a part of the same "
                       "sweep is completed."),
};
static const tr_option_hint hints[] = {
    {"sampling-method", "say --solvers NAME1,NAME2,..."},
    {"num-sampling-steps", "say --steps N1,N2,..., the steps of a grid: its points are one more"},
    MANY_SEEDS_HINTS("say --seeds A:B, or a list"), {NULL, NULL}};
/* clang-format on */

const tr_option_table sweep_table = {
    .program = TR_PROGRAM,
    .name = "sweep",
    .summary = "Measure solvers: errors against network evaluations, on exact targets or a checkpoint.",
    .details =
        "results.csv gets one row a run as soon as it is done: what ran, network evaluations, accepted and "
        "rejected steps, errors, seconds. When all are done, table.md says which error costs how many "
        "evaluations, and gnuplot, where it is installed, draws work-precision plots beside its script and "
        "data. manifest.json holds all that is needed to run the sweep again; running it again completes "
        "what an interruption left.\n\n"
        "ODE runs are compared, sample by sample, with the exact flow from the same start: rms is the root "
        "mean square over all numbers of the difference at t = 1, relative is rms over that of the exact "
        "state. Runs on exact targets, ODE and SDE, are compared in law: errors of mean (|m - mu| over the "
        "root of the trace of the covariance) and covariance (Frobenius norm over that of the exact one) "
        "with the size that sampling alone gives them (mean_noise, cov_noise), and the sliced Wasserstein-2 "
        "distance to exact samples (sw2) with that between two sets of exact samples (sw2_floor). Where an "
        "SDE "
        "runs on a checkpoint, what is exact there is replaced by --tight-sets sets of samples of tight "
        "solves from other starts with the same classes, and the covariance by its diagonal. Intervals in "
        "table.md are 95 % over the seeds.\n\n"
        "The tight solve is dopri5 in f64 at --tight-rtol. It takes most of the time of a sweep on a "
        "checkpoint, and is kept in the folder (tight-*.npz): a sweep that goes on makes only those that "
        "missing rows need. A combination that cannot work is skipped, with a note in table.md.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(sweep_options),
    .hints = hints};
