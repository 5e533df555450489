#include "experiments/commands.h"

#include <string.h>

const command *const commands[] = {
    &command_sample, &command_likelihood, &command_loss, &command_sweep, &command_tune_grid,
    &command_field,  &command_inspect,    &command_list, &command_man,   NULL};

const command *command_find(const char *name) {
  for (int i = 0; commands[i]; i++)
    if (strcmp(commands[i]->table->name, name) == 0) return commands[i];
  return NULL;
}

void commands_overview(FILE *out) {
  fputs("usage: transit COMMAND [arguments]\n\nTransport samplers: stochastic interpolants, flow matching, "
        "diffusion.\n\nCommands:\n",
        out);
  for (int i = 0; commands[i]; i++)
    fprintf(out, "  %-10s %s\n", commands[i]->table->name, commands[i]->table->summary);
  fputs("\nAlso:\n  --help     print this; 'transit COMMAND --help' tells about a command\n"
        "  --version  print versions, processor features and devices\n",
        out);
}
