/* Rows of training steps: the reference's crop, the order of epochs, flips; the same bits for any number of
 * workers, share of the batch and order of the calls; pictures that cannot be used are named once, counted
 * and replaced by address, or an error; waiting ends with an interrupt. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/data/loader.h"
#include "core/data/order.h"
#include "core/io/image/image.h"
#include "core/io/image/png.h"
#include "core/io/npz.h"
#include "experiments/output/npz_put.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

enum { SIDE = 8, ROW = 3 * SIDE * SIDE, BATCH = 5, PICTURES = 17, STEPS = 9 };

static char root[400], warned[4000];

static void note(const char *message, void *user) {
  (void)user;
  const size_t used = strlen(warned);
  snprintf(warned + used, sizeof warned - used, "%s\n", message);
}

static const char *in_root(const char *name) {
  static char path[700];
  snprintf(path, sizeof path, "%s/%s", root, name);
  return path;
}

static void begin(const char *name) {
  snprintf(root, sizeof root, "%s", scratch(name));
  mkdir(root, 0700);
  *warned = 0;
}

/* Noise of many sizes, smaller and larger than SIDE. */
static void picture(tr_ctx *ctx, int i, const char *name) {
  static uint8_t pixels[64 * 64 * 3];
  const int height = 5 + 3 * i % 40, width = 6 + 7 * i % 50;
  for (size_t k = 0; k < sizeof pixels; k++)
    pixels[k] = (uint8_t)((k * 2654435761u + 97u * (unsigned)i) >> 13);
  CHECK_OK(ctx, tr_png_write(ctx, in_root(name), height, width, i % 4 ? 3 : 1, pixels));
}

/* Three classes: pictures 0, 3, ... in `a`, 1, 4, ... in `b`, the rest in `c`. */
static const char *name_of(int i) {
  static char name[40];
  snprintf(name, sizeof name, "%c/%02d.png", 'a' + i % 3, i);
  return name;
}

static void folder(tr_ctx *ctx, const char *name) {
  begin(name);
  for (char class[] = "a"; *class <= 'c'; ++*class) mkdir(in_root(class), 0700);
  for (int i = 0; i < PICTURES; i++) picture(ctx, i, name_of(i));
}

static tr_loader_options usual(void) {
  return (tr_loader_options){
      .image_size = SIDE, .seed = 7, .batch = BATCH, .rows = BATCH, .dtype = TR_F32, .flip = true};
}

typedef struct {
  float x[STEPS][BATCH * ROW];
  int32_t labels[STEPS][BATCH];
} rows_of_steps;

static void read_step(tr_ctx *ctx, tr_loader *loader, const tr_loader_options *o, int step,
                      rows_of_steps *out) {
  tr_loader_rows rows;
  CHECK_OK(ctx, tr_loader_step(loader, step, &rows));
  if (!rows.x) return;
  memcpy(out->x[step] + o->first * ROW, rows.x, (size_t)(o->rows * ROW) * sizeof(float));
  if (rows.labels) memcpy(out->labels[step] + o->first, rows.labels, (size_t)o->rows * sizeof(int32_t));
}

/* All steps of a loader, forwards or back; how many pictures it skipped. */
static int64_t read_all(tr_ctx *ctx, const tr_loader_options *o, bool backwards, rows_of_steps *out) {
  tr_loader *loader;
  CHECK_OK(ctx, tr_loader_open(ctx, root, o, &loader));
  for (int i = 0; i < STEPS && loader; i++) read_step(ctx, loader, o, backwards ? STEPS - 1 - i : i, out);
  const int64_t skipped = tr_loader_skipped(loader);
  CHECK(tr_loader_skipped_why(loader, skipped) == NULL && tr_loader_skipped_why(loader, -1) == NULL);
  CHECK(tr_loader_waited(loader) > 0);
  tr_loader_close(&loader);
  return skipped;
}

/* Whoever makes the rows, they are the same. */
static void same_rows(tr_ctx *ctx, const rows_of_steps *want) {
  static rows_of_steps got;
  for (int kind = 0; kind < 8; kind++) {
    tr_loader_options o = usual();
    o.workers = (int[]){0, 1, 4, 4, 3, 2, 0, 4}[kind];
    o.ahead = (int[]){0, 0, 3, 20, 1, 2, 0, 2}[kind];
    o.keep = kind % 2 ? 1 << 20 : 0;
    memset(&got, 0, sizeof got);
    if (kind < 6) {
      read_all(ctx, &o, kind == 4 || kind == 5, &got);
    } else {
      for (o.first = 0; o.first < BATCH; o.first += o.rows) {
        o.rows = o.first ? 2 : 3;
        read_all(ctx, &o, false, &got);
      }
    }
    CHECK(memcmp(want, &got, sizeof got) == 0);
  }
}

/* ---- what rows are ---- */

/* Row of a step against the picture that the order says, cropped and mirrored here. */
static void addressed(tr_ctx *ctx) {
  static rows_of_steps got;
  int64_t order[PICTURES];
  tr_loader_options o = usual(), one = usual();
  one.batch = one.rows = 1;
  one.flip = false;
  folder(ctx, "addressed");
  CHECK(read_all(ctx, &o, false, &got) == 0);
  tr_loader *alone;
  CHECK_OK(ctx, tr_loader_open(ctx, root, &one, &alone));
  const tr_loader_info about = tr_loader_about(alone);
  CHECK(about.n == PICTURES && about.ndim == 3 && about.shape[0] == 3 && about.shape[1] == SIDE &&
        about.shape[2] == SIDE && about.classes == 3 && about.steps == PICTURES && !about.in_memory);
  static float each[PICTURES][ROW];
  int32_t label[PICTURES];
  CHECK_OK(ctx, tr_draw_order(ctx, one.seed, 0, PICTURES, order));
  for (int i = 0; i < PICTURES; i++) {
    tr_loader_rows rows;
    CHECK_OK(ctx, tr_loader_step(alone, i, &rows));
    memcpy(each[order[i]], rows.x, sizeof each[0]);
    label[order[i]] = rows.labels[0];
  }
  tr_loader_close(&alone);
  for (int i = 0; i < PICTURES; i++) CHECK(label[i] == (i < 6 ? 0 : i < 12 ? 1 : 2));
  int flipped = 0;
  for (int step = 0; step < STEPS; step++) {
    CHECK_OK(ctx, tr_draw_order(ctx, o.seed, step / 3, PICTURES, order));
    for (int r = 0; r < BATCH; r++) {
      const int64_t input = order[step % 3 * BATCH + r];
      const bool flip = tr_draw_flip(o.seed, step, r);
      bool same = got.labels[step][r] == label[input];
      for (int k = 0; k < ROW; k++)
        same =
            same && got.x[step][r * ROW + k] == each[input][flip ? k / SIDE * SIDE + SIDE - 1 - k % SIDE : k];
      CHECK(same);
      flipped += flip;
    }
  }
  CHECK(flipped > 0 && flipped < STEPS * BATCH);
  same_rows(ctx, &got);
}

/* In the order of the data, each epoch: the classes in turn, and other pictures than the drawn order has. */
static void ordered(tr_ctx *ctx) {
  static rows_of_steps drawn, got;
  tr_loader_options o = usual();
  folder(ctx, "ordered");
  o.flip = false;
  read_all(ctx, &o, false, &drawn);
  o.in_order = true;
  read_all(ctx, &o, true, &got);
  CHECK(memcmp(&drawn, &got, sizeof got) != 0);
  for (int step = 0; step < STEPS; step++)
    for (int r = 0; r < BATCH; r++) {
      const int input = step % 3 * BATCH + r;
      CHECK(got.labels[step][r] == (input < 6 ? 0 : input < 12 ? 1 : 2));
      CHECK(memcmp(got.x[step] + r * ROW, got.x[step % 3] + r * ROW, ROW * sizeof(float)) == 0);
    }
  o.batch = o.rows = 1; /* what a batch holds does not depend on its size */
  static rows_of_steps one;
  read_all(ctx, &o, false, &one);
  for (int i = 0; i < STEPS; i++)
    CHECK(memcmp(one.x[i], got.x[i / BATCH] + i % BATCH * ROW, ROW * sizeof(float)) == 0);
}

/* The reference's crop through the loader, as Pillow made it, of one picture. */
static void golden(tr_ctx *ctx, tr_npz *npz, const char *name, int size) {
  char path[700], entry[64];
  size_t bytes;
  tr_npy want;
  tr_loader *loader;
  tr_loader_rows rows;
  begin(name);
  snprintf(path, sizeof path, TR_TEST_DATA "/goldens/crop/%s.png", name);
  unsigned char *file = read_whole(path, &bytes);
  write_whole(in_root("x.png"), file, bytes);
  free(file);
  const tr_loader_options o = {.image_size = size, .batch = 1, .rows = 1, .dtype = TR_F64};
  CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
  CHECK(tr_loader_about(loader).classes == 0);
  CHECK_OK(ctx, tr_loader_step(loader, 0, &rows));
  CHECK(rows.labels == NULL);
  snprintf(entry, sizeof entry, "%s|%d", name, size);
  CHECK_OK(ctx, tr_npz_get(npz, entry, &want));
  const uint8_t *level = want.data;
  const double *x = rows.x;
  const int64_t pixels = (int64_t)size * size;
  double most = 0;
  for (int64_t k = 0; k < 3 * pixels; k++)
    most = fmax(most, fabs((x[k % 3 * pixels + k / 3] + 1) * TR_BINS_PER_UNIT - level[k]));
  printf("%s at %d: %g levels\n", name, size, most);
  CHECK(most <= 1);
  tr_npy_close(&want);
  tr_loader_close(&loader);
}

static void goldens(tr_ctx *ctx) {
  tr_npz *npz;
  CHECK_OK(ctx, tr_npz_open(ctx, TR_TEST_DATA "/goldens/crop/crop.npz", &npz));
  golden(ctx, npz, "small", 64);
  golden(ctx, npz, "tall", 96);
  tr_npz_close(&npz);
}

static void arrays(tr_ctx *ctx) {
  enum { N = 7 };
  double latents[N * ROW];
  int64_t labels[N], order[N];
  static rows_of_steps got, again;
  tr_loader *loader;
  tr_npz_out *npz;
  for (int i = 0; i < N * ROW; i++) latents[i] = i / 64.0;
  for (int i = 0; i < N; i++) labels[i] = i % 4;
  latents[3 * ROW] = NAN; /* input 3 is left out, and with it the only one of class 3 */
  *warned = 0;
  snprintf(root, sizeof root, "%s", scratch("latents.npz"));
  CHECK_OK(ctx, tr_npz_create(ctx, root, &npz));
  CHECK_OK(ctx, npz_put(ctx, npz, "latents", TR_F64, 4, (int64_t[]){N, 12, 4, 4}, latents));
  CHECK_OK(ctx, npz_put(ctx, npz, "labels", TR_I64, 1, (int64_t[]){N}, labels));
  CHECK_OK(ctx, tr_npz_commit(&npz));
  tr_loader_options o = usual();
  CHECK_ERROR(ctx, tr_loader_open(ctx, root, &o, &loader), TR_E_ARG, "holds states of 4 x 4");
  o.image_size = 0;
  o.flip = false;
  CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
  const tr_loader_info about = tr_loader_about(loader);
  CHECK(about.n == N - 1 && about.left_out == 1 && about.classes == 3 && about.in_memory && about.steps == 1);
  CHECK(strstr(warned, "input 3 is left out: it has nan"));
  tr_loader_close(&loader);
  CHECK(read_all(ctx, &o, false, &got) == 0);
  CHECK_OK(ctx, tr_draw_order(ctx, o.seed, 2, N - 1, order));
  for (int r = 0; r < BATCH; r++) {
    const int64_t input = order[r] + (order[r] >= 3);
    CHECK(got.labels[2][r] == labels[input]);
    for (int k = 0; k < ROW; k++) CHECK(got.x[2][r * ROW + k] == (float)latents[input * ROW + k]);
  }
  o.workers = 3;
  o.ahead = 2;
  read_all(ctx, &o, true, &again);
  CHECK(memcmp(&got, &again, sizeof got) == 0);
  o.strict = true;
  CHECK_ERROR(ctx, tr_loader_open(ctx, root, &o, &loader), TR_E_IO, "input 3 of");
}

/* ---- what cannot be used ---- */

static void spoil(int i) {
  write_whole(in_root(name_of(i)), "no picture", 10);
}

/* The input that a row takes after `input`, of pictures of which bit i says that i is spoilt. */
static int64_t usable_after(uint64_t seed, int64_t step, int64_t row, int64_t input, unsigned spoilt) {
  for (int k = 0; spoilt >> input & 1; k++)
    input = k ? (input + 1) % PICTURES : tr_draw_substitute(seed, step, row, PICTURES);
  return input;
}

static void skipped(tr_ctx *ctx) {
  static rows_of_steps whole, got;
  unsigned spoilt = 0;
  int64_t order[PICTURES];
  tr_loader *loader;
  tr_loader_options o = usual();
  tr_loader_rows rows;
  int replaced = 0;
  o.flip = false;
  folder(ctx, "skipped");
  read_all(ctx, &o, false, &whole);
  for (int place = 0; place < PICTURES; place++) /* by place in the listing: a/00, a/03, ... */
    if (place % 3 != 1) {
      const int number = place < 6 ? 3 * place : place < 12 ? 3 * (place - 6) + 1 : 3 * (place - 12) + 2;
      spoil(number);
      spoilt |= 1u << place;
    }
  *warned = 0;
  CHECK(read_all(ctx, &o, false, &got) == 11);
  CHECK(strstr(warned, "skipped: '") && strstr(warned, "a/00.png' is no picture"));
  CHECK(strstr(warned, "more than 10 pictures are skipped"));
  for (int step = 0; step < STEPS; step++) {
    CHECK_OK(ctx, tr_draw_order(ctx, o.seed, step / 3, PICTURES, order));
    for (int r = 0; r < BATCH; r++) {
      const int64_t input = order[step % 3 * BATCH + r], taken = usable_after(o.seed, step, r, input, spoilt);
      replaced += input != taken;
      CHECK(got.labels[step][r] == (taken < 6 ? 0 : taken < 12 ? 1 : 2));
      if (input == taken)
        CHECK(memcmp(got.x[step] + r * ROW, whole.x[step] + r * ROW, ROW * sizeof(float)) == 0);
    }
  }
  CHECK(replaced > 10);
  o.flip = true;
  read_all(ctx, &o, false, &got);
  same_rows(ctx, &got);
  /* the first in the order is the one that is named, whoever met one first */
  o.strict = true;
  CHECK_OK(ctx, tr_draw_order(ctx, o.seed, 0, PICTURES, order));
  int first = 0;
  while (!(spoilt >> order[first] & 1)) first++;
  for (o.workers = 0; o.workers < 5; o.workers += 2) {
    char text[40];
    const int64_t place = order[first];
    snprintf(text, sizeof text, "/%02d.png' is no picture",
             (int)(place < 6    ? 3 * place
                   : place < 12 ? 3 * (place - 6) + 1
                                : 3 * (place - 12) + 2));
    CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
    CHECK_ERROR(ctx, tr_loader_step(loader, first / BATCH, &rows), TR_E_IO, text);
    CHECK(rows.x == NULL);
    tr_loader_close(&loader);
  }
  o.strict = false;
  for (int i = 0; i < PICTURES; i++) spoil(i);
  CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
  CHECK_ERROR(ctx, tr_loader_step(loader, 0, &rows), TR_E_IO, "no picture of");
  tr_loader_close(&loader);
}

/* A line of pixels that would need gigabytes before it is cropped, and one that does not. */
static void narrow(tr_ctx *ctx) {
  static const uint8_t pixels[3 * 60000];
  tr_loader *loader;
  tr_loader_rows rows;
  tr_loader_options o = {.image_size = 256, .batch = 1, .rows = 1, .dtype = TR_F32, .strict = true};
  begin("narrow");
  CHECK_OK(ctx, tr_png_write(ctx, in_root("line.png"), 1, 60000, 3, pixels));
  CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
  CHECK_ERROR(ctx, tr_loader_step(loader, 0, &rows), TR_E_IO, "line.png' has 1 x 60000 pixels: more than");
  tr_loader_close(&loader);
  o.image_size = 8;
  CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
  CHECK_OK(ctx, tr_loader_step(loader, 0, &rows));
  tr_loader_close(&loader);
}

/* ---- interrupts ---- */

static volatile sig_atomic_t flag;

static void raise_flag(int number) {
  flag = number;
}

static void interrupted(tr_ctx *ctx) {
  enum { MANY = 120 };
  size_t bytes;
  tr_loader *loader;
  tr_loader_rows rows, same;
  begin("slow");
  unsigned char *file = read_whole(TR_TEST_DATA "/goldens/crop/tall.png", &bytes);
  write_whole(in_root("00.png"), file, bytes);
  free(file);
  for (int i = 1; i < MANY; i++) {
    char name[20];
    snprintf(name, sizeof name, "%d.png", i);
    if (symlink("00.png", in_root(name)) != 0) CHECK(false);
  }
  tr_loader_options o = {.image_size = 256, .batch = MANY, .rows = MANY, .dtype = TR_F32};
  tr_ctx_set_interrupt(ctx, &flag);
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = raise_flag}, NULL);
  for (o.workers = 0; o.workers < 3; o.workers++) {
    const struct itimerval soon = {.it_value = {.tv_usec = 30000}};
    CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_ERROR(ctx, tr_loader_step(loader, 1, &rows), TR_E_INTERRUPTED, "the rows of step 1 were awaited");
    CHECK(flag && rows.x == NULL);
    CHECK_ERROR(ctx, tr_loader_step(loader, 5, &rows), TR_E_INTERRUPTED, "the rows of step 5 were awaited");
    flag = 0;
    if (o.workers == 2) { /* it goes on as if nothing had been */
      CHECK_OK(ctx, tr_loader_step(loader, 1, &rows));
      float *kept = malloc(3 * 256 * 256 * sizeof *kept);
      memcpy(kept, rows.x, 3 * 256 * 256 * sizeof *kept);
      CHECK_OK(ctx, tr_loader_step(loader, 0, &same));
      CHECK(memcmp(kept, same.x, 3 * 256 * 256 * sizeof *kept) == 0);
      free(kept);
    }
    tr_loader_close(&loader);
  }
  tr_ctx_set_interrupt(ctx, NULL);
}

/* ---- the rest ---- */

static void digest_of(tr_ctx *ctx, char hex[TR_SHA256_TEXT]) {
  const tr_loader_options o = usual();
  tr_loader *loader;
  CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
  CHECK_OK(ctx, tr_loader_digest(loader, hex));
  tr_loader_close(&loader);
}

/* It changes with names, sizes and classes, and not with the place of the folder. */
static void digests(tr_ctx *ctx) {
  char before[TR_SHA256_TEXT], now[TR_SHA256_TEXT], path[700];
  folder(ctx, "digest-one");
  digest_of(ctx, before);
  folder(ctx, "digest-two");
  digest_of(ctx, now);
  CHECK(strcmp(before, now) == 0);
  spoil(4);
  digest_of(ctx, now);
  CHECK(strcmp(before, now) != 0);
  picture(ctx, 4, name_of(4));
  digest_of(ctx, now);
  CHECK(strcmp(before, now) == 0);
  snprintf(path, sizeof path, "%s", in_root("b/04.png"));
  rename(path, in_root("b/05.png"));
  digest_of(ctx, now);
  CHECK(strcmp(before, now) != 0);
}

static void refused(tr_ctx *ctx) {
  tr_loader *loader;
  tr_loader_rows rows;
  tr_loader_options o = usual();
  begin("refused");
  CHECK_ERROR(ctx, tr_loader_open(ctx, root, &o, &loader), TR_E_IO, "no .png or .jpg files");
  CHECK_ERROR(ctx, tr_loader_open(ctx, in_root("none"), &o, &loader), TR_E_IO, "No such file");
  CHECK(loader == NULL);
  mkdir(in_root("a"), 0700);
  mkdir(in_root("b"), 0700);
  picture(ctx, 0, "b/x.png");
  CHECK_ERROR(ctx, tr_loader_open(ctx, root, &o, &loader), TR_E_IO, "the class folder 'a' of");
  picture(ctx, 0, "a/x.png");
  CHECK_OK(ctx, tr_loader_open(ctx, root, &o, &loader));
  CHECK_ERROR(ctx, tr_loader_step(loader, 0, &rows), TR_E_ARG, "batches of 5 rows");
  CHECK_ERROR(ctx, tr_loader_step(loader, -1, &rows), TR_E_ARG, "step -1 of a loader");
  CHECK_ERROR(ctx, tr_loader_step(loader, (int64_t)1 << 32, &rows), TR_E_ARG, "2^32 - 1");
  tr_loader_close(&loader);
  o.image_size = 0;
  CHECK_ERROR(ctx, tr_loader_open(ctx, root, &o, &loader), TR_E_ARG, "image_size says what size");
  const struct {
    tr_loader_options o;
    const char *word;
  } bad[] = {{{.image_size = -1}, "image_size -1"},
             {{.batch = 0}, "batch 0"},
             {{.batch = 2, .first = 2}, "first 2"},
             {{.batch = 2, .first = 1, .rows = 2}, "rows 2"},
             {{.batch = 1, .rows = 1, .workers = -2}, "workers -2"},
             {{.batch = 1, .rows = 1, .ahead = -2}, "ahead -2"},
             {{.batch = 1, .rows = 1, .keep = -1}, "keep -1"},
             {{.batch = 1, .rows = 1, .dtype = TR_BF16}, "rows of bf16"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(ctx, tr_loader_open(ctx, root, &bad[i].o, &loader), TR_E_ARG, bad[i].word);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tr_ctx_on_warning(ctx, note, NULL);
  addressed(ctx);
  ordered(ctx);
  goldens(ctx);
  arrays(ctx);
  skipped(ctx);
  narrow(ctx);
  interrupted(ctx);
  digests(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
