/* Time grids: where the fixed-grid solvers of ODE and SDE place their N points. Modules of kind "grid". Each
 * is uniform in a variable u of its own, a monotone function of time:
 *
 *   uniform    u = t                                                                [the default]
 *   logSNR     u = lambda = ln(alpha / sigma), |lambda| <= bound
 *   quadratic  u = sqrt(1 - t): the noise time 1 - t is quadratic (Song et al., arXiv 2010.02502, D.3)
 *   karras     u = (sigma / alpha)^(1/rho), 0.002 <= sigma / alpha <= 80 (Karras et al., arXiv 2206.00364)
 *   shift      u = s / (k + (1 - k) s), s = 1 - t, so that s = k u / (1 + (k - 1) u): k > 1 has more points
 *              near the noise (Esser et al., arXiv 2403.03206)
 *   cosine     u = arccos(1 - 2 t): dense at both ends
 *   list       the points that the caller or a file gives
 *
 * A grid runs from t0 to t1, both exact, in either direction: a run to the noise uses the points of the run
 * to the data backwards. Where u is infinite at an end (logSNR, karras), or beyond its bound, the bound
 * serves as the end of the formula: at the noise, where the state beyond the bound is as good as noise, the
 * true end takes the place of the formula's first point; at the data it follows as a point of its own after
 * the formula's last. */
#ifndef TR_TRANSPORT_GRID_GRID_H
#define TR_TRANSPORT_GRID_GRID_H

#include "transport/path/interpolant.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_GRID    "grid"
#define TR_GRID_DEFAULT "uniform"

typedef struct tr_grid tr_grid;

typedef struct tr_grid_type {
  tr_module info;
  bool is_list;                                           /* the points are given: what follows is NULL */
  double (*position)(const tr_grid *, const tr_coeffs *); /* u at a time */
  double (*time)(const tr_grid *, const tr_interpolant *, double position); /* and back */
  /* The smallest and the largest u in use. OPTIONAL: all that the interval has */
  void (*bounds)(const tr_grid *, double *low, double *high);
} tr_grid_type;

struct tr_grid {
  const tr_grid_type *type;
  tr_values values; /* of its parameters */
  int n_list;       /* list: its points, borrowed */
  const double *list;
};

/* By name, with default parameters and no list. */
TR_API tr_status tr_grid_find(tr_ctx *ctx, const char *name, tr_grid *out);
/* A list of n points, borrowed. */
TR_API tr_grid tr_grid_of_points(const double *points, int n);
/* Sets a parameter by name, as tr_module_set does. */
TR_API tr_status tr_grid_set(tr_ctx *ctx, tr_grid *grid, const char *param, double value);
/* n >= 2 points strictly monotone from t0 to t1 in [0, 1]; the caller frees. A list has its own number of
 * points, which need not be n, and must go from t0 to t1 (to 1e-9): anything else is TR_E_ARG. */
TR_API tr_status tr_grid_points(tr_ctx *ctx, const tr_grid *grid, const tr_interpolant *interpolant,
                                double t0, double t1, int n, double **points, int *n_points);
/* Points from a text file of one time a line; '#' begins a comment. TR_E_IO, with the line, for any other
 * file. The caller frees. */
TR_API tr_status tr_grid_read(tr_ctx *ctx, const char *path, double **list, int *n_list);

#ifdef __cplusplus
}
#endif

#endif
