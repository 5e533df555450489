/* transit man: the manual page, made from the option tables. */
#include "core/version.h"
#include "experiments/commands.h"

/* Commands that run as they stand, on what the source brings along. */
static const char *const examples[][2] = {
    {"Sixteen samples of the bundled digits, guided:",
     "transit sample ODE --ckpt experiments/digits/digits-ema.pt --num-samples 16 --cfg-scale 2 --out "
     "out/digits"},
    {"The same by the SDE, in 50 steps:", "transit sample SDE --ckpt experiments/digits/digits-ema.pt "
                                          "--num-samples 16 --num-sampling-steps 51 --out "
                                          "out/sde"},
    {"Bits per dimension of the data, with the solver's error shown:",
     "transit likelihood --ckpt experiments/digits/digits-ema.pt --data experiments/digits/digits.npz --num "
     "4 "
     "--check --out out/bits"},
    {"How many evaluations an error costs, on a target with an exact flow:",
     "transit sweep --target gmm:d=2,modes=8,std=0.1 --solvers dopri5,heun2,ab3 --seeds 0:4 --out out/sweep"},
    {"A time grid for ten evaluations of one solver, and the samples on it:",
     "transit tune-grid --ckpt experiments/digits/digits-ema.pt --sampling-method ab2 --nfe 10 --out "
     "out/grid"},
    {NULL,
     "transit sample ODE --ckpt experiments/digits/digits-ema.pt --sampling-method ab2 --time-grid list "
     "--grid-file out/grid/grid.txt --out out/tuned"},
    {"What a checkpoint holds, and what is registered:", "transit inspect experiments/digits/digits-ema.pt"},
    {NULL, "transit list ode-method"}};

static const char *const files[][2] = {
    {"CKPT.json", "Beside a checkpoint: training arguments that the checkpoint lacks."},
    {"DIR/run.json",
     "Every option as resolved, versions, and what the solver did: a run can be repeated from it."},
    {"DIR/samples.npz, samples.png", "Of sample: latents, labels, pixels; the first pictures."},
    {"DIR/likelihood.npz, histogram.png", "Of likelihood: logp, its error, bits per dimension, latents."},
    {"DIR/loss.txt, field.npz, grid.txt", "Of loss, field and tune\\-grid."},
    {"DIR/results.csv, manifest.json, table.md, *.gp, *.dat, *.png",
     "Of sweep and ablate: a row a run, what it was, tables, and plots with their data."},
    {"DIR/tight-*.npz", "Of sweep: its tight solves, so that a sweep that goes on need not make them again."},
    {"DIR/cells/NAME/model.safetensors, losses.csv",
     "Of ablate: of each training the running average and the losses."},
    {"DIR/.transit\\-*", "While a command runs: results that are not whole yet."}};

/* Text of an example, in which every minus is one that a shell takes. */
static void print_command(const char *text) {
  fputs(".PP\n.RS\n.nf\n", stdout);
  for (; *text; text++) {
    if (*text == '-') putchar('\\');
    putchar(*text);
  }
  fputs("\n.fi\n.RE\n", stdout);
}

static void print_files(void) {
  fputs(".SH FILES\nDIR is the folder of \\-\\-out. Its files appear together when a run is complete.\n",
        stdout);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    printf(".TP\n\\fI%s\\fR\n%s\n", files[i][0], files[i][1]);
}

static void print_examples(void) {
  fputs(".SH EXAMPLES\n", stdout);
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    if (examples[i][0]) printf(".PP\n%s\n", examples[i][0]);
    print_command(examples[i][1]);
  }
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  (void)parsed, (void)values;
  printf(".TH TRANSIT 1 \"\" \"transit %s\" \"User Commands\"\n", tr_version());
  fputs(".SH NAME\ntransit \\- transport samplers: stochastic interpolants, flow matching, diffusion\n"
        ".SH SYNOPSIS\n.B transit\n.I COMMAND\n[arguments]\n"
        ".SH DESCRIPTION\n"
        "Everything follows from x_t = alpha(t) x1 + sigma(t) x0, with x0 standard normal, t = 0 noise and "
        "t = 1 data.\n"
        "Options are written \\-\\-name value or \\-\\-name=value; giving one twice is an error,\n"
        "but for those that may be given again.\n"
        ".SH COMMANDS\n",
        stdout);
  for (int i = 0; commands[i]; i++) tr_options_man(p->ctx, commands[i]->table, stdout);
  print_files();
  print_examples();
  fputs(".SH EXIT STATUS\n.TP\n0\nEverything was done.\n"
        ".TP\n1\nA failure: a file that cannot be read, a solver that gave up.\n"
        ".TP\n2\nWrong usage; nothing was written.\n"
        ".TP\n129, 130, 143, 152\nInterrupted by the end of the terminal, by Ctrl\\-C, by SIGTERM, by "
        "SIGXCPU; nothing was left "
        "half\\-written.\n",
        stdout);
  return TR_OK;
}

static const tr_option_table table = {
    .program = TR_PROGRAM, .name = "man", .summary = "Print the manual page (troff)."};

const command command_man = {.table = &table, .run = run};
