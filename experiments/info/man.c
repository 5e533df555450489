/* transit man: the manual page, made from the option tables. */
#include "core/version.h"
#include "experiments/commands.h"

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
