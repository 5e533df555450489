#include "experiments/output/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX ".transit-"
#define TRIES  100

typedef struct {
  long pid;
  unsigned long long start;
  char place[64];
} owner;

/* ---- who a process is ---- */

/* The first line of a small file; empty where there is none. */
static const char *line_of(const char *path, char *text, int size) {
  FILE *file = fopen(path, "re");
  if (!file || !fgets(text, size, file)) text[0] = 0;
  if (file) fclose(file);
  return text;
}

/* Fields 3 and 22 of /proc/PID/stat, the state and the start. The name, field 2, stands in brackets and may
 * hold anything. 0: not known. */
static unsigned long long start_of(long pid, char *state) {
  char path[64], text[1024];
  unsigned long long start = 0;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  const char *at = strrchr(line_of(path, text, sizeof text), ')');
  *state = at && at[1] ? at[2] : 0;
  for (int field = 3; at && field <= 22; field++) at = strchr(at + 1, ' ');
  return at && sscanf(at, "%llu", &start) == 1 ? start : 0;
}

/* The boot and the space of process numbers, without '-'; "unknown" where the system does not tell. */
static void place_here(char *text, size_t size) {
  char boot[64], space[64];
  ssize_t length = readlink("/proc/self/ns/pid", space, sizeof space - 1);
  line_of("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  space[length > 0 ? length : 0] = 0;
  const char *number = strpbrk(space, "0123456789");
  if (!number || strlen(boot) < 8)
    snprintf(text, size, "unknown");
  else
    snprintf(text, size, "%.8s.%.*s", boot, (int)strspn(number, "0123456789"), number);
}

static owner owner_here(void) {
  char state;
  owner me = {.pid = (long)getpid(), .start = start_of((long)getpid(), &state)};
  place_here(me.place, sizeof me.place);
  return me;
}

/* ---- making one ---- */

char *staging_make(const char *path) {
  const owner me = owner_here();
  size_t size = strlen(path) + sizeof PREFIX + sizeof me.place + 64;
  char *name = malloc(size);
  for (int k = 0; name && k < TRIES; k++) {
    snprintf(name, size, "%s/" PREFIX "%ld-%llu-%s-%d", path, me.pid, me.start, me.place, k);
    if (mkdir(name, 0700) == 0) return name;
    if (errno != EEXIST) break;
  }
  int reason = name ? errno : ENOMEM;
  free(name);
  errno = reason;
  return NULL;
}

/* ---- those of the dead ---- */

static bool owner_of(const char *name, owner *out) {
  return sscanf(name, PREFIX "%ld-%llu-%63[^-]", &out->pid, &out->start, out->place) == 3;
}

static bool is_dead(const owner *who, const char *here) {
  if (strcmp(who->place, here) != 0 || strcmp(here, "unknown") == 0 || who->pid <= 0 || who->start == 0)
    return false;
  if (kill((pid_t)who->pid, 0) != 0 && errno == ESRCH) return true;
  char state;
  const unsigned long long start = start_of(who->pid, &state);
  return start != 0 && (start != who->start || state == 'Z'); /* Z: ended, and nobody has asked how */
}

static bool is_dot(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A folder with what it holds. */
static void remove_folder(int parent, const char *name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (!folder) {
    if (fd >= 0) close(fd);
    return;
  }
  for (struct dirent *entry; (entry = readdir(folder));)
    if (!is_dot(entry->d_name) && unlinkat(fd, entry->d_name, 0) != 0) remove_folder(fd, entry->d_name);
  closedir(folder);
  unlinkat(parent, name, AT_REMOVEDIR);
}

bool staging_remove(const char *path) {
  if (unlink(path) != 0 && errno != ENOENT) remove_folder(AT_FDCWD, path);
  return access(path, F_OK) != 0;
}

void staging_remove_dead(const char *path) {
  char here[64];
  owner who;
  DIR *folder = opendir(path);
  place_here(here, sizeof here);
  for (struct dirent *entry; folder && (entry = readdir(folder));)
    if (owner_of(entry->d_name, &who) && is_dead(&who, here)) remove_folder(dirfd(folder), entry->d_name);
  if (folder) closedir(folder);
}

/* ---- messages ---- */

void staging_hide(char *message) {
  owner unused;
  for (char *at = message; (at = strstr(at, "/" PREFIX));) {
    char *end = strchr(at + 1, '/');
    if (end && owner_of(at + 1, &unused))
      memmove(at, end, strlen(end) + 1);
    else
      at++;
  }
}
