/* TR_API: a function or table that programs outside the library may use. The shared library exports what
 * carries it and hides everything else. */
#ifndef TR_CORE_API_H
#define TR_CORE_API_H

#if defined(__GNUC__)
#define TR_API __attribute__((visibility("default")))
#else
#define TR_API
#endif

#endif
