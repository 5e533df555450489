/* No last step: the SDE runs to its end (the SiT code's identity; its README calls it a step). */
#include "transport/laststep/laststep.h"
#include "transport/modules_private.h"

static const tr_last_step_type type = {.info = {.name = "None", .summary = "x: the SDE runs to its end"},
                                       .identity = true};
const tr_module *const tr_last_step_none = &type.info;
