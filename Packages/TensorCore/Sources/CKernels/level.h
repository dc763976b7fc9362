// The instruction set in use: 2 AVX-512, 1 AVX2 with FMA, 0 the baseline of the architecture.
#pragma once

extern int ck_known_level;  // -1 until first asked
int ck_find_level(void);

static inline int ck_level(void) {
  int level = __atomic_load_n(&ck_known_level, __ATOMIC_RELAXED);
  return level >= 0 ? level : ck_find_level();
}
