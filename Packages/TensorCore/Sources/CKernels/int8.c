// Convolutions and products of bytes: activations of 0 to 255 with weights of -127 to 127, summed exactly in 32 bits.
//
// Images lie as [row][column][channel] with a border that holds the zero point, so that no pixel needs a test. Four
// neighbouring channels make a word; a word of one pixel meets those of 16 output channels in one instruction where the
// CPU has VNNI. Six pixels by up to four vectors of output channels stay in registers.
//
// The end of a sum is computed in floats, rounded after each operation on every instruction set, so that all give the
// same bytes: clamp(round(sum * scale + offset + (addend - zero) * addend scale)) + zero, ties to even.
#ifndef CK_LANES
#include <string.h>

#include "CKernels.h"
#define CK_FILE "int8.c"
#include "versions.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,bmi2,f16c"))), apply_to = function)
#define CK_VERSION vnni
#define CK_LANES 16
#define CK_FMA 1
#define CK_VNNI
#include CK_FILE
#undef CK_VERSION
#undef CK_LANES
#undef CK_FMA
#undef CK_VNNI
#pragma clang attribute pop
#endif

int ck_int8_has_vnni(void) {
#if defined(__x86_64__)
  return ck_level() == 2 && __builtin_cpu_supports("avx512vnni");
#else
  return 0;
#endif
}

void ck_int8(const ck_int8_product *s, const ck_int8_ending *e, const uint8_t *x, const int32_t *places,
             const int32_t *targets, size_t pixels, int portable) {
#if defined(__x86_64__)
  if (!portable && ck_int8_has_vnni()) {
    int8_vnni(s, e, x, places, targets, pixels);
    return;
  }
#endif
  CK_CALL(int8, s, e, x, places, targets, pixels);
}
#else
#pragma clang fp contract(off)

enum { CK(int8_lanes) = 16, CK(int8_vectors) = 4 };

typedef int32_t CK(words) __attribute__((ext_vector_type(16)));
typedef float CK(floats) __attribute__((ext_vector_type(16)));
typedef uint8_t CK(bytes) __attribute__((ext_vector_type(16)));

// sums + the products of one pixel's four bytes with those of each lane
static inline __attribute__((always_inline)) CK(words) CK(dot)(CK(words) sums, uint32_t pixel, const int8_t *weights) {
  CK(words) w;
  memcpy(&w, weights, sizeof w);
#ifdef CK_VNNI
  return __builtin_ia32_vpdpbusd512(sums, (CK(words))(int32_t)pixel, w);
#else
  for (int shift = 0; shift < 32; shift += 8)
    sums += (w << (24 - shift) >> 24) * (CK(words))(int32_t)(pixel >> shift & 255);
  return sums;
#endif
}

static inline __attribute__((always_inline)) void CK(int8_block)(
    const ck_int8_product *s, const ck_int8_ending *e, const uint8_t *x, const int32_t *places, const int32_t *targets,
    const int8_t *weights, size_t channel, int pixels, int vectors) {
  CK(words) sums[6][CK(int8_vectors)];
  for (int p = 0; p < pixels; p++)
    for (int v = 0; v < vectors; v++) sums[p][v] = (CK(words))0;
  for (size_t t = 0; t < s->taps; t++) {
    const uint8_t *from[6];
    for (int p = 0; p < pixels; p++) from[p] = x + places[p] + s->tap[t];
    for (size_t i = 0; i < s->words; i++, weights += vectors * CK(int8_lanes) * 4)
      for (int p = 0; p < pixels; p++) {
        uint32_t word;
        memcpy(&word, from[p] + 4 * i, sizeof word);
        for (int v = 0; v < vectors; v++) sums[p][v] = CK(dot)(sums[p][v], word, weights + v * CK(int8_lanes) * 4);
      }
  }
  // through memory, so that the ends need not be unrolled
  CK(words) ends[6][CK(int8_vectors)];
  _Pragma("unroll") for (int p = 0; p < pixels; p++)
    _Pragma("unroll") for (int v = 0; v < vectors; v++) ends[p][v] = sums[p][v];
  for (int p = 0; p < pixels; p++)
    for (int v = 0; v < vectors; v++) {
      size_t o = channel + (size_t)v * CK(int8_lanes);
      size_t target = (size_t)targets[p] + o;
      CK(floats) scale, offset, y = __builtin_convertvector(ends[p][v], CK(floats));
      memcpy(&scale, e->scale + o, sizeof scale);
      memcpy(&offset, e->offset + o, sizeof offset);
      y = y * scale;
      y = y + offset;
      if (e->addend != NULL) {
        CK(bytes) more;
        memcpy(&more, e->addend + target, sizeof more);
        CK(words) part = __builtin_convertvector(more, CK(words)) - (CK(words))e->addend_zero;
        CK(floats) scaled = __builtin_convertvector(part, CK(floats)) * (CK(floats))e->addend_scale;
        y = y + scaled;
      }
      if (e->floats != NULL) {
        memcpy(e->floats + target, &y, sizeof y);
        continue;
      }
      // NaN cannot come up: sums are finite, and so are the factors
      y = __builtin_elementwise_max(y, (CK(floats))e->lowest);
      y = __builtin_elementwise_min(y, (CK(floats))e->highest);
      // from 1.5 * 2^23 on floats are whole numbers, so the sum rounds
      y = y + (CK(floats))12582912.0f;
      y = y - (CK(floats))12582912.0f;
      CK(words) q = __builtin_convertvector(y, CK(words)) + (CK(words))e->zero;
      CK(bytes) narrow = __builtin_convertvector(q, CK(bytes));
      memcpy(e->bytes + target, &narrow, sizeof narrow);
    }
}

static void CK(int8)(const ck_int8_product *s, const ck_int8_ending *e, const uint8_t *x, const int32_t *places,
                     const int32_t *targets, size_t pixels) {
  const int8_t *weights = s->weights;
  for (size_t channel = 0; channel < s->outputs;) {
    size_t left = (s->outputs - channel) / CK(int8_lanes), vectors = left < 4 ? left : 4;
    for (size_t p = 0; p < pixels;) {
#define CK_BLOCK(count)                                                                                        \
  switch (vectors) {                                                                                           \
  case 1: CK(int8_block)(s, e, x, places + p, targets + p, weights, channel, count, 1); break;                 \
  case 2: CK(int8_block)(s, e, x, places + p, targets + p, weights, channel, count, 2); break;                 \
  case 3: CK(int8_block)(s, e, x, places + p, targets + p, weights, channel, count, 3); break;                 \
  case 4: CK(int8_block)(s, e, x, places + p, targets + p, weights, channel, count, 4); break;                 \
  }                                                                                                            \
  p += count
      if (pixels - p >= 6) {
        CK_BLOCK(6);
      } else if (pixels - p >= 2) {
        CK_BLOCK(2);
      } else {
        CK_BLOCK(1);
      }
#undef CK_BLOCK
    }
    weights += s->taps * s->words * vectors * CK(int8_lanes) * 4;
    channel += vectors * CK(int8_lanes);
  }
}
#endif
