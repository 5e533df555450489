/* The first lines of public functions: what must not be NULL. Not for users of the library. */
#ifndef TR_CORE_REQUIRE_PRIVATE_H
#define TR_CORE_REQUIRE_PRIVATE_H

#include "core/array.h"

/* Returns TR_E_ARG from the calling function, naming it and the argument, where one of the pointers is NULL
 * or, after these, the context. */
#define TR_REQUIRE(context, ...)                                                                             \
  do {                                                                                                       \
    const void *const tr_given_[] = {__VA_ARGS__};                                                           \
    TR_TRY(tr_require((context), __FILE__, __LINE__, __func__, #context, #__VA_ARGS__,                       \
                      (int)(sizeof tr_given_ / sizeof *tr_given_), tr_given_));                              \
  } while (0)

/* The same for a pointer to a function. */
#define TR_REQUIRE_FUNCTION(context, function)                                                               \
  do {                                                                                                       \
    if (!(function)) return TR_FAIL((context), TR_E_ARG, "%s: %s is NULL", __func__, #function);             \
  } while (0)

/* The context of an object that may be NULL, of the first of some arrays that is not, and of either. */
#define TR_CTX_OF(object) ((object) ? (object)->ctx : NULL)
#define TR_CTX_OF_ANY(...)                                                                                   \
  tr_ctx_of_any((int)(sizeof((const tr_array *const[]){__VA_ARGS__}) / sizeof(const tr_array *)),            \
                (const tr_array *const[]){__VA_ARGS__})
#define TR_CTX_FROM(object, ...) ((object) && (object)->ctx ? (object)->ctx : TR_CTX_OF_ANY(__VA_ARGS__))

/* For arrays alone. */
#define TR_REQUIRE_ARRAYS(...) TR_REQUIRE(TR_CTX_OF_ANY(__VA_ARGS__), __VA_ARGS__)

tr_status tr_require(tr_ctx *ctx, const char *file, int line, const char *function, const char *context,
                     const char *names, int n, const void *const *pointers);
tr_ctx *tr_ctx_of_any(int n, const tr_array *const *arrays);

#endif
