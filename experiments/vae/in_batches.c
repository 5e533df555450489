#include "experiments/vae/in_batches.h"

#include "experiments/common/progress.h"

tr_status in_batches(program *p, int64_t n, int64_t size,
                     tr_status (*each)(void *run, int64_t first, int64_t count), void *run) {
  progress bar;
  tr_status status = TR_OK;
  progress_start(&bar);
  bar.unit = "pictures";
  progress_part(&bar, 1, 0, (double)n);
  for (int64_t first = 0; first < n && status == TR_OK; first += size) {
    progress_tick((double)first, (long)first, &bar);
    status = program_check_interrupt(p);
    if (status == TR_OK) status = each(run, first, n - first < size ? n - first : size);
  }
  progress_end(&bar);
  return status;
}
