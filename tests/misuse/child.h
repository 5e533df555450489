/* A call that may crash, in a process of its own. */
#ifndef TR_TESTS_MISUSE_CHILD_H
#define TR_TESTS_MISUSE_CHILD_H

#include <stdbool.h>

#include "core/status.h"

/* Whether judge(user) returned true there, within some seconds; `what` is printed if it did not return. */
bool child_says_yes(bool (*judge)(const void *user), const void *user, const char *what);

/* Calls that are no good, to see that a test notices: one crashes, one takes everything, one fails and does
 * not say why. */
tr_status misuse_crash(void);
tr_status misuse_accept(void);
tr_status misuse_say_nothing(void);

#endif
