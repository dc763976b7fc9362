// Philox 4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// One block gives four words from a 128-bit counter and a 64-bit key; CK_LANES blocks run side by side.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "random.c"
#include "versions.h"

uint64_t ck_derived_key(uint64_t key, uint64_t value, uint32_t purpose) {
  uint32_t c0 = (uint32_t)value, c1 = (uint32_t)(value >> 32), c2 = purpose, c3 = 0;
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c0 | (uint64_t)c1 << 32;
}

void ck_random_words(uint64_t key, uint64_t first_block, uint32_t *words, size_t blocks) {
  CK_CALL(random_words, key, first_block, words, blocks);
}
void ck_random_uniform(uint64_t key, uint64_t first_block, float low, float high, float *y, size_t n) {
  CK_CALL(random_uniform, key, first_block, low, high, y, n);
}
void ck_random_normal(uint64_t key, uint64_t first_block, float mean, float deviation, float *y, size_t n) {
  CK_CALL(random_normal, key, first_block, mean, deviation, y, n);
}
void ck_random_bernoulli(uint64_t key, uint64_t first_block, float probability, float *y, size_t n) {
  CK_CALL(random_bernoulli, key, first_block, probability, y, n);
}
#else
#include "vectors.h"
#include "vector_math.h"
#include "philox.h"

static void CK(random_words)(uint64_t key, uint64_t first_block, uint32_t *words, size_t blocks) {
  for (size_t done = 0; done < blocks; done += CK_LANES) {
    CK(vu) word[4];
    CK(philox)(key, first_block + done, word);
    size_t count = CK_MINIMUM(blocks - done, (size_t)CK_LANES);
    for (size_t i = 0; i < count; i++)
      for (int w = 0; w < 4; w++) words[(done + i) * 4 + w] = word[w][i];
  }
}

static inline CK(vf) CK(unit)(CK(vu) word) {  // [0, 1), top 24 bits
  return __builtin_convertvector(__builtin_convertvector(word >> 8, CK(vi)), CK(vf)) * 0x1p-24f;
}

static void CK(random_uniform)(uint64_t key, uint64_t first_block, float low, float high, float *y, size_t n) {
  float width = high - low;
  // low + width * u may round up to the excluded end; the largest float below it is the limit
  float top = high;
  if (high > low) {
    uint32_t bits;
    memcpy(&bits, &high, 4);
    bits = high > 0 ? bits - 1 : high < 0 ? bits + 1 : 0x80000001u;
    memcpy(&top, &bits, 4);
  }
  for (size_t done = 0; done < n; done += 4 * CK_LANES) {
    CK(vu) word[4];
    CK(vf) value[4];
    CK(philox)(key, first_block + done / 4, word);
    for (int w = 0; w < 4; w++)
      value[w] = __builtin_elementwise_min(
          CK(splat)(low) + CK(unit)(word[w]) * CK(splat)(width), CK(splat)(top));
    CK(put)(value, y + done, n - done);
  }
}

static void CK(random_bernoulli)(uint64_t key, uint64_t first_block, float probability, float *y, size_t n) {
  for (size_t done = 0; done < n; done += 4 * CK_LANES) {
    CK(vu) word[4];
    CK(vf) value[4];
    CK(philox)(key, first_block + done / 4, word);
    for (int w = 0; w < 4; w++)
      value[w] = CK(choose)(CK(unit)(word[w]) < CK(splat)(probability), CK(splat)(1), CK(splat)(0));
    CK(put)(value, y + done, n - done);
  }
}

// Box-Muller within a block: words 0 and 1 give draws 0 and 1, words 2 and 3 draws 2 and 3.
static void CK(random_normal)(uint64_t key, uint64_t first_block, float mean, float deviation, float *y, size_t n) {
  for (size_t done = 0; done < n; done += 4 * CK_LANES) {
    CK(vu) word[4];
    CK(vf) value[4];
    CK(philox)(key, first_block + done / 4, word);
#pragma clang loop unroll(full)
    for (int w = 0; w < 4; w += 2) {
      CK(vf) u = CK(splat)(1) - CK(unit)(word[w]);  // (0, 1], so the logarithm is finite
      CK(vf) radius = __builtin_elementwise_sqrt(CK(splat)(-2) * CK(log_positive)(u));
      CK(vf) sine, cosine;
      CK(turn)(CK(unit)(word[w + 1]), &sine, &cosine);
      value[w] = CK(splat)(mean) + CK(splat)(deviation) * (radius * cosine);
      value[w + 1] = CK(splat)(mean) + CK(splat)(deviation) * (radius * sine);
    }
    CK(put)(value, y + done, n - done);
  }
}
#endif
