/* SOSRA, the stability-optimised SRA method of three stages (C. Rackauckas, Q. Nie, "Stability-optimized high
 * order methods and stiffness detection for pathwise stiff stochastic differential equations", arXiv
 * 1804.04344; coefficients as published in StochasticDiffEq.jl). Strong order 1.5, weak order 2. The region
 * of mean-square stability is larger than SRA1's; f and g are evaluated at t + h as well. */
#include "integrators/modules_private.h"
#include "integrators/sde/stochastic_rk.h"

/* In Roessler's notation. */
#define B21     1.3371632704399763
#define B31     1.442371048468624
#define B32     1.8632741501139225
#define BETA1_1 -16.792534242221663
#define BETA1_2 17.514995785380226
#define BETA1_3 0.27753845684143835
#define BETA2_1 0.4237535769069274
#define BETA2_2 0.6010381474428539
#define BETA2_3 -1.0247917243497813

static const tr_srk_table table = {
    .stages = 3,
    .c = {0, 0.6923962376159507, 1},
    .a = {{0}, {0.6923962376159507}, {-3.1609142252828395, 4.1609142252828395}},
    .b = {0.2889874966892885, 0.6859880440839937, 0.025024459226717772},
    .nodes = 3,
    .node = {0, 0.041248171110700504, 1},
    .stage_w = {{0}, {B21 / 2}, {B31 / 2, B32 / 2}},
    .stage_h = {{0}, {B21}, {B31, B32}},
    .end_w = {BETA1_1 + BETA2_1 / 2, BETA1_2 + BETA2_2 / 2, BETA1_3 + BETA2_3 / 2},
    .end_h = {BETA2_1, BETA2_2, BETA2_3}};

static const tr_sde_method method = {
    .info = {.name = "sosra",
             .summary = "SOSRA, stability-optimised: strong order 1.5, weak order 2, 3 evaluations a step"},
    .strong_order = 1.5,
    .weak_order = 2,
    .nfe_per_step = 3,
    .n_scratch = TR_SRK_SCRATCH(3),
    .caps = TR_SDE_LEVY | TR_SDE_USES_END,
    .detail = &table,
    .step = tr_srk_step,
    .error = tr_srk_error,
};
const tr_module *const tr_sde_sosra = &method.info;
