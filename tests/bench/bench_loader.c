/* Pictures a second that a loader reads and crops, and the processor's time for one, by the number of
 * workers. usage: bench_loader FOLDER [SIZE] [STEPS] */
#include <stdlib.h>

#include "core/data/loader.h"
#include "tests/support/check.h"
#include "tests/support/seconds.h"

enum { BATCH = 16 };

static void measure(tr_ctx *ctx, const char *folder, int size, int steps, int workers) {
  const tr_loader_options options = {
      .image_size = size, .batch = BATCH, .rows = BATCH, .dtype = TR_F32, .workers = workers, .ahead = 2};
  tr_loader *loader;
  tr_loader_rows rows;
  CHECK_OK(ctx, tr_loader_open(ctx, folder, &options, &loader));
  const double begun = seconds_now(), used = seconds_of_processors();
  for (int step = 0; loader && step < steps; step++) CHECK_OK(ctx, tr_loader_step(loader, step, &rows));
  const double images = (double)steps * BATCH;
  printf("| %d | %.0f | %.2f |\n", workers, images / (seconds_now() - begun),
         1000 * (seconds_of_processors() - used) / images);
  tr_loader_close(&loader);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s FOLDER [SIZE] [STEPS]\n", argv[0]);
    return 2;
  }
  const int size = argc > 2 ? atoi(argv[2]) : 256, steps = argc > 3 ? atoi(argv[3]) : 10;
  tr_ctx *ctx = check_context(0, NULL);
  printf("'%s' at %d x %d\n\n| workers | images/s | ms of a processor an image |\n|---|---|---|\n", argv[1],
         size, size);
  static const int workers[] = {0, 1, 2, 4};
  for (int i = 0; i < 4; i++) measure(ctx, argv[1], size, steps, workers[i]);
  tr_ctx_close(&ctx);
  return check_report();
}
