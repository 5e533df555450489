/* Hidden folders of results: those of the dead are removed, and nobody else's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiments/output/staging.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static char folder[256];

static const char *at(const char *name) {
  static char text[512];
  snprintf(text, sizeof text, "%.255s/%.255s", folder, name);
  return text;
}

/* A folder of this name with a file in it is still there after the dead have been removed; then it goes. */
static bool stays(const char *name) {
  char file[600];
  if (mkdir(at(name), 0700) != 0) return false;
  snprintf(file, sizeof file, "%.511s/samples.npz", at(name));
  write_whole(file, "half of", 7);
  staging_remove_dead(folder);
  bool there = access(file, F_OK) == 0;
  unlink(file);
  rmdir(at(name));
  return there;
}

/* What a process that does this and then waits (or ends at once) has made. */
static pid_t child_with_folder(bool waits, char *name, size_t size) {
  int pipes[2];
  if (pipe(pipes) != 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    char *made = staging_make(folder);
    if (!made || write(pipes[1], made, strlen(made) + 1) < 0) _exit(1);
    if (waits) pause();
    _exit(0);
  }
  ssize_t length = read(pipes[0], name, size);
  CHECK(child > 0 && length > 1 && name[length - 1] == 0);
  close(pipes[0]);
  close(pipes[1]);
  return child;
}

static void of_processes(void) {
  char name[512];
  pid_t child = child_with_folder(true, name, sizeof name);
  staging_remove_dead(folder);
  CHECK(access(name, F_OK) == 0); /* it lives */
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  staging_remove_dead(folder);
  CHECK(access(name, F_OK) != 0);
  child = child_with_folder(false, name, sizeof name);
  CHECK(access(name, F_OK) == 0);
  siginfo_t how;
  CHECK(waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT) == 0);
  staging_remove_dead(folder);
  CHECK(access(name, F_OK) != 0); /* it has ended, though nobody has asked how */
  waitpid(child, NULL, 0);
  child = child_with_folder(false, name, sizeof name);
  waitpid(child, NULL, 0);
  CHECK(access(name, F_OK) == 0);
  staging_remove_dead(folder);
  CHECK(access(name, F_OK) != 0);
}

/* Names made by hand, from one of our own: .transit-PID-START-PLACE-K */
static void of_names(void) {
  char *mine = staging_make(folder), *again = staging_make(folder), place[64], name[256];
  long pid;
  unsigned long long start;
  CHECK(mine && again && strcmp(mine, again) != 0);
  CHECK(sscanf(strrchr(mine, '/'), "/.transit-%ld-%llu-%63[^-]", &pid, &start, place) == 3);
  CHECK(pid == (long)getpid() && start > 0);
  staging_remove_dead(folder);
  CHECK(rmdir(mine) == 0 && rmdir(again) == 0); /* they were there */
  free(mine);
  free(again);

  snprintf(name, sizeof name, ".transit-%ld-%llu-%s-7", pid, start, place);
  CHECK(stays(name));
  snprintf(name, sizeof name, ".transit-%ld-%llu-%s-0", pid, start + 1, place); /* the number taken anew */
  CHECK(!stays(name));
  snprintf(name, sizeof name, ".transit-%ld-%llu-%s-0", pid, start + 1, "00000000.1"); /* another machine's */
  CHECK(stays(name));
  snprintf(name, sizeof name, ".transit-%ld-0-%s-0", pid, place); /* a start that was not known */
  CHECK(stays(name));
  snprintf(name, sizeof name, ".transit-0-1-%s-0", place);
  CHECK(stays(name));
  CHECK(stays(".transit-XkR2d3") && stays(".transit-") && stays("transit-1-1-x-0"));
}

static void of_messages(void) {
  char message[] = "cannot write 'a/.transit-12-34-5f.6-0/x.npz' or 'b/.transit-1-2-u-0/y' in .transit-q/z";
  staging_hide(message);
  CHECK(strcmp(message, "cannot write 'a/x.npz' or 'b/y' in .transit-q/z") == 0);
}

int main(void) {
  of_messages();
  snprintf(folder, sizeof folder, "%s", scratch("folder"));
  CHECK(mkdir(folder, 0777) == 0);
  CHECK(!staging_make(scratch("none")) && errno == ENOENT);
  staging_remove_dead(scratch("none")); /* nothing to do */
  of_names();
  of_processes();
  CHECK(rmdir(folder) == 0);
  return check_report();
}
