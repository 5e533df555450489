/* Decodes latents by a random autoencoder of Stable Diffusion's size, in turns with diffusers and PyTorch in
 * a child process (vae_torch.py), in f32: medians of the rounds, their ratio on the clock and on the
 * processors, which a busy machine moves less, and the most memory of each process. Both hold the decoder
 * alone. usage: bench_vae [--device cpu] [--python PATH] [--sizes 32,64] [--rounds 3] [--threads 2]
 * [--channels-last]; without --python and TRANSIT_DIFFUSERS_PYTHON in the environment, transit alone */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/vec/vec.h"
#include "experiments/output/machine.h"
#include "nets/vae/vae.h"
#include "tests/support/check.h"
#include "tests/support/seconds.h"

enum { ROUNDS_MOST = 32, SIZES_MOST = 8 };

typedef struct {
  const char *device, *python;
  int sizes[SIZES_MOST], n_sizes, rounds, threads;
  bool channels_last;
} settings;

/* A child that answers each line with one. */
typedef struct {
  pid_t pid; /* 0: none */
  FILE *ask, *answer;
} other_side;

typedef struct {
  double clock, processors;
} cost;

static void need(tr_ctx *ctx, tr_status status) {
  if (status == TR_OK) return;
  fprintf(stderr, "bench_vae: %s\n", tr_ctx_error(ctx)->message);
  exit(1);
}

/* ---- the child ---- */

static void become_python(const settings *s, const int *in, const int *out) {
  char threads[16];
  snprintf(threads, sizeof threads, "%d", s->threads);
  dup2(in[0], 0), dup2(out[1], 1);
  close(in[1]), close(out[0]);
  execl(s->python, s->python, TR_TEST_DATA "/../bench/vae_torch.py", threads,
        s->channels_last ? "channels_last" : "contiguous", (char *)NULL);
  perror(s->python);
  _exit(127);
}

static const char *asked(other_side *o, const char *line, char *answer, int size) {
  if (*line) fprintf(o->ask, "%s\n", line), fflush(o->ask);
  if (fgets(answer, size, o->answer)) return answer;
  fprintf(stderr, "bench_vae: no answer from the other side\n");
  exit(1);
}

static other_side start(const settings *s) {
  other_side o = {0};
  int in[2], out[2];
  char line[128];
  if (!s->python) return o;
  if (pipe(in) != 0 || pipe(out) != 0 || (o.pid = fork()) < 0) {
    perror("bench_vae");
    exit(1);
  }
  if (o.pid == 0) become_python(s, in, out);
  close(in[0]), close(out[1]);
  o.ask = fdopen(in[1], "w"), o.answer = fdopen(out[0], "r");
  printf("%s", asked(&o, "", line, sizeof line));
  return o;
}

static void stop(other_side *o) {
  if (!o->pid) return;
  fclose(o->ask), fclose(o->answer);
  waitpid(o->pid, NULL, 0);
}

static cost decode_there(other_side *o, int side) {
  char line[64], answer[128];
  cost c = {NAN, NAN};
  snprintf(line, sizeof line, "decode %d", side);
  if (sscanf(asked(o, line, answer, sizeof answer), "%lf %lf", &c.clock, &c.processors) != 2) exit(1);
  return c;
}

static double peak_there(other_side *o) {
  char answer[128];
  return atof(asked(o, "peak", answer, sizeof answer));
}

/* ---- here ---- */

static void reset_peaks(other_side *o) {
  char answer[64];
  FILE *f = fopen("/proc/self/clear_refs", "w");
  if (f) fputs("5", f), fclose(f);
  if (o->pid) asked(o, "reset", answer, sizeof answer);
}

static cost decode_here(tr_ctx *ctx, tr_vae *vae, int side) {
  const int factor = tr_vae_about(vae).factor;
  const tr_random_address address = {.seed = 1, .purpose = TR_RANDOM_TEST};
  tr_array *z, *pictures;
  need(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, 4, side, side}, &z));
  need(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, 3, factor * side, factor * side}, &pictures));
  need(ctx, tr_randn(&address, z));
  need(ctx, tr_wait(ctx));
  const double begun = seconds_now(), used = seconds_of_processors();
  need(ctx, tr_vae_decode(vae, z, pictures));
  need(ctx, tr_wait(ctx));
  const cost c = {seconds_now() - begun, seconds_of_processors() - used};
  tr_array_destroy(&z), tr_array_destroy(&pictures);
  return c;
}

/* ---- the table ---- */

typedef struct {
  double clock[ROUNDS_MOST], processors[ROUNDS_MOST];
} rounds;

static void put(rounds *r, int i, cost c) {
  r->clock[i] = c.clock, r->processors[i] = c.processors;
}

static void measure(tr_ctx *ctx, const settings *s, tr_vae *vae, other_side *o, int side) {
  rounds here, there;
  reset_peaks(o);
  for (int i = -1; i < s->rounds; i++) { /* the first one warms up */
    const cost ours = decode_here(ctx, vae, side), theirs = o->pid ? decode_there(o, side) : (cost){NAN, NAN};
    put(&here, i < 0 ? 0 : i, ours), put(&there, i < 0 ? 0 : i, theirs);
  }
  const double ours = median(here.clock, s->rounds), theirs = median(there.clock, s->rounds);
  const double used = median(here.processors, s->rounds), used_there = median(there.processors, s->rounds);
  const double peak = machine_peak_resident(), peak_other = o->pid ? peak_there(o) : NAN;
  printf("| %d x %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %.0f | %.2f |\n", side, side, ours,
         theirs, theirs / ours, used, used_there, used_there / used, peak, peak_other, peak / peak_other);
  fflush(stdout);
}

/* ---- options ---- */

static settings parse(int argc, char **argv) {
  settings s = {"cpu", getenv("TRANSIT_DIFFUSERS_PYTHON"), {32, 64}, 2, 3, 2, false};
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--channels-last") == 0) {
      s.channels_last = true;
      continue;
    }
    if (strcmp(argv[i], "--device") == 0)
      s.device = value;
    else if (strcmp(argv[i], "--python") == 0)
      s.python = value;
    else if (strcmp(argv[i], "--rounds") == 0)
      s.rounds = atoi(value);
    else if (strcmp(argv[i], "--threads") == 0)
      s.threads = atoi(value);
    else if (strcmp(argv[i], "--sizes") == 0)
      for (s.n_sizes = 0; *value && s.n_sizes < SIZES_MOST;
           value += strcspn(value, ","), value += *value == ',')
        s.sizes[s.n_sizes++] = atoi(value);
    else
      s.rounds = 0;
    i++;
  }
  if (s.rounds >= 1 && s.rounds <= ROUNDS_MOST && s.threads >= 1) return s;
  fprintf(stderr,
          "usage: bench_vae [--device cpu] [--python PATH] [--sizes 32,64] [--rounds 1..%d] [--threads N] "
          "[--channels-last]\n",
          ROUNDS_MOST);
  exit(2);
}

int main(int argc, char **argv) {
  const settings s = parse(argc, argv);
  tr_ctx *ctx = check_context(2, (char *[]){argv[0], (char *)s.device});
  tr_vae *vae;
  signal(SIGPIPE, SIG_IGN);
  need(ctx, tr_ctx_set_threads(ctx, s.threads));
  other_side o = start(&s);
  need(ctx, tr_vae_create_random(ctx, &(tr_vae_sizes){0}, &(tr_vae_options){.decoder = true}, 1, &vae));
  printf("\n| latent | transit s | diffusers s | ratio | transit processors s | diffusers processors s | "
         "ratio | "
         "transit MiB | diffusers MiB | share |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (int i = 0; i < s.n_sizes; i++) measure(ctx, &s, vae, &o, s.sizes[i]);
  stop(&o);
  tr_vae_destroy(&vae);
  tr_ctx_close(&ctx);
  return 0;
}
