#include "tests/misuse/child.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 60 /* seconds: a call that goes on for ever is a failure too */

enum { YES, NO };

bool child_says_yes(bool (*judge)(const void *user), const void *user, const char *what) {
  int state = -1;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    alarm(PATIENCE);
    _exit(judge(user) ? YES : NO);
  }
  if (child < 0 || waitpid(child, &state, 0) != child) state = -1;
  if (WIFSIGNALED(state) && WTERMSIG(state) == SIGALRM)
    fprintf(stderr, "%s: no end\n", what);
  else if (!WIFEXITED(state) || WEXITSTATUS(state) > NO)
    fprintf(stderr, "%s: crashed\n", what);
  return WIFEXITED(state) && WEXITSTATUS(state) == YES;
}

tr_status misuse_crash(void) {
  return *(volatile tr_status *)NULL;
}

tr_status misuse_accept(void) {
  return TR_OK;
}

tr_status misuse_say_nothing(void) {
  return TR_E_ARG;
}
