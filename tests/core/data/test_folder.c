/* Folders of pictures: in full depth and in torchvision's order, told by their content; what is left out is
 * counted, by kind, in one line; nothing but regular files is opened; a huge picture costs no more than its
 * header. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/data/dataset.h"
#include "core/io/image/png.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const int64_t grey[3] = {1, 2, 3};
static char warned[2000]; /* all of them, a line each */

static void keep(const char *message, void *user) {
  (void)user;
  size_t used = strlen(warned);
  snprintf(warned + used, sizeof warned - used, "%s\n", message);
}

static char root[400];

static void begin(const char *name) {
  snprintf(root, sizeof root, "%s", scratch(name));
  mkdir(root, 0700);
  *warned = 0;
}

/* root/name, with the folders that it lies in. */
static const char *place(const char *name) {
  static char path[900];
  for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(path, sizeof path, "%s/%.*s", root, (int)(slash - name), name);
    mkdir(path, 0700);
  }
  snprintf(path, sizeof path, "%s/%s", root, name);
  return path;
}

/* A picture of 2 x 3 grey pixels, the first of this level. */
static void picture(tr_ctx *ctx, const char *name, uint8_t first) {
  const uint8_t pixels[6] = {first};
  CHECK_OK(ctx, tr_png_write(ctx, place(name), 2, 3, 1, pixels));
}

static void text(const char *name, const char *content) {
  write_whole(place(name), content, strlen(content));
}

/* The inputs of the folder, their classes (-1: none) and the first pixel of each. */
static void holds(tr_ctx *ctx, int n, const char *const *names, const int *labels) {
  tr_dataset data;
  char name[300], want[300];
  CHECK_OK(ctx, tr_dataset_open(ctx, root, 3, grey, 0, &data));
  CHECK(data.n == n);
  for (int i = 0; i < n && data.n == n; i++) {
    snprintf(want, sizeof want, "'%s'", names[i]);
    CHECK(strcmp(tr_dataset_name(&data, i, name, sizeof name), want) == 0);
    CHECK((data.labels ? (int)data.labels[i] : -1) == labels[i]);
    CHECK(data.trouble[i] || data.pixels[6 * i] == i + 1);
  }
  tr_dataset_close(&data);
}

/* ImageFolder's order: sub-folder by sub-folder, there folder by folder, then by name, all as text. */
static void depth_and_order(tr_ctx *ctx) {
  static const char *const names[] = {"Zebra/b.png",     "apple/z.png",   "apple/a/x.png",
                                      "apple/a-b/x.png", "apple/a/c.png", "apple-pie/one.png"};
  static const char *const want[] = {"Zebra/b.png",   "apple/z.png",     "apple/a/c.png",
                                     "apple/a/x.png", "apple/a-b/x.png", "apple-pie/one.png"};
  static const int labels[] = {0, 1, 1, 1, 1, 2};
  begin("order");
  for (int i = 0; i < 6; i++)
    for (int k = 0; k < 6; k++)
      if (strcmp(names[i], want[k]) == 0) picture(ctx, names[i], (uint8_t)(k + 1));
  text("apple/a/.hidden.png", "not looked at");
  holds(ctx, 6, want, labels);
  CHECK(strcmp(warned, "") == 0);
}

/* Numbers are classes; where torchvision would count otherwise a line says so. */
static void numbers(tr_ctx *ctx) {
  begin("agreeing");
  picture(ctx, "0/a.png", 1);
  picture(ctx, "1/a.png", 2);
  holds(ctx, 2, (const char *const[]){"0/a.png", "1/a.png"}, (const int[]){0, 1});
  CHECK(strcmp(warned, "") == 0);
  begin("numbers");
  picture(ctx, "1/a.png", 1);
  picture(ctx, "10/a.png", 2);
  picture(ctx, "2/a.png", 3);
  holds(ctx, 3, (const char *const[]){"1/a.png", "10/a.png", "2/a.png"}, (const int[]){1, 10, 2});
  CHECK(strstr(warned, "the sub-folder '1' is class 1, its number; torchvision"));
  CHECK(strstr(warned, "makes it class 0\n") && strchr(warned, '\n')[1] == 0);
}

static void left_out(tr_ctx *ctx) {
  begin("kinds");
  picture(ctx, "a.data", 1); /* a PNG by its content */
  picture(ctx, "b.jpg", 2);
  text("c.WebP", "RIFF....WEBPVP8 ");
  text("d.webp", "RIFF....WEBPVP8 ");
  text("e.txt", "words");
  text("f", "GIF89a");
  text("g", "words");
  text("h\x1b[31m.x\xff", "words");
  holds(ctx, 2, (const char *const[]){"a.data", "b.jpg"}, (const int[]){-1, -1});
  CHECK(strstr(warned, "kinds': 6 files are left out, neither PNG nor JPEG: "));
  CHECK(strstr(warned, "2 .webp") && strstr(warned, "1 .txt") && strstr(warned, "1 GIF"));
  CHECK(strstr(warned, "2 without an ending") && strchr(warned, '\n')[1] == 0);
  begin("many");
  picture(ctx, "a.png", 1);
  for (char name[] = "b.a"; name[2] <= 'j'; name[2]++) text(name, "words");
  holds(ctx, 1, (const char *const[]){"a.png"}, (const int[]){-1});
  CHECK(strstr(warned, "1 .h, 2 others"));
}

/* A FIFO nobody writes to would be waited for; a link to a folder above would never end; names may hold
 * anything. */
static void odd_files(tr_ctx *ctx) {
  begin("odd");
  picture(ctx, "x/a.png", 1);
  CHECK(mkfifo(place("x/b\n\x1b.png"), 0600) == 0);
  CHECK(mkfifo(place("x/c"), 0600) == 0);
  CHECK(symlink("..", place("x/back")) == 0);
  CHECK(symlink("nowhere", place("x/lost.png")) == 0);
  holds(ctx, 2, (const char *const[]){"x/a.png", "x/lost.png"}, (const int[]){0, 0});
  CHECK(strstr(warned, "'x/b??.png' and others are left out, no regular file\n"));
  CHECK(strstr(warned, "'x/back' is left out, a link to a folder that it lies in\n"));
}

/* 20000 x 16000 pixels would be 320 MB of levels, here of a file that has no more than its header. */
static void large(tr_ctx *ctx) {
  size_t size;
  struct rusage before, after;
  begin("large");
  picture(ctx, "b.png", 1);
  unsigned char *bytes = read_whole(place("b.png"), &size);
  const uint8_t sides[8] = {0, 0, 0x3e, 0x80, 0, 0, 0x4e, 0x20}, sum[4] = {0x91, 0x61, 0x41, 0xc7};
  memcpy(bytes + 16, sides, sizeof sides);
  memcpy(bytes + 29, sum, sizeof sum);
  write_whole(place("a.png"), bytes, size);
  getrusage(RUSAGE_SELF, &before);
  tr_dataset data;
  CHECK_OK(ctx, tr_dataset_open(ctx, root, 3, grey, 0, &data));
  CHECK(data.n == 2 && data.trouble[0] && strstr(data.trouble[0], "20000 x 16000 pixels") &&
        !data.trouble[1]);
  tr_dataset_close(&data);
  getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 20000); /* kB */
  free(bytes);
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  tr_ctx_on_warning(ctx, keep, NULL);
  depth_and_order(ctx);
  numbers(ctx);
  left_out(ctx);
  odd_files(ctx);
  large(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
