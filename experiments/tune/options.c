#include "experiments/input/class_labels.h"
#include "experiments/tune/grid.h"

#define FIELD(member) .offset = offsetof(tune_options, member)
#define TARGET        .group = "Target"
#define TUNED         .group = "What the grid is for"
#define JUDGED        .group = "How grids are judged"

/* clang-format off */
static const tr_option options[] = {
    {.name = "target", .type = TR_OPTION_TEXT, FIELD(sweep.target), TARGET, .metavar = "NAME",
     .help = "Exact target as in 'transit sweep': gmm:d=2,modes=8,std=0.05, gaussian:d=2,mean=0,std=1, a FILE.json. Either "
             "this or --ckpt."},
    MODEL_FILE_OPTIONS(offsetof(tune_options, sweep.model), 0),
    {.name = "prediction", .type = TR_OPTION_CHOICE, FIELD(sweep.model.prediction), .group = "Model",
     .kind = TR_KIND_PREDICTION, .metavar = "NAME", .default_note = "velocity; for a checkpoint from its args",
     .help = "What the model predicts, or the exact target gives."},
    {CLASS_LABELS_DRAWN, FIELD(sweep.class_labels), .group = "Model", .default_note = "0, 1, 2, ... in turn",
     .help = "Classes of a checkpoint: one for all samples, or one per sample, here or in a text file. " CLASS_LABELS_WORDS},
    GUIDANCE_OPTIONS(offsetof(tune_options, sweep.guidance)),

    {.name = "sampling-method", .type = TR_OPTION_TEXT, FIELD(method), TUNED, .metavar = "NAME", .default_text = "ab3",
     .help = "ODE solver on a fixed grid."},
    {FIELD(sweep.method_params), TUNED, PARAM_OPTION("method-param", "the solver", TR_KIND_ODE_METHOD)},
    {.name = "nfe", .type = TR_OPTION_INT, FIELD(nfe), TUNED, .flags = TR_OPTION_REQUIRED | TR_OPTION_GE | TR_OPTION_LE,
     .low = 1, .high = 1e5, .metavar = "N",
     .help = "Evaluations of a run at most: as many whole steps as they pay."},
    {.name = "path-type", .type = TR_OPTION_TEXTS, FIELD(sweep.path_types), TUNED, .kind = TR_KIND_INTERPOLANT, .count = 1,
     .metavar = "NAME", .default_note = "Linear; for a checkpoint from its args", .help = "Interpolant."},
    {FIELD(sweep.model.path_params), TUNED, PARAM_OPTION("path-param", "the interpolant", TR_KIND_INTERPOLANT)},
    {.name = "sample-path", .type = TR_OPTION_TEXTS, FIELD(sweep.sample_paths), TUNED, .kind = TR_KIND_INTERPOLANT, .count = 1,
     .metavar = "NAME", .default_note = "its own", .help = "Path to sample a checkpoint along, as in 'transit sample'."},
    {FIELD(sweep.sample_path_params), TUNED, PARAM_OPTION("sample-path-param", "the path sampled along", TR_KIND_INTERPOLANT)},
    {CLOCK_OPTION(FIELD(sweep.clock), TUNED),
     .help = "Time that the solver works in, as in 'transit sample'."},

    {.name = "pilot-seeds", .type = TR_OPTION_TEXT, FIELD(pilot_seeds), JUDGED, .metavar = "A:B", .default_text = "0:2",
     .help = "Seeds A, A+1, ..., B-1, or a list: starts of the trajectories that grids are made from."},
    {.name = "seeds", .type = TR_OPTION_TEXT, FIELD(sweep.seeds), JUDGED, .metavar = "A:B", .default_text = "2:6",
     .help = "Seeds held out, at least two: their starts judge the grids. None may be a pilot seed."},
    {.name = "num-samples", .type = TR_OPTION_INT, FIELD(sweep.num_samples), JUDGED, .flags = TR_OPTION_GE | TR_OPTION_LE,
     .low = 2, .high = 1e8, .metavar = "N", .default_note = "256; for a checkpoint 10", .help = "Samples of a seed."},
    {FIELD(sweep.grid_params), JUDGED, PARAM_OPTION("grid-param", "those registered time grids that have them", TR_KIND_GRID)},
    {.name = "tight-rtol", .aliases = "reference-rtol", .type = TR_OPTION_DOUBLE, FIELD(sweep.tight_rtol), JUDGED,
     .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1e-13, .high = 1e-3, .metavar = "R", .default_text = "1e-9",
     .help = "Tolerance, relative and absolute, of the tight solve (dopri5 in f64) that errors are measured against."},

    MACHINE_OPTIONS_IN(offsetof(tune_options, sweep.machine), "f64", "Folder for grid.txt, table.md and run.json."),
};
static const tr_option_hint hints[] = {
    {"solvers", "say --sampling-method NAME: a grid is for one"},
    {"steps", "say --nfe N, the evaluations of a run"},
    {"num-sampling-steps", "say --nfe N, the evaluations of a run"},
    MANY_SEEDS_HINTS("say --seeds A:B, or a list, and --pilot-seeds"), {NULL, NULL}};
/* clang-format on */

const tr_option_table tune_table = {
    .program = TR_PROGRAM,
    .name = "tune-grid",
    .summary = "Make a time grid for a solver and a number of evaluations, judged on seeds held out.",
    .details =
        "All registered time grids that lack no parameter compete with grids made from pilot trajectories: "
        "as dense as a root of a "
        "derivative of the field there, mixed with the uniform density, and the best of all with its steps "
        "stretched to lower the error on the pilot seeds. Each runs on the seeds held out with the same "
        "evaluations. grid.txt gets the points of the one with the smallest error there, or the uniform ones "
        "unless it beats them on the pilot seeds and on the others by more than the spread over seeds (95 % "
        "of the mean logarithm of the ratio, for all grids together that were better on the pilot seeds). "
        "'transit sample --time-grid list --grid-file DIR/grid.txt' "
        "uses it; table.md has the errors of all.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(tune_options),
    .hints = hints};
