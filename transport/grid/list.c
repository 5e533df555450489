/* The points that the caller gives. */
#include "transport/grid/grid.h"
#include "transport/modules_private.h"

static const tr_grid_type type = {.info = {.name = "list", .summary = "the times given"}, .is_list = true};
const tr_module *const tr_grid_list = &type.info;
