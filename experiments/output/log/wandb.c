#include "experiments/output/log/wandb.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/common/program.h"

extern char **environ;

enum {
  SLICE = 100 /* ms */,
  PATIENCE = 10 /* s, until a child that does not listen is given up */,
  LAST = 60
};

static const char script[] = {
#include "experiments/output/log/wandb_script.inc"
    0};

struct wandb {
  tr_ctx *ctx;
  pid_t child;
  int socket; /* -1: nothing more is sent */
};

/* ---- the child ---- */

static tr_status spawn(tr_ctx *ctx, int own, pid_t *child) {
  char *const words[] = {"python3", "-c", (char *)script, NULL};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, own, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_init(&how);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
  const int failed = posix_spawnp(child, words[0], &files, &how, words, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  if (!failed) return TR_OK;
  return TR_FAIL(ctx, TR_E_UNSUPPORTED, "--wandb needs python3, which cannot be started: %s",
                 strerror(failed));
}

static void hang_up(wandb *w) {
  if (w->socket >= 0) close(w->socket);
  w->socket = -1;
}

/* One who takes the child as it is, in whatever state. */
static void let_go(wandb **owner) {
  wandb *w = *owner;
  hang_up(w);
  if (w->child > 0) waitpid(w->child, NULL, WNOHANG);
  free(w);
  *owner = NULL;
}

/* ---- lines ---- */

/* Whether the socket is ready before the time is over, or a signal came where one counts. */
static bool is_ready(const wandb *w, short events, double seconds, bool to_signal) {
  const double begun = program_seconds();
  struct pollfd at = {.fd = w->socket, .events = events};
  do {
    if (poll(&at, 1, SLICE) > 0) return true;
  } while (program_seconds() - begun < seconds && !(to_signal && program_signal()));
  return false;
}

static bool send_text(wandb *w, const char *text, size_t size) {
  while (size) {
    const ssize_t sent = send(w->socket, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      text += sent;
      size -= (size_t)sent;
    } else if (errno != EINTR &&
               !((errno == EAGAIN || errno == EWOULDBLOCK) && is_ready(w, POLLOUT, PATIENCE, false))) {
      return false;
    }
  }
  return true;
}

/* Takes the line over. */
static bool send_line(wandb *w, json_t *line) {
  char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
  const bool sent = text && send_text(w, text, strlen(text)) && send_text(w, "\n", 1);
  free(text);
  json_decref(line);
  return sent;
}

/* The child's next line as an object; NULL when it has ended, or a signal came. */
static json_t *receive(const wandb *w) {
  char line[4096];
  size_t n = 0;
  while (n < sizeof line && is_ready(w, POLLIN, 1e9, true)) {
    const ssize_t got = recv(w->socket, line + n, 1, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return NULL;
    if (line[n] == '\n') return json_loadb(line, n, 0, NULL);
    n++;
  }
  return NULL;
}

/* Its answer, or why there is none. */
static tr_status ask(const wandb *w, tr_status otherwise, json_t **out) {
  json_t *answer = receive(w);
  const char *error = json_string_value(json_object_get(answer, "error"));
  tr_status status = TR_OK;
  if (!answer && program_signal())
    status = TR_FAIL(w->ctx, TR_E_INTERRUPTED, "interrupted: nothing was written");
  else if (!answer)
    status = TR_FAIL(w->ctx, otherwise, "--wandb: python3 ended, or said what is no answer");
  else if (error)
    status = TR_FAIL(w->ctx, otherwise, "--wandb: %s", TR_SHOW(error, 350));
  if (status != TR_OK) json_decref(answer);
  *out = status == TR_OK ? answer : NULL;
  return status;
}

static tr_status open_child(wandb *w) {
  int pair[2];
  json_t *version;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    return TR_FAIL(w->ctx, TR_E_IO, "--wandb: no socket: %s", strerror(errno));
  w->socket = pair[0];
  for (int i = 0; i < 2; i++) fcntl(pair[i], F_SETFD, FD_CLOEXEC);
  tr_status status = spawn(w->ctx, pair[1], &w->child);
  close(pair[1]);
  TR_TRY(status);
  TR_TRY(ask(w, TR_E_UNSUPPORTED, &version));
  json_decref(version);
  return TR_OK;
}

tr_status wandb_start(tr_ctx *ctx, wandb **out) {
  *out = NULL;
  wandb *w = malloc(sizeof *w);
  if (!w) return TR_FAIL(ctx, TR_E_MEM, "out of memory for wandb");
  *w = (wandb){.ctx = ctx, .socket = -1};
  tr_status status = open_child(w);
  if (status != TR_OK) let_go(&w);
  *out = w;
  return status;
}

tr_status wandb_begin(wandb *w, const char *folder, const char *id, const json_t *config, json_t **run) {
  char output[4096];
  snprintf(output, sizeof output, "%s/wandb.txt", folder);
  json_t *line = json_pack("{s:{s:s, s:s?, s:O}, s:s}", "begin", "dir", folder, "id", id, "config", config,
                           "output", output);
  *run = NULL;
  tr_status status = send_line(w, line) ? ask(w, TR_E_IO, run)
                                        : TR_FAIL(w->ctx, TR_E_IO, "--wandb: python3 does not listen");
  if (status != TR_OK) hang_up(w); /* there is no run that an end could be told of */
  return status;
}

/* ---- a run ---- */

static void tell(wandb *w, json_t *line) {
  if (w->socket < 0) {
    json_decref(line);
    return;
  }
  if (send_line(w, line)) return;
  hang_up(w);
  tr_ctx_warn(w->ctx,
              "wandb has ended or does not listen (its output is in wandb.txt): nothing more is sent to "
              "it, the training goes on");
}

void wandb_numbers(wandb *w, int64_t step, const json_t *numbers) {
  if (w) tell(w, json_pack("{s:I, s:O}", "step", (json_int_t)step, "numbers", numbers));
}

void wandb_image(wandb *w, int64_t step, const char *name, const char *path) {
  if (w) tell(w, json_pack("{s:I, s:{s:s}}", "step", (json_int_t)step, "images", name, path));
}

/* Whether the child has ended before the time is over. */
static bool has_ended(const wandb *w, double seconds) {
  const double begun = program_seconds();
  const struct timespec slice = {.tv_nsec = SLICE * 1000000L / 5};
  while (waitpid(w->child, NULL, WNOHANG) == 0) {
    if (program_seconds() - begun >= seconds) return false;
    nanosleep(&slice, NULL);
  }
  return true;
}

void wandb_finish(wandb **owner, int status) {
  wandb *w = *owner;
  if (!w) return;
  if (w->socket >= 0) tell(w, json_pack("{s:i}", "finish", status));
  if (w->socket >= 0 && !has_ended(w, LAST))
    tr_ctx_warn(w->ctx, "wandb is still at work after %d s: it ends by itself", LAST);
  let_go(owner);
}
