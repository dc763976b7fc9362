// Philox blocks side by side, for one instruction set. Include after vectors.h, inside the versioned part.

typedef uint64_t CK(vw) __attribute__((ext_vector_type(CK_LANES / 2)));

// CK_LANES blocks from number `block` on: word[w][lane] is word w of block + lane.
//
// Each word of the state lies in the lower half of a 64-bit lane, where multiplication looks for it, the even blocks in
// one vector and the odd ones in another; what stands in the upper halves never reaches a lower one.
static inline __attribute__((always_inline)) void CK(philox)(uint64_t key, uint64_t block, CK(vu) word[4]) {
  const uint64_t lower = 0xFFFFFFFFu;
  CK(vw) c[4][2];
  for (uint64_t parity = 0; parity < 2; parity++) {
    for (uint64_t i = 0; i < CK_LANES / 2; i++) c[0][parity][i] = block + 2 * i + parity;
    c[1][parity] = c[0][parity] >> 32;
    c[2][parity] = c[3][parity] = 0;
  }
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    for (int parity = 0; parity < 2; parity++) {
      CK(vw) p = (c[0][parity] & lower) * (uint64_t)0xD2511F53u, q = (c[2][parity] & lower) * (uint64_t)0xCD9E8D57u;
      c[0][parity] = (q >> 32) ^ c[1][parity] ^ (uint64_t)k0;
      c[2][parity] = (p >> 32) ^ c[3][parity] ^ (uint64_t)k1;
      c[1][parity] = q;
      c[3][parity] = p;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int w = 0; w < 4; w++) {
    CK(vw) both = (c[w][0] & lower) | (c[w][1] << 32);
    memcpy(&word[w], &both, sizeof both);
  }
}

// Draw i of a stream is word i % 4 of block i / 4, but lanes are blocks: the first n <= 4 * CK_LANES of such values in
// the order of the draws.
typedef float CK(vf2) __attribute__((ext_vector_type(2 * CK_LANES)));
static inline void CK(put)(const CK(vf) value[4], float *y, size_t n) {
  CK(vf2) first, second, turned[2];
  first.even = value[0];
  first.odd = value[2];
  second.even = value[1];
  second.odd = value[3];
  turned[0].even = first.lo;
  turned[0].odd = second.lo;
  turned[1].even = first.hi;
  turned[1].odd = second.hi;
  if (n >= 4 * CK_LANES) {
    memcpy(y, &turned[0], sizeof turned[0]);
    memcpy(y + 2 * CK_LANES, &turned[1], sizeof turned[1]);
  } else {
    float values[4 * CK_LANES];
    memcpy(values, turned, sizeof turned);
    for (size_t i = 0; i < n; i++) y[i] = values[i];
  }
}
