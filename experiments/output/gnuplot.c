#include "experiments/output/gnuplot.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/text.h"

extern char **environ;

void gnuplot_quoted(FILE *out, const char *text) {
  char shown[1024];
  fputc('\'', out);
  for (const char *c = tr_text_show(text, strlen(text), shown, sizeof shown); *c; c++)
    fputs(*c == '\'' ? "''" : (char[]){*c, 0}, out);
  fputc('\'', out);
}

void gnuplot_begin(FILE *out, const char *base, int height, const char *title) {
  fprintf(out, "# gnuplot %s.gp draws %s.png\ndata = \"%s.dat\"\n", base, base, base);
  fprintf(out,
          "if (strstrt(GPVAL_TERMINALS, \"pngcairo\")) {\n  set terminal pngcairo size 1100,%d noenhanced\n} "
          "else {\n"
          "  set terminal png size 1100,%d noenhanced\n}\n",
          height, height);
  fprintf(out, "set output \"%s.png\"\nset title ", base);
  gnuplot_quoted(out, title);
  fputc('\n', out);
}

/* Okabe and Ito's colours, told apart by the colour-blind too, without the yellow. */
const char *gnuplot_colour(int i) {
  static const char *const colours[] = {"0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9", "000000"};
  return colours[i % (int)(sizeof colours / sizeof *colours)];
}

bool gnuplot_draw(const char *folder, const char *script) {
  static char shell_line[] = "cd -- \"$1\" && exec gnuplot \"$2\"";
  char *const words[] = {"sh", "-c", shell_line, "sh", strdup(folder), strdup(script), NULL};
  posix_spawn_file_actions_t quiet;
  pid_t child;
  int status = -1;
  if (words[4] && words[5] && posix_spawn_file_actions_init(&quiet) == 0) {
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
    if (posix_spawnp(&child, "sh", &quiet, NULL, words, environ) == 0)
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    posix_spawn_file_actions_destroy(&quiet);
  }
  free(words[4]);
  free(words[5]);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
