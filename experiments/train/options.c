#include "experiments/train/options.h"

#include "experiments/common/program.h"
#include "nets/train/power.h"
#include "transport/loss/loss.h"

#define ROW(member)       .offset = offsetof(train_options, member)
#define DATA(member)      ROW(member), .group = "Data"
#define NETWORK(member)   ROW(member), .group = "Network"
#define LOSS(member)      ROW(member), .group = "Loss"
#define STEPS(member)     ROW(member), .group = "Steps"
#define PREVIEW(member)   ROW(member), .group = "Samples while training"
#define EVALUATE(member)  ROW(member), .group = "Evaluation while training"
#define FILES(member)     ROW(member), .group = "Log and checkpoints"
#define AT_LEAST(number)  .flags = TR_OPTION_GE, .low = (number)
#define BETWEEN(from, to) .flags = TR_OPTION_GE | TR_OPTION_LE, .low = (from), .high = (to)

/* clang-format off */
static const tr_option options[] = {
    {DATA(data_path), .name = "data-path", .type = TR_OPTION_TEXT, .metavar = "PATH",
     .help = "FILE.npz with `images` (levels 0 to 255), `latents` or `arr_0`, and `labels`; FILE.npy of numbers (N,C,H,W) or (N,dim); or a "
             "folder of class folders of PNG and JPEG images of any size."},
    {DATA(image_size), .name = "image-size", .type = TR_OPTION_INT, .metavar = "S", BETWEEN(1, 65536),
     .default_note = "that of the file",
     .help = "Images of a folder are cropped to this height and width, as SiT's code does: the middle square, after its sides were shrunk or "
             "grown to S. A folder needs it."},
    {DATA(num_classes), .name = "num-classes", .type = TR_OPTION_INT, .metavar = "K", BETWEEN(1, 1e9),
     .default_note = "the largest label and one more", .help = "Classes; the null class comes after them."},
    {DATA(flip), .name = "flip", .type = TR_OPTION_FLAG, .help = "Mirror every second image, left to right, as SiT's code does."},
    {DATA(num_workers), .name = "num-workers", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(0, 1024),
     .default_note = "--threads, at most 4; 0 for data in memory",
     .help = "Threads that read and crop images ahead of the steps; 0: each step reads its own. The results are the same."},
    {DATA(strict), .name = "strict", .type = TR_OPTION_FLAG,
     .help = "End with an error at data that cannot be used. Without it images that cannot be read are named, counted and skipped: a drawn "
             "one takes the place."},
    {DATA(draws), .name = "draws", .type = TR_OPTION_TEXT, .metavar = "FILE.npz",
     .help = "x1, x0 (S,N,...), t (S,N) and y (S,N): the first S steps take these instead of what they would draw, and drop no label."},

    {NETWORK(model), .name = "model", .type = TR_OPTION_TEXT, .metavar = "NAME",
     .default_note = "a network of --hidden, --depth, --num-heads and --patch",
     .help = "SiT-S/2, SiT-B/4, ...: a SiT of the sizes of SiT's code ('transit list network')."},
    {NETWORK(hidden), .name = "hidden", .type = TR_OPTION_INT, .metavar = "D", BETWEEN(1, 65536), .default_note = "64",
     .help = "Width, without --model."},
    {NETWORK(depth), .name = "depth", .type = TR_OPTION_INT, .metavar = "L", BETWEEN(1, 1000), .default_note = "6 for images, 3 for vectors",
     .help = "Blocks of a SiT, or hidden layers of the MLP that states of one dimension get."},
    {NETWORK(num_heads), .name = "num-heads", .type = TR_OPTION_INT, .metavar = "H", BETWEEN(1, 4096), .default_note = "4",
     .help = "Attention heads, without --model."},
    {NETWORK(patch), .name = "patch", .type = TR_OPTION_INT, .metavar = "P", BETWEEN(1, 4096), .default_note = "2",
     .help = "Side of a patch, without --model."},
    {NETWORK(learn_sigma), .name = "learn-sigma", .type = TR_OPTION_CHOICE, .choices = "true,false", .default_text = "true",
     .help = "Whether a SiT has twice the channels, of which the first half is used, as in SiT's code."},
    {NETWORK(init_weights), .name = "init-weights", .type = TR_OPTION_TEXT, .metavar = "FILE",
     .help = "Begin with the weights of a checkpoint instead of random ones; steps are counted from 0."},

    {LOSS(path_type), .name = "path-type", .type = TR_OPTION_CHOICE, .kind = TR_KIND_INTERPOLANT, .metavar = "NAME",
     .default_text = "Linear", .help = "Interpolant."},
    {LOSS(path_params), PARAM_OPTION("path-param", "the interpolant", TR_KIND_INTERPOLANT)},
    {LOSS(prediction), .name = "prediction", .type = TR_OPTION_CHOICE, .kind = TR_KIND_PREDICTION, .metavar = "NAME",
     .default_text = "velocity", .help = "What the network learns to predict."},
    {LOSS(loss_weight), .name = "loss-weight", .type = TR_OPTION_CHOICE, .kind = TR_KIND_LOSS_WEIGHT, .metavar = "NAME",
     .default_text = "none", .help = "Weight of the loss by time; velocity losses have weight 1 always."},
    {LOSS(train_eps), .name = "train-eps", .type = TR_OPTION_DOUBLE, .metavar = "E", .flags = TR_OPTION_GE | TR_OPTION_LT, .low = 0,
     .high = 0.5, .default_note = "that of SiT's code for path and prediction",
     .help = "Times are drawn this far away from the ends where something is infinite."},
    {LOSS(time_sampling), .name = "time-sampling", .type = TR_OPTION_CHOICE, .choices = "uniform,logit-normal,stratified",
     .default_text = "uniform", .help = "Law of the times; stratified has one in each N-th part of a batch of N."},
    {LOSS(time_mean), .name = "time-mean", .type = TR_OPTION_DOUBLE, .metavar = "M", .default_text = "0",
     .help = "Of logit-normal times: the mean of logit t."},
    {LOSS(time_std), .name = "time-std", .type = TR_OPTION_DOUBLE, .metavar = "S", .flags = TR_OPTION_GT, .low = 0, .default_text = "1",
     .help = "The same: its standard deviation."},
    {LOSS(label_dropout), .name = "label-dropout", .type = TR_OPTION_DOUBLE, .metavar = "P", BETWEEN(0, 1), .default_text = "0.1",
     .help = "How often a label becomes the null class, for guidance."},

    {STEPS(batch), .name = "global-batch-size", .aliases = "batch-size", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 1e9), .default_text = "256",
     .help = "Rows of a step, of all ranks together: a multiple of their number."},
    {STEPS(accumulate), .name = "accumulate", .type = TR_OPTION_INT, .metavar = "K", BETWEEN(1, 1e9), .default_text = "1",
     .help = "Pieces in which a batch goes through the network: less memory, the same bits."},
    {STEPS(epochs), .name = "epochs", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_text = "1400",
     .help = "Passes over the data; what is left over of a batch is left out, as in SiT's code."},
    {STEPS(max_steps), .name = "max-steps", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_note = "none",
     .help = "Stop after so many steps, those before a resume included."},
    {STEPS(max_minutes), .name = "max-minutes", .type = TR_OPTION_DOUBLE, .metavar = "M", .flags = TR_OPTION_GT, .low = 0,
     .default_note = "none", .help = "Stop with a checkpoint after so many minutes of this run."},
    {STEPS(lr), .name = "lr", .type = TR_OPTION_DOUBLE, .metavar = "X", AT_LEAST(0), .default_text = "1e-4", .help = "Learning rate of AdamW."},
    {STEPS(betas), .name = "betas", .type = TR_OPTION_DOUBLES, .count = 2, .metavar = "B1,B2", .flags = TR_OPTION_GE | TR_OPTION_LT,
     .low = 0, .high = 1, .default_text = "0.9,0.999", .help = "What its two averages keep each step."},
    {STEPS(weight_decay), .name = "weight-decay", .type = TR_OPTION_DOUBLE, .metavar = "X", AT_LEAST(0), .default_text = "0",
     .help = "Decay of all parameters, times the learning rate."},
    {STEPS(warmup), .name = "warmup", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(0, 4e9), .default_text = "0",
     .help = "Steps in which the learning rate rises."},
    {STEPS(lr_schedule), .name = "lr-schedule", .type = TR_OPTION_CHOICE, .choices = "constant,cosine", .default_text = "constant",
     .help = "After the rise; cosine falls to 0 at the last step."},
    {STEPS(clip_grad), .name = "clip-grad", .type = TR_OPTION_DOUBLE, .metavar = "X", .flags = TR_OPTION_GT, .low = 0, .default_note = "none",
     .help = "The largest norm of the gradient; a longer one is shortened."},
    {STEPS(ema_decay), .name = "ema-decay", .type = TR_OPTION_DOUBLES, .metavar = "D1,D2,...", BETWEEN(0, 1), .default_text = "0.9999",
     .help = "Decays of up to 4 running averages of the parameters; the first is `ema`."},
    {STEPS(ema_sigma_rel), .name = "ema-sigma-rel", .type = TR_OPTION_DOUBLES, .metavar = "S1,S2,...", BETWEEN(TR_SIGMA_REL_LEAST, 0.288675),
     .default_note = "none",
     .help = "Averages by a power of the step, of these relative widths (EDM2), beside those of --ema-decay: 4 together. Snapshots of them "
             "go to DIR/ema, from which 'transit ema' makes an average of any width; two such as 0.05,0.10 will do."},
    {STEPS(ema_every), .name = "ema-every", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_note = "--ckpt-every",
     .help = "Steps between these snapshots, one more at the last step; --keep keeps all. Each width takes as much disk as one .safetensors."},
    {STEPS(recompute), .name = "recompute", .type = TR_OPTION_FLAG,
     .help = "Compute activations again on the way back instead of keeping them: less memory, the same bits, a third more work."},
    {STEPS(seed), .name = "global-seed", .aliases = "seed", .type = TR_OPTION_INT, .metavar = "S", AT_LEAST(0), .default_text = "0",
     .help = "Seed of the weights, the order of the data and of everything drawn."},

    {PREVIEW(sample_every), .name = "sample-every", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_note = "never",
     .help = "Steps between drawings by the average, DIR/samples/0000100.png, or .npz for what is no picture: what 'transit sample ODE "
             "--sampling-method heun2' draws from a checkpoint of that step. They change nothing of the training."},
    {PREVIEW(cfg_scale), .name = "cfg-scale", .type = TR_OPTION_DOUBLE, .metavar = "X", AT_LEAST(0), .default_text = "4",
     .help = "Guidance of these samples, where there is a null class; 1 is none."},
    {PREVIEW(num_samples), .name = "num-samples", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 1e6), .default_text = "16",
     .help = "How many, with the classes in turn and the same noise each time."},
    {PREVIEW(num_sampling_steps), .name = "num-sampling-steps", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(2, 1e6), .default_text = "26",
     .help = "Points of the uniform grid; each of the N - 1 steps of heun2 takes two evaluations of the network."},
    {PREVIEW(sample_eps), .name = "sample-eps", .type = TR_OPTION_DOUBLE, .metavar = "E", .flags = TR_OPTION_GE | TR_OPTION_LT, .low = 0,
     .high = 0.5, .default_note = "that of SiT's code for path and prediction",
     .help = "They begin and end this far away from the ends where something is infinite, as those of 'transit sample --sample-eps'."},

    AUTOENCODER_OPTIONS(offsetof(train_options, vae), .default_note = "none: samples of latents have no pictures"),

    {EVALUATE(evaluate_every), .name = "evaluate-every", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_note = "never",
     .help = "Steps between measurements of samples drawn by the average, with the sampler of --sample-every, --num-sampling-steps and "
             "--sample-eps. With --inception and --evaluate-reference: FID and what else 'transit evaluate' gives; without a network: sliced "
             "Wasserstein distance, MMD and nearest-neighbour class accuracy. They stand in metrics.jsonl, log.txt and TensorBoard, and "
             "change nothing of the training."},
    {EVALUATE(evaluate_samples), .name = "evaluate-samples", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(2, 1e6), .default_text = "1000",
     .help = "How many, with the classes in turn and the same noise each time. FID falls as they grow: compare equal numbers."},
    {EVALUATE(evaluate_scale), .name = "evaluate-scale", .type = TR_OPTION_DOUBLE, .metavar = "X", AT_LEAST(0), .default_text = "1",
     .help = "Guidance of these samples, where there is a null class; 1 is none."},
    {EVALUATE(evaluate_reference), .name = "evaluate-reference", .type = TR_OPTION_TEXT, .metavar = "FILE.npz|DIR|NAME",
     .default_note = "the data of --data-path, up to 5000 inputs, which --inception cannot take",
     .help = "Pictures, or with --inception stored statistics, as --reference of 'transit evaluate'."},
    {EVALUATE(inception), .name = "inception", .type = TR_OPTION_TEXT, .metavar = "FILE|NAME",
     .help = "The Inception network, as of 'transit evaluate'."},
    {EVALUATE(preprocess), .name = "preprocess", .type = TR_OPTION_CHOICE, .choices = "tf,torch", .default_text = "tf",
     .help = "What it sees of a picture, as of 'transit evaluate'."},

    {FILES(log_every), .name = "log-every", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_text = "100",
     .help = "Steps between lines of metrics.jsonl and log.txt."},
    {FILES(ckpt_every), .name = "ckpt-every", .type = TR_OPTION_INT, .metavar = "N", BETWEEN(1, 4e9), .default_text = "50000",
     .help = "Steps between checkpoints; there is one at the end, and one on Ctrl-C and SIGTERM."},
    {FILES(keep), .name = "keep", .type = TR_OPTION_INT, .metavar = "K", BETWEEN(1, 4e9), .default_note = "all",
     .help = "Keep the last K checkpoints only."},
    {FILES(wandb), .name = "wandb", .type = TR_OPTION_FLAG,
     .help = "Log to Weights & Biases too, by its Python package in a child process (python3 of PATH; pip install wandb). WANDB_KEY, ENTITY and "
             "PROJECT of the environment are what SiT's code reads; WANDB_MODE=offline needs none of them. --resume goes on with the same run."},
    {FILES(no_wandb), .name = "no-wandb", .type = TR_OPTION_FLAG, .help = "No more of it, of a training that --resume goes on with."},
    {FILES(resume), .name = "resume", .type = TR_OPTION_TEXT, .metavar = "DIR",
     .help = "Go on with the training in DIR exactly as if it had not stopped, with its options. Given again they must be the same, but "
             "for --data-path where the same data lies now, --max-minutes, --ckpt-every, --ema-every, --keep, --sample-every and --evaluate-every with their groups, --vae, --tiles, --wandb or --no-wandb, --accumulate, --recompute, --num-workers, --strict, --threads, --device and, with a constant rate, --max-steps and --epochs."},
    {FILES(ckpt), .name = "ckpt", .type = TR_OPTION_TEXT, .metavar = "FILE.pt",
     .help = "Go on from a file of this program or of SiT's train.py: its model, ema, opt and step, with the options given here."},
    MACHINE_OPTIONS(offsetof(train_options, machine), "Folder for checkpoints/, metrics.jsonl, TensorBoard's events, log.txt and run.json."),
};
/* clang-format on */

const tr_option_table train_table = {
    .program = TR_PROGRAM,
    .name = "train",
    .summary = "Train a network on images, latents or vectors.",
    .details = "Checkpoints are checkpoints/0000100.pt in the form of SiT's code (model, ema, opt, args), "
               "which PyTorch "
               "loads with weights_only=True, and the average beside them as .safetensors.\n\n"
               "Everything random is drawn by address: the order of the data by seed and epoch, the rest by "
               "seed, step and row "
               "of the batch. So a training that stopped (Ctrl-C, SIGTERM, --max-minutes, a crash) goes on "
               "by --resume DIR to "
               "the same bits that it would have had. A folder that holds a training is given to no "
               "other run, nor to the same one before it is complete.\n\n"
               "'mpirun -n R transit train ...' trains on R ranks, each with its share of the rows: the "
               "losses are the same to rounding.\n\n" SIT_CODE,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(train_options)};
