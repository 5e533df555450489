/* Trainings that go on at once, a thread each with a context of its own. */
#ifndef TR_EXPERIMENTS_ABLATE_CREW_H
#define TR_EXPERIMENTS_ABLATE_CREW_H

#include "experiments/ablate/training.h"

typedef struct {
  const ablate_setting *setting;
  const ablate_rows *rows; /* whose runs that are done are left out */
  int threads;             /* of all together */
  /* A training is done and judged: called on the thread that called ablate_crew_run, which alone makes files,
   * while that training waits. */
  tr_status (*on_done)(void *user, ablate_training *a);
  /* Now and then on the same thread: steps taken so far by all. */
  void (*on_wake)(void *user, long steps);
  void *user;
} ablate_crew;

/* Trains and judges all runs that are not done. The first failure, of a training or of on_done, ends the
 * others soon and is said in p's context. */
tr_status ablate_crew_run(program *p, const ablate_crew *crew);

/* Says an error of another context in this one; returns its status. */
tr_status ablate_carry_error(tr_ctx *to, tr_status status, const program *from);

#endif
