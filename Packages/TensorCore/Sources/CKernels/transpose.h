// Turns a square of vectors. Include after vectors.h, inside the versioned part.

// Lanes of a and b in turn: of their first halves, then of their second halves. Applied log2(lanes) times to vectors
// i and i + lanes / 2, this turns a square.
static inline void CK(interleave)(CK(vf) a, CK(vf) b, CK(vf) *low, CK(vf) *high) {
#if CK_LANES == 16
  *low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  *high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif CK_LANES == 8
  *low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  *high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  *low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  *high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

static inline __attribute__((always_inline)) void CK(turn_square)(CK(vf) rows[CK_LANES]) {
  _Pragma("unroll") for (int step = 1; step < CK_LANES; step *= 2) {
    CK(vf) next[CK_LANES];
    _Pragma("unroll") for (int i = 0; i < CK_LANES / 2; i++)
      CK(interleave)(rows[i], rows[i + CK_LANES / 2], &next[2 * i], &next[2 * i + 1]);
    _Pragma("unroll") for (int i = 0; i < CK_LANES; i++) rows[i] = next[i];
  }
}
