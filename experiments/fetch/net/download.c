#include "experiments/fetch/net/download.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/common/progress.h"
#include "experiments/fetch/net/digest.h"
#include "experiments/fetch/net/lock.h"
#include "experiments/files/paths.h"

enum { TRIES = 5 /* in a row that bring nothing, or too little */, LONG_WAIT = 5 /* seconds, said */ };

typedef struct {
  program *program;
  http *http;
  const download_job *job;
  char partial[FETCH_PATH];
  int fd;
  int64_t size, have, best; /* best: the most that was ever there */
  bool inherited;           /* some of it comes from another process */
  bool begun, complete;     /* of the answer of now; of all */
  char etag[HTTP_WORD];     /* of the first answer */
  char lie[200];            /* what is wrong with an answer; "": nothing */
  int write_error;
  progress bar;
  double rate, measured; /* bytes a second; when */
  int64_t measured_at;   /* how many there were then */
} transfer;

/* ---- what is said ---- */

/* Of a number of bytes, in a unit for all of them. */
static double in_units(const transfer *t, int64_t bytes) {
  return (double)bytes / (t->size >= 1000000 || t->have >= 1000000 ? 1e6 : 1e3);
}

static const char *unit(const transfer *t) {
  return in_units(t, 1000) < 1 ? "MB" : "kB";
}

static bool is_kept(const transfer *t) {
  return t->have > 0 && t->job->digest;
}

/* A failure that leaves what has arrived, if it can be gone on with. */
static tr_status fail_kept(transfer *t, tr_status status, const char *why) {
  char all[40] = "", kept[400] = "";
  if (t->size >= 0) snprintf(all, sizeof all, " of %.1f", in_units(t, t->size));
  if (is_kept(t))
    snprintf(kept, sizeof kept, "; %.1f%s %s are kept in '%s': run it again to go on", in_units(t, t->have),
             all, unit(t), TR_SHOW(t->partial, 300));
  tr_ctx_clear(t->program->ctx);
  return TR_FAIL(t->program->ctx, status, "%s: %s%s", TR_SHOW(t->job->shown, 80), why, kept);
}

/* A failure after which nothing of it is of use. */
static tr_status fail_dropped(transfer *t, const char *why) {
  t->have = 0;
  return fail_kept(t, TR_E_IO, why);
}

static void measure(transfer *t, double now) {
  const double seconds = now - t->measured;
  if (seconds < 0.5) return;
  const double rate = (double)(t->have - t->measured_at) / seconds;
  t->rate = t->rate > 0 ? t->rate + (rate - t->rate) * (1 - exp(-seconds / 5)) : rate;
  t->measured = now;
  t->measured_at = t->have;
}

static double seconds_left(const void *user, double seconds, double fraction, long n) {
  const transfer *t = user;
  (void)seconds, (void)fraction, (void)n;
  return t->rate > 0 && t->size >= 0 ? (double)(t->size - t->have) / t->rate : INFINITY;
}

static void show(transfer *t) {
  if (!t->bar.shown) return;
  measure(t, program_seconds());
  snprintf(t->bar.what, sizeof t->bar.what, "%s, %.1f of %.1f %s, %.1f MB/s", TR_SHOW(t->job->shown, 32),
           in_units(t, t->have), in_units(t, t->size), unit(t), t->rate / 1e6);
  progress_tick((double)t->have, 0, &t->bar);
}

static void start_bar(transfer *t) {
  progress_start(&t->bar);
  t->bar.left = seconds_left;
  t->bar.left_user = t;
  progress_part(&t->bar, 1, (double)t->have, (double)t->size);
  t->measured = program_seconds();
  t->measured_at = t->have;
}

/* ---- the body ---- */

/* From the first byte again. */
static bool start_again(transfer *t) {
  t->have = 0;
  t->inherited = false;
  if (ftruncate(t->fd, 0) == 0) return true;
  t->write_error = errno;
  return false;
}

#define LIE(t, ...) (snprintf((t)->lie, sizeof(t)->lie, __VA_ARGS__), false)

/* Whether the answer is about the file that the hub spoke of. */
static bool begin(transfer *t, const http_answer *a) {
  const int64_t total = a->status == 206 ? a->total : a->length;
  t->begun = true;
  if (a->status == 200 && t->have > 0 && !start_again(t)) return false;
  if (a->status == 206 && a->first != t->have)
    return LIE(t, "the server sends bytes from %" PRId64 " on where those from %" PRId64 " on were asked for",
               a->first, t->have);
  if (t->size >= 0 && total >= 0 && total != t->size)
    return LIE(t, "the server says that it has %" PRId64 " bytes, but it should have %" PRId64, total,
               t->size);
  if (*t->etag && *a->etag && !t->job->digest && strcmp(t->etag, a->etag) != 0)
    return LIE(t, "it changed on the server while it was fetched");
  snprintf(t->etag, sizeof t->etag, "%s", a->etag);
  if (t->size < 0) t->size = total;
  return true;
}

static bool write_all(transfer *t, const char *data, size_t n) {
  while (n > 0) {
    const ssize_t done = pwrite(t->fd, data, n, (off_t)t->have);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      t->write_error = done < 0 ? errno : ENOSPC;
      return false;
    }
    data += done, n -= (size_t)done, t->have += done;
  }
  return true;
}

static bool take_body(void *user, const http_answer *a, const char *data, size_t n) {
  transfer *t = user;
  if (!t->begun && !begin(t, a)) return false;
  if (t->size >= 0 && (int64_t)n > t->size - t->have)
    return LIE(t, "the server sends more than its %" PRId64 " bytes", t->size);
  if (!write_all(t, data, n)) return false;
  show(t);
  return true;
}

/* ---- one request after another ---- */

static tr_status stopped(transfer *t) {
  char why[300];
  if (*t->lie) return fail_dropped(t, t->lie);
  snprintf(why, sizeof why, "the file cannot be written: %s", strerror(t->write_error));
  return fail_kept(t, TR_E_IO, why);
}

/* A status that is no part of the file. */
static tr_status refused(transfer *t, const http_answer *a) {
  char words[320], why[400];
  const char *advice =
      a->status == 401 || a->status == 403 ? ": a token is needed (HF_TOKEN), or another one" : "";
  snprintf(why, sizeof why, "%s%s", http_words(a, words, sizeof words), advice);
  return fail_kept(t, TR_E_IO, why);
}

/* The range lies outside the file: all of it is there, or what is there is of no use. */
static tr_status out_of_range(transfer *t, const http_answer *a, bool *again) {
  if (t->size < 0 && a->total == t->have) return t->complete = true, TR_OK;
  if (t->have == 0) return refused(t, a);
  *again = true;
  return start_again(t) ? TR_OK : stopped(t);
}

/* What came of a request; *again: the next is due. */
static tr_status judge(transfer *t, const http_answer *a, bool *again) {
  const bool good = a->fate == HTTP_ANSWERED && (a->status == 200 || a->status == 206);
  *again = false;
  if (a->fate == HTTP_STOPPED) return stopped(t);
  if (good && !t->begun && !begin(t, a)) return stopped(t);
  if (good && (t->size < 0 || t->have == t->size)) return t->complete = true, TR_OK;
  if (a->fate == HTTP_ANSWERED && a->status == 416) return out_of_range(t, a, again);
  *again = good || a->fate != HTTP_ANSWERED || http_may_pass(a);
  return *again ? TR_OK : refused(t, a);
}

static tr_status pause_after(transfer *t, const http_answer *a, int tries) {
  const double seconds = http_pause(a, tries);
  if (seconds >= LONG_WAIT)
    program_say(t->program, "%s: tried again in %.0f s%s", t->job->shown, seconds,
                a->retry_after > 0 ? ", as the server asks" : "");
  return program_wait(t->program, seconds);
}

static tr_status give_up(transfer *t, const http_answer *a) {
  char words[320], why[400];
  const bool short_answer = a->fate == HTTP_ANSWERED && (a->status == 200 || a->status == 206);
  snprintf(why, sizeof why, "given up after %d tries, %s", TRIES,
           short_answer ? "the server sends less than it says" : http_words(a, words, sizeof words));
  return fail_kept(t, TR_E_IO, why);
}

static tr_status receive(transfer *t) {
  http_answer a;
  bool again;
  for (int tries = 0; !t->complete && t->have != t->size;) {
    t->begun = false;
    TR_TRY(http_send(
        t->http,
        &(http_request){
            .url = t->job->url, .token = t->job->token, .from = t->have, .body = take_body, .user = t},
        &a));
    TR_TRY(judge(t, &a, &again));
    if (!again) continue;
    tries = t->have > t->best && !a.slow ? 0 : tries + 1;
    if (t->have > t->best) t->best = t->have;
    if (tries >= TRIES) return give_up(t, &a);
    TR_TRY(pause_after(t, &a, tries));
  }
  return TR_OK;
}

/* ---- the file ---- */

static tr_status check_room(transfer *t) {
  struct statvfs disk;
  char why[400];
  if (t->size < 0 || fstatvfs(t->fd, &disk) != 0) return TR_OK;
  const double room = (double)disk.f_bavail * (double)disk.f_frsize, needed = (double)(t->size - t->have);
  if (needed <= room) return TR_OK;
  snprintf(why, sizeof why, "%.1f MB are needed, and the disk of '%s' has room for %.1f MB", needed / 1e6,
           TR_SHOW(t->partial, 300), room / 1e6);
  return fail_kept(t, TR_E_IO, why);
}

static tr_status open_partial(transfer *t) {
  struct stat status;
  t->fd = open(t->partial, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (t->fd < 0 || fstat(t->fd, &status) != 0)
    return TR_FAIL(t->program->ctx, TR_E_IO, "'%s' cannot be written: %s (HF_HOME says where the cache is)",
                   TR_SHOW(t->partial, 300), strerror(errno));
  t->have = t->best = status.st_size;
  t->inherited = t->have > 0;
  const bool useless = !t->job->digest || (t->size >= 0 && t->have > t->size);
  return useless && t->have > 0 && !start_again(t) ? stopped(t) : TR_OK;
}

/* *again: the part of another process was damaged, and all of it is to be had anew. */
static tr_status verify(transfer *t, bool *again) {
  char hex[TR_SHA256_TEXT], why[200];
  bool same = true;
  *again = false;
  if (t->job->digest) TR_TRY(digest_compare(t->program->ctx, t->partial, t->job->digest, &same, hex));
  if (same) return TR_OK;
  if (t->inherited) {
    program_say(t->program, "%s: what an earlier run left is damaged, all of it is fetched again",
                t->job->shown);
    t->complete = false, t->best = 0, *again = true;
    return start_again(t) ? TR_OK : stopped(t);
  }
  snprintf(why, sizeof why,
           "what the server sent has the digest %.16s..., %.16s... was told: nothing is kept", hex,
           t->job->digest);
  return fail_dropped(t, why);
}

static tr_status appear(transfer *t) {
  char why[300];
  if (fsync(t->fd) == 0 && rename(t->partial, t->job->path) == 0) return TR_OK;
  snprintf(why, sizeof why, "'%s' cannot be written: %s", TR_SHOW(t->job->path, 200), strerror(errno));
  return fail_kept(t, TR_E_IO, why);
}

static tr_status fill(transfer *t) {
  bool again = true;
  TR_TRY(open_partial(t));
  TR_TRY(check_room(t));
  start_bar(t);
  while (again) {
    TR_TRY(receive(t));
    TR_TRY(verify(t, &again));
  }
  return appear(t);
}

static tr_status fetch_locked(transfer *t) {
  if (path_is_file(t->job->path)) return TR_OK; /* by another process */
  t->fd = -1;
  tr_status status = fill(t);
  progress_end(&t->bar);
  if (status == TR_E_INTERRUPTED) fail_kept(t, status, "interrupted");
  if (status != TR_OK && t->fd >= 0 && !is_kept(t)) unlink(t->partial);
  if (t->fd >= 0) close(t->fd);
  return status;
}

tr_status download(http *h, const download_job *job) {
  transfer t = {.program = http_program(h), .http = h, .job = job, .size = job->size};
  fetch_lock l;
  TR_TRY(fetch_make_parents(t.program->ctx, job->path));
  TR_TRY(fetch_make_parents(t.program->ctx, job->lock));
  TR_TRY(fetch_path(t.program->ctx, t.partial, "%s.incomplete", job->path));
  TR_TRY(fetch_lock_take(t.program, job->lock, job->shown, job->lock_goes, &l));
  tr_status status = fetch_locked(&t);
  fetch_lock_give_back(&l);
  return status;
}
