// The most floating-point work the CPU can do: multiply-adds that stay in registers.
#ifndef CK_LANES
#include "CKernels.h"

// Enough that none waits for the one before it in the same chain, few enough for 16 registers.
enum { CK_PEAK_CHAINS = 12, CK_PEAK_STEPS = 16 };

#define CK_FILE "peak.c"
#include "versions.h"

size_t ck_peak_numbers(void) { return CK_PEAK_CHAINS * (ck_level() == 2 ? 16 : ck_level() == 1 ? 8 : 4); }
double ck_peak_operations(size_t rounds) { return 2.0 * CK_PEAK_STEPS * (double)ck_peak_numbers() * (double)rounds; }
double ck_peak_sum(size_t rounds) { return CK_CALL(peak_sum, rounds); }
#else
#include "vectors.h"

// Each chain starts elsewhere and goes half of the way to 1 in every step, so that it arrives there exactly, and no
// compiler can leave out a step or a chain. None may start at 1: it would stay there, and the compiler knows.
static double CK(peak_sum)(size_t rounds) {
  CK(vf) half = CK(splat)(0.5f), chains[CK_PEAK_CHAINS];
  for (int i = 0; i < CK_PEAK_CHAINS; i++) chains[i] = CK(splat)((float)(i + 2));
  for (size_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int step = 0; step < CK_PEAK_STEPS; step++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < CK_PEAK_CHAINS; i++) chains[i] = CK(fma)(chains[i], half, half);
    }
  }
  double total = 0;
  for (int i = 0; i < CK_PEAK_CHAINS; i++) total += CK(sum_lanes_double)(CK(widen)(chains[i]));
  return total;
}
#endif
