/* Hidden folders in which results are made. Their names say who made them, so that the next run can remove
 * those of processes that have died. */
#ifndef TR_EXPERIMENTS_OUTPUT_STAGING_H
#define TR_EXPERIMENTS_OUTPUT_STAGING_H

#include <stdbool.h>

#include "core/context.h"

/* Makes PATH/.transit-PID-START-PLACE, only for its owner: START is when this process started, in ticks since
 * the boot, PLACE the boot and the space of process numbers. *out is malloc'd; NULL, with errno, where it
 * cannot be made. */
char *staging_make(const char *path);

/* Removes such folders in `path`, with what they hold, whose process has surely died: started in this place,
 * and now gone or another one with its number. What cannot be told or removed stays. */
void staging_remove_dead(const char *path);

/* Removes a file, or a folder with all that it holds; whether nothing of that name is left. */
bool staging_remove(const char *path);

/* Takes such folders out of the paths that a message names: what is made in them belongs to PATH itself. */
void staging_hide(char *message);

#endif
