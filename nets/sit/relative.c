/* Transformers with the blocks of a SiT and more in them, which are none. */
#include <stdio.h>
#include <string.h>

#include "nets/sit/sit_private.h"

/* Parts of names; those of one feature stand together. */
static const struct {
  const char *part, *feature;
} signs[] = {
    {"rope", "rotary positions (RoPE)"},
    {"freqs_cos", "rotary positions (RoPE)"},
    {".w12.", "SwiGLU"},
    {".mlp.w3.", "SwiGLU"},
    {".norm1.weight", "RMSNorm with weights"},
    {".q_norm.", "qk-norm"},
    {".cross_attn", "cross-attention"},
    {".experts.", "experts (MoE)"},
    {"rel_pos", "relative positions"},
};
enum { SIGNS = sizeof signs / sizeof *signs };

static const char *find_part(const tr_tensors *weights, const char *part) {
  for (int i = 0; i < weights->n; i++)
    if (strstr(weights->items[i].name, part)) return weights->items[i].name;
  return NULL;
}

const char *tr_sit_relative(const tr_tensors *weights, char *text, size_t size) {
  char features[200] = "";
  const char *last = "", *name = NULL;
  size_t used = 0;
  if (!find_part(weights, "blocks.") || !find_part(weights, "adaLN_modulation")) return NULL;
  for (int i = 0; i < SIGNS && used < sizeof features; i++) {
    const char *found = strcmp(signs[i].feature, last) == 0 ? NULL : find_part(weights, signs[i].part);
    if (!found) continue;
    last = signs[i].feature;
    name = found;
    used += (size_t)snprintf(features + used, sizeof features - used, "%s%s", used ? ", " : "", last);
  }
  if (!name) return NULL;
  const bool lightning = find_part(weights, ".w12.") || find_part(weights, "rope");
  snprintf(text, size, "%s with %s (tensor '%.100s')", lightning ? "a LightningDiT, a SiT" : "a SiT",
           features, name);
  return text;
}
