/* The points that the caller gives. */
#include "transport/grid/grid.h"
#include "transport/modules.h"

static const tr_grid_type type = {.info = {"list", NULL, "the times given"}, .is_list = true};
const tr_module *const tr_grid_list = &type.info;
