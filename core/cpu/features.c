#include "core/cpu/features.h"
#include "core/error/error_private.h"
#include "core/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const level_names[] = {"baseline", "avx2", "avx512"};

const char *tr_cpu_level_name(tr_cpu_level level) {
  return level_names[level];
}

#if defined(__x86_64__)
typedef struct {
  const char *name;
  unsigned leaf, subleaf;
  int word, bit;      /* word: 0 eax, 1 ebx, 2 ecx, 3 edx */
  unsigned needs_xcr; /* register states that the operating system must save: bits of XCR0 */
  tr_cpu_level level; /* the lowest level that needs it; TR_CPU_BASELINE: only reported */
} cpu_feature;

enum { XCR_AVX = 0x6, XCR_AVX512 = 0xe6, XCR_AMX = 0x60000 };

/* Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID. */
static const cpu_feature features[] = {
    {"avx", 1, 0, 2, 28, XCR_AVX, TR_CPU_AVX2},
    {"f16c", 1, 0, 2, 29, XCR_AVX, TR_CPU_AVX2},
    {"fma", 1, 0, 2, 12, XCR_AVX, TR_CPU_AVX2},
    {"movbe", 1, 0, 2, 22, 0, TR_CPU_AVX2},
    {"lzcnt", 0x80000001, 0, 2, 5, 0, TR_CPU_AVX2},
    {"bmi", 7, 0, 1, 3, 0, TR_CPU_AVX2},
    {"bmi2", 7, 0, 1, 8, 0, TR_CPU_AVX2},
    {"avx2", 7, 0, 1, 5, XCR_AVX, TR_CPU_AVX2},
    {"avx512f", 7, 0, 1, 16, XCR_AVX512, TR_CPU_AVX512},
    {"avx512bw", 7, 0, 1, 30, XCR_AVX512, TR_CPU_AVX512},
    {"avx512cd", 7, 0, 1, 28, XCR_AVX512, TR_CPU_AVX512},
    {"avx512dq", 7, 0, 1, 17, XCR_AVX512, TR_CPU_AVX512},
    {"avx512vl", 7, 0, 1, 31, XCR_AVX512, TR_CPU_AVX512},
    {"avx512_vnni", 7, 0, 2, 11, XCR_AVX512, TR_CPU_BASELINE},
    {"avx512_bf16", 7, 1, 0, 5, XCR_AVX512, TR_CPU_BASELINE},
    {"amx_tile", 7, 0, 3, 24, XCR_AMX, TR_CPU_BASELINE},
    {"amx_bf16", 7, 0, 3, 22, XCR_AMX, TR_CPU_BASELINE},
};
enum { FEATURES = sizeof features / sizeof *features };

static unsigned saved_states(void) {
  unsigned word[4] = {0}, low, high;
  if (!__get_cpuid(1, &word[0], &word[1], &word[2], &word[3]) || !(word[2] >> 27 & 1)) return 0; /* OSXSAVE */
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static bool has(const cpu_feature *feature, unsigned states) {
  unsigned word[4];
  if (!__get_cpuid_count(feature->leaf, feature->subleaf, &word[0], &word[1], &word[2], &word[3]))
    return false;
  return word[feature->word] >> feature->bit & 1 && (states & feature->needs_xcr) == feature->needs_xcr;
}

tr_cpu_level tr_cpu_level_supported(void) {
  tr_cpu_level level = TR_CPU_AVX512;
  unsigned states = saved_states();
  for (int i = 0; i < FEATURES; i++)
    if (features[i].level != TR_CPU_BASELINE && level >= features[i].level && !has(&features[i], states))
      level = features[i].level - 1;
  return level;
}

bool tr_cpu_has_bf16(tr_cpu_level level) {
  const char *asked = getenv("TRANSIT_BF16");
  if (level < TR_CPU_AVX512 || (asked && strcmp(asked, "converted") == 0)) return false;
  for (int i = 0; i < FEATURES; i++)
    if (strcmp(features[i].name, "avx512_bf16") == 0) return has(&features[i], saved_states());
  return false;
}

const char *tr_cpu_features(char *text, size_t size) {
  unsigned states = saved_states();
  size_t used = 0;
  if (size) text[0] = 0;
  for (int i = 0; i < FEATURES && used < size; i++)
    if (has(&features[i], states))
      used += (size_t)snprintf(text + used, size - used, used ? " %s" : "%s", features[i].name);
  return text;
}
#else
bool tr_cpu_has_bf16(tr_cpu_level level) {
  (void)level;
  return false;
}

tr_cpu_level tr_cpu_level_supported(void) {
  return TR_CPU_BASELINE;
}

const char *tr_cpu_features(char *text, size_t size) {
  if (size) text[0] = 0;
  return text;
}
#endif

static tr_status bad_level(tr_error *err, const char *asked, tr_cpu_level supported) {
  return TR_FAIL_IN(err, TR_E_ARG,
                    "TRANSIT_CPU is '%s': use baseline, avx2 or avx512, at most %s on this processor",
                    TR_SHOW(asked, 40), level_names[supported]);
}

tr_status tr_cpu_level_selected(tr_cpu_level *level, tr_error *err) {
  const char *asked = getenv("TRANSIT_CPU");
  *level = tr_cpu_level_supported();
  if (!asked || !*asked) return TR_OK;
  for (tr_cpu_level l = TR_CPU_BASELINE; l <= *level; l++)
    if (strcmp(asked, level_names[l]) == 0) {
      *level = l;
      return TR_OK;
    }
  return bad_level(err, asked, *level);
}
