/* Text files of numbers: time grids and tables, and labels out of a file. */
#include <stdlib.h>
#include <string.h>

#include "core/options/options.h"
#include "tests/fuzz/fuzz.h"
#include "transport/diffusion/table.h"
#include "transport/grid/grid.h"

static void labels(const char *path) {
  static const tr_option row = {
      .name = "labels", .type = TR_OPTION_INTS, .flags = TR_OPTION_FROM_FILE | TR_OPTION_GE};
  static const tr_option_table table = {
      .program = "fuzz", .name = "fuzz", .options = &row, .n_options = 1, .values_size = sizeof(tr_int_list)};
  char option[] = "--labels", value[80];
  snprintf(value, sizeof value, "@%s", path);
  char *const words[] = {option, value};
  tr_int_list list;
  tr_parsed parsed;
  fuzz_check(tr_options_parse(fuzz_context(), &table, 2, words, &list, &parsed));
  tr_options_free(&table, &list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_file(data, size);
  tr_table *table;
  double *list;
  int n;
  fuzz_check(tr_table_read(fuzz_context(), path, &table));
  tr_table_destroy(&table);
  tr_status status = tr_grid_read(fuzz_context(), path, &list, &n);
  if (status == TR_OK) free(list);
  fuzz_check(status);
  labels(path);
  return 0;
}
