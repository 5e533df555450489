#include "experiments/ablate/options.h"

#include "experiments/common/program.h"
#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"
#include "transport/diffusion/diffusion.h"
#include "transport/laststep/laststep.h"
#include "transport/loss/loss.h"

#define FIELD(member)     .offset = offsetof(ablate_options, member)
#define DATA(member)      FIELD(member), .group = "What is learned"
#define GRID(member)      FIELD(member), .group = "What is compared: every combination is trained once a seed"
#define TRAINING(member)  FIELD(member), .group = "Training, the same for all"
#define JUDGING(member)   FIELD(member), .group = "How models are judged"
#define BETWEEN(from, to) .flags = TR_OPTION_GE | TR_OPTION_LE, .low = (from), .high = (to)

/* clang-format off */
static const tr_option options[] = {
    {DATA(target), .name = "target", .type = TR_OPTION_TEXT, .metavar = "NAME", .default_note = "gmm:d=2,modes=8,std=0.2, without --data-path",
     .help = "Exact target, as in 'transit sweep': gmm:d=2,modes=8,std=0.05, gaussian:d=2,mean=0,std=1, a FILE.json. An MLP is trained on "
             "samples of it, fresh ones in every step."},
    {DATA(data_path), .name = "data-path", .type = TR_OPTION_TEXT, .metavar = "PATH",
     .help = "Data in its place, as in 'transit train': images and latents get a SiT, vectors an MLP."},
    {DATA(image_size), .name = "image-size", .type = TR_OPTION_INT, .metavar = "S", BETWEEN(1, 65536), .default_note = "that of the file",
     .help = "Of --data-path: height and width of the images of a folder."},
    {DATA(eval_path), .name = "eval-path", .type = TR_OPTION_TEXT, .metavar = "PATH",
     .help = "With --data-path: other data of the kind, which no training sees, by which models are judged."},

    {GRID(paths), .name = "paths", .type = TR_OPTION_TEXTS, .kind = TR_KIND_INTERPOLANT, .metavar = "P1,P2,...", .default_text = "Linear,GVP,VP",
     .help = "Interpolants."},
    {GRID(predictions), .name = "predictions", .type = TR_OPTION_TEXTS, .kind = TR_KIND_PREDICTION, .metavar = "P1,P2,...",
     .default_text = "velocity,noise,score", .help = "What networks learn to predict."},
    {GRID(weights), .name = "loss-weights", .type = TR_OPTION_TEXTS, .kind = TR_KIND_LOSS_WEIGHT, .metavar = "W1,W2,...",
     .default_text = "none,velocity,likelihood",
     .help = "Weights of the loss by time. A velocity's loss has weight 1 whatever stands here: it is trained once, and called any."},
    {GRID(seeds), .name = "seeds", .type = TR_OPTION_TEXT, .metavar = "A:B", .default_text = "0:3",
     .help = "Seeds A, A+1, ..., B-1, or a list. One seed gives every combination the same first weights, data, noise and samples."},

    {TRAINING(max_steps), .name = "max-steps", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_note = "8000; to be given with --data-path",
     .help = "Steps of a training."},
    {TRAINING(batch), .name = "global-batch-size", .aliases = "batch-size", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 1e9),
     .default_text = "256", .help = "Rows of a step."},
    {TRAINING(lr), .name = "lr", .type = TR_OPTION_DOUBLE, .metavar = "X", .flags = TR_OPTION_GE, .low = 0, .default_note = "2e-3; with --data-path 1e-3",
     .help = "Learning rate of AdamW."},
    {TRAINING(ema_decay), .name = "ema-decay", .type = TR_OPTION_DOUBLE, .metavar = "D", BETWEEN(0, 1), .default_text = "0.999",
     .help = "What the running average of the parameters keeps in a step; models are judged by it."},
    {TRAINING(model), .name = "model", .type = TR_OPTION_TEXT, .metavar = "NAME", .default_note = "sizes one by one",
     .help = "Of --data-path: a SiT by name, SiT-S/2, SiT-B/4, ..."},
    {TRAINING(hidden), .name = "hidden", .type = TR_OPTION_INT, .metavar = "D", BETWEEN(1, 65536), .default_note = "64", .help = "Width."},
    {TRAINING(depth), .name = "depth", .type = TR_OPTION_INT, .metavar = "L", BETWEEN(1, 1000), .default_note = "6 blocks of a SiT, 3 layers of an MLP",
     .help = "Blocks or layers."},
    {TRAINING(train_args), .name = "train-args", .type = TR_OPTION_TEXT, .metavar = "WORDS",
     .help = "Further options of 'transit train' in one text behind an equals sign: --train-args=\"--num-heads 6 --lr-schedule cosine\"."},

    {JUDGING(num_samples), .name = "num-samples", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(4, 1e6), .default_note = "4000; as many as --eval-path has",
     .help = "Samples drawn of a model by the ODE, and as many by the SDE."},
    {JUDGING(ode_method), .name = "ode-method", .type = TR_OPTION_CHOICE, .kind = TR_KIND_ODE_METHOD, .metavar = "NAME", .default_text = "dopri5",
     .help = "ODE solver, of samples and of likelihoods."},
    {JUDGING(rtol), .name = "rtol", .type = TR_OPTION_DOUBLE, .metavar = "R", .flags = TR_OPTION_GT | TR_OPTION_LT, .low = 0, .high = 1,
     .default_text = "1e-4", .help = "Its tolerance, relative and absolute, where it is adaptive."},
    {JUDGING(ode_steps), .name = "ode-steps", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 1e8), .default_text = "50",
     .help = "Its steps, where it walks a fixed grid."},
    {JUDGING(sde_method), .name = "sde-method", .type = TR_OPTION_CHOICE, .kind = TR_KIND_SDE_METHOD, .metavar = "NAME",
     .default_text = "euler-maruyama", .help = "SDE solver."},
    {JUDGING(sde_steps), .name = "sde-steps", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 1e8), .default_text = "250",
     .help = "Its steps; the last step comes on top."},
    {JUDGING(form), .name = "diffusion-form", .type = TR_OPTION_CHOICE, .kind = TR_KIND_DIFFUSION, .metavar = "NAME", .default_text = "sigma",
     .help = "Diffusion coefficient D(t) of the SDE; the noise is sqrt(2 D) dB, so the paper's w is 2 D."},
    {JUDGING(norm), .name = "diffusion-norm", .type = TR_OPTION_DOUBLE, .metavar = "X", .flags = TR_OPTION_GE, .low = 0, .default_text = "1",
     .help = "Its factor."},
    {JUDGING(last_step), .name = "last-step", .type = TR_OPTION_CHOICE, .kind = TR_KIND_LAST_STEP, .metavar = "NAME", .default_text = "Mean",
     .help = "Last step of the SDE."},
    {JUDGING(last_step_size), .name = "last-step-size", .type = TR_OPTION_DOUBLE, .metavar = "X", .flags = TR_OPTION_GE | TR_OPTION_LT, .low = 0,
     .high = 1, .default_text = "0.04", .help = "Time that it covers."},
    {JUDGING(likelihood_samples), .name = "likelihood-samples", .type = TR_OPTION_INT, .metavar = "M", BETWEEN(4, 1e6),
     .default_note = "1000; all of --eval-path", .help = "Samples of the target, or inputs of --eval-path, whose likelihood is taken."},
    {JUDGING(trace), .name = "trace", .type = TR_OPTION_CHOICE, .kind = TR_KIND_TRACE, .metavar = "NAME",
     .default_note = "exact for states of at most 16 numbers, else hutchinson", .help = "How likelihoods take the divergence."},
    {JUDGING(probes), .name = "probes", .type = TR_OPTION_INT, .metavar = "R", BETWEEN(1, 1e5), .default_note = "2",
     .help = "Its probes, where it has any."},

    MACHINE_OPTIONS(offsetof(ablate_options, machine),
                    "Folder for results.csv, manifest.json, table.md, the plots and cells/. One that holds a part of the same ablation "
                    "is completed."),
};
static const tr_option_hint hints[] = {
    {"path-type", "say --paths P1,P2,..."}, {"prediction", "say --predictions P1,P2,..."},
    {"loss-weight", "say --loss-weights W1,W2,..."}, {"seed", "say --seeds A:B, or a list"},
    {"global-seed", "say --seeds A:B, or a list"}, {"sampling-method", "say --ode-method and --sde-method"},
    {"num-sampling-steps", "say --ode-steps and --sde-steps"}, {NULL, NULL}};
/* clang-format on */

const tr_option_table ablate_table = {
    .program = TR_PROGRAM,
    .name = "ablate",
    .summary = "Train a grid of paths, predictions and loss weights, and compare what came of it.",
    .details =
        "Every combination is trained with every seed as 'transit train' would train it, and judged by its "
        "running average: by samples of the ODE and of the SDE, and by likelihoods. One process thread works "
        "on one training, so --threads trainings go on at once; the results do not depend on it.\n\n"
        "Samples are judged by the squared energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| to as many "
        "samples of the target (of data: to those of --eval-path, as plain numbers). Its estimate has no "
        "bias: it is 0 on average, and sometimes below, for a perfect model. The floor is the same between "
        "two sets of the target (of data: the two halves of --eval-path). Likelihoods are of samples "
        "of the target and give the Kullback-Leibler divergence, the mean of ln p of the target minus ln p "
        "of the model, in nats; of data they give bits per dimension.\n\n"
        "results.csv gets one row a training as soon as it is judged, cells/NAME/ its checkpoint and its "
        "losses. When all are done, table.md has means with 95 % intervals over the seeds, and gnuplot, "
        "where "
        "it is installed, draws errors.png beside its script and data. The best of a column is bold only "
        "where, seed by seed, the difference from each of the others has an interval without 0. Interrupted "
        "or killed, the same command goes on; the results come out the same, byte for byte.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(ablate_options),
    .hints = hints};
