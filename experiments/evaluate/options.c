#include "experiments/evaluate/options.h"

#include "experiments/common/program.h"

#define SETS(member)   .offset = offsetof(evaluate_options, member), .group = "What is compared"
#define NET(member)    .offset = offsetof(evaluate_options, member), .group = "Features"
#define METRIC(member) .offset = offsetof(evaluate_options, member), .group = "Metrics"

/* clang-format off */
static const tr_option options[] = {
    {SETS(samples), .name = "samples", .type = TR_OPTION_TEXT, .metavar = "A.npz|DIR",
     .help = "Pictures: `arr_0` (or `images`) of an .npz, uint8 (N,H,W,3), or the PNG and JPEG files of a folder, all of one size; of the folder of a run, its samples.npz."},
    {SETS(reference), .name = "reference", .type = TR_OPTION_TEXT, .metavar = "B.npz|DIR|NAME",
     .help = "The same, or a reference file of ADM: mu, sigma, mu_s and sigma_s then serve FID and sFID, arr_0 precision, recall and KID alone. "
             "A name of 'transit fetch --list', such as admnet-imagenet-256, is looked for and fetched."},
    {SETS(features), .name = "features", .type = TR_OPTION_TEXT, .metavar = "A.npz",
     .help = "In place of --samples, features that are there already: `pool`, `spatial`, and `probs` or `logits` (N, numbers)."},
    {SETS(reference_features), .name = "reference-features", .type = TR_OPTION_TEXT, .metavar = "B.npz",
     .help = "In place of --reference."},
    {NET(inception), .name = "inception", .type = TR_OPTION_TEXT, .metavar = "FILE|NAME",
     .help = "The PyTorch port of the network of 2015, pt_inception-2015-12-05-6726825d.pth, or `inception`, which is looked for and "
             "fetched (`transit fetch`)."},
    {NET(preprocess), .name = "preprocess", .type = TR_OPTION_CHOICE, .choices = "tf,torch", .default_text = "tf",
     .help = "How pictures come to 299 x 299: tf, TensorFlow 1's bilinear, as published numbers have it; torch, that of pytorch-fid."},
    {NET(batch), .name = "batch-size", .aliases = "batch", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 65536,
     .metavar = "N", .default_text = "64", .help = "Pictures that are read at a time; no result depends on it."},
    {NET(no_cache), .name = "no-cache", .type = TR_OPTION_FLAG,
     .help = "Neither look for features in FILE.features nor keep them there."},
    {METRIC(classifier_free), .name = "classifier-free", .type = TR_OPTION_FLAG,
     .help = "Also figures of the pixels themselves, for small data and without a network: sliced Wasserstein distance, MMD, and the share "
             "of samples whose nearest neighbour in the reference is of their class."},
    {METRIC(neighbours), .name = "neighbours", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 32,
     .metavar = "K", .default_text = "3", .help = "Precision and recall: balls reach to the K-th neighbour."},
    {METRIC(score_block), .name = "score-block", .type = TR_OPTION_INT, .flags = TR_OPTION_GE, .low = 1, .metavar = "N",
     .default_text = "5000", .help = "Inception Score: the mean over blocks of N samples."},
    {METRIC(kid_subsets), .name = "kid-subsets", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 1, .high = 100000,
     .metavar = "N", .default_text = "100", .help = "KID: the mean over N subsets."},
    {METRIC(kid_size), .name = "kid-size", .type = TR_OPTION_INT, .flags = TR_OPTION_GE, .low = 2, .metavar = "N",
     .default_text = "1000", .help = "KID: samples of a subset."},
    {METRIC(fid_inf), .name = "fid-inf", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 2, .high = 32, .metavar = "K",
     .default_note = "none", .help = "Also FID at K numbers of samples and its limit for many (arXiv 1911.07023)."},
    SEED_OPTION(METRIC(seed), .help = "Seed of subsets and bootstraps."),
    {.offset = offsetof(evaluate_options, save_stats), .group = "Metrics", .name = "save-stats", .type = TR_OPTION_TEXT, .metavar = "FILE.npz",
     .help = "Write mu, sigma, mu_s, sigma_s and up to 10,000 pictures as ADM's reference files have them: of the reference, or, "
             "where none is given, of the samples."},
    MACHINE_OPTIONS(offsetof(evaluate_options, machine), "Folder for evaluate.json and run.json."),
};
/* clang-format on */

const tr_option_table evaluate_table = {
    .program = TR_PROGRAM,
    .name = "evaluate",
    .summary = "Measure samples against a reference: FID, sFID, Inception Score, precision, recall, KID.",
    .details = "All as in ADM's evaluator, with 95 % intervals by bootstraps, but for distances: precision "
               "and recall have exact "
               "ones, where ADM's are float16, which puts its numbers 0.001 to 0.002 higher.\n\n"
               "evaluate.json holds the numbers (NAME and NAME_ci95, null where one is missing, with the "
               "reason in `missing`), "
               "both numbers of samples, and what is needed to make them again. Features are kept in "
               "FILE.features beside "
               "the pictures, whole shards of them also when the run is interrupted. FID falls as the number "
               "of samples "
               "grows: compare at equal numbers only.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(evaluate_options)};
