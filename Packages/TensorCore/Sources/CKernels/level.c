#include "level.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

int ck_known_level = -1;

int ck_find_level(void) {
  int best = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) {
    best = 2;
  } else if (__builtin_cpu_supports("x86-64-v3")) {
    best = 1;
  }
#endif
  const char *wanted = getenv("RAMPART_INSTRUCTIONS");
  int level = best;
  if (wanted != NULL) {
    if (strcmp(wanted, "baseline") == 0) level = 0;
    if (strcmp(wanted, "avx2") == 0) level = 1;
    if (strcmp(wanted, "avx512") == 0) level = 2;
  }
  if (level > best) level = best;  // never an instruction this CPU lacks
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  if (wanted != NULL && strcmp(wanted, names[level]) != 0)
    fprintf(stderr, "RAMPART_INSTRUCTIONS=%s is not to be had here; %s is used.\n", wanted, names[level]);
  __atomic_store_n(&ck_known_level, level, __ATOMIC_RELAXED);
  return level;
}

int ck_instruction_level(void) { return ck_level(); }
