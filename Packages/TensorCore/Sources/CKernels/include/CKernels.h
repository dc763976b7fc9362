// The C side of TensorCore: buffers, the thread pool and the inner loops. Not a public API: TensorCore is.
//
// Every kernel works on contiguous floats, runs on the calling thread and picks its instruction set at run
// time. Pointers of different parameters do not overlap unless a comment says so.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Instruction set: 2 AVX-512, 1 AVX2 with FMA, 0 baseline. RAMPART_INSTRUCTIONS=baseline|avx2|avx512 lowers it.
int ck_instruction_level(void);

// Thread pool.
int ck_pool_threads(void);
void ck_pool_set_threads(int count);
// How many threads would share a job now: 1 from inside a task.
int ck_pool_idle_threads(void);
// Runs body(context, 0 ..< tasks), each once, and returns when all are done.
void ck_pool_run(size_t tasks, __attribute__((swift_attr("@Sendable"))) void (*body)(void *context, size_t task),
                 void *context);

// Buffers, 64-byte aligned, recycled. `floats` must be the same in both calls.
float *ck_buffer_take(size_t floats);
void ck_buffer_return(float *buffer, size_t floats);
uint64_t ck_buffer_fresh(void);  // buffers that were newly allocated, ever

// Random numbers: Philox 4x32-10 (see random.c). `first_block` is the number of the first block of four draws.
// The first two words of the block whose counter is the value, the purpose and 0.
uint64_t ck_derived_key(uint64_t key, uint64_t value, uint32_t purpose);
void ck_random_words(uint64_t key, uint64_t first_block, uint32_t *words, size_t blocks);
void ck_random_uniform(uint64_t key, uint64_t first_block, float low, float high, float *y, size_t n);
void ck_random_normal(uint64_t key, uint64_t first_block, float mean, float deviation, float *y, size_t n);
void ck_random_bernoulli(uint64_t key, uint64_t first_block, float probability, float *y, size_t n);

// Elementwise. Comparisons give 1 or 0. ck_where_positive gives a where b > 0, else 0.
typedef enum {
  ck_add, ck_subtract, ck_multiply, ck_divide, ck_maximum, ck_minimum,
  ck_less, ck_less_or_equal, ck_equal, ck_not_equal,
  ck_add_rounding_up, ck_add_rounding_down, ck_where_positive, ck_add_then_relu
} ck_binary_op;
typedef enum {
  ck_negate, ck_absolute, ck_sign, ck_square, ck_square_root,
  ck_exponential, ck_logarithm, ck_tanh, ck_sigmoid, ck_relu
} ck_unary_op;
void ck_binary(ck_binary_op op, const float *a, int a_step, const float *b, int b_step, float *y, size_t n);
void ck_unary(ck_unary_op op, const float *x, float *y, size_t n);
void ck_select(const float *mask, const float *yes, const float *no, float *y, size_t n);
void ck_axpy(float a, const float *x, float *y, size_t n);  // y += a x

// Reductions.
double ck_sum(const float *x, size_t n);
double ck_sum_of_squares(const float *x, size_t n);
float ck_max(const float *x, size_t n);  // n > 0; NaN if a value is NaN
void ck_sum_columns(const float *x, size_t rows, size_t columns, size_t stride, float *y);
void ck_max_columns(const float *x, size_t rows, size_t columns, float *y);

// Rows of `columns` values each.
void ck_softmax_rows(const float *x, float *y, size_t rows, size_t columns);
void ck_log_softmax_rows(const float *x, float *y, size_t rows, size_t columns);
void ck_log_sum_exp_rows(const float *x, float *y, size_t rows, size_t columns);
void ck_cross_entropy_rows(
    const float *x, const int32_t *labels, float *losses, float *probabilities, size_t rows, size_t columns);
void ck_cross_entropy_gradient_rows(
    const float *probabilities, const int32_t *labels, const float *dy, float *dx, size_t rows, size_t columns);

// Pooling over planes of height x width (see pooling.c). 2x2 windows lie side by side and leave out an odd last row or
// column. A place is the largest element's position in its window, row by row, all bits set where the gradient ends;
// `places` may be NULL. With then_relu, values are max(0, .).
void ck_max_pool_2x2(
    const float *x, size_t planes, size_t height, size_t width, int then_relu, float *y, uint8_t *places);
void ck_max_pool_2x2_gradient(
    const float *dy, const uint8_t *places, size_t planes, size_t height, size_t width, float *dx);
void ck_mean_pool_2x2(const float *x, size_t planes, size_t height, size_t width, float *y);
void ck_mean_pool_2x2_gradient(const float *dy, size_t planes, size_t height, size_t width, float *dx);
void ck_plane_means(const float *x, size_t planes, size_t size, float *y);
void ck_plane_means_gradient(const float *dy, size_t planes, size_t size, float *dx);
// Any windows, by their bounds inside the plane (ends excluded, no window empty). Means divide by
// row_counts[r] * column_counts[c]. place_bytes is 1 or 4; 1 holds places up to 254.
typedef struct {
  size_t height, width, rows, columns;
  const uint32_t *row_starts, *row_ends, *column_starts, *column_ends;
  const uint32_t *row_counts, *column_counts;
} ck_pool_grid;
void ck_max_pool(
    const ck_pool_grid *g, const float *x, size_t planes, int then_relu, float *y, void *places, int place_bytes);
void ck_max_pool_gradient(
    const ck_pool_grid *g, const float *dy, const void *places, int place_bytes, size_t planes, float *dx);
void ck_mean_pool(const ck_pool_grid *g, const float *x, size_t planes, float *y);
void ck_mean_pool_gradient(const ck_pool_grid *g, const float *dy, size_t planes, float *dx);

// Normalisation by channels (see normalization.c): y = (x - center) * scale + shift with one of each a channel, then
// max(0, .) if then_relu. `products` are those of the gradient with x - center.
typedef struct {
  size_t samples, channels, inner, stride;
} ck_channels;
typedef struct {
  const float *center, *scale, *shift;
  int then_relu;
} ck_affine;
void ck_channel_sums(const ck_channels *s, const float *x, double *sums, double *squares);
void ck_channel_normalize(const ck_channels *s, const ck_affine *f, const float *x, float *y);
void ck_channel_products(
    const ck_channels *s, const ck_affine *f, const float *dy, const float *x, double *sums, double *products);
void ck_channel_gradient(
    const ck_channels *s, const ck_affine *f, const float *dy, const float *x, const float *slope, const float *turn,
    const float *rest, float *dx);

// Normalisation of blocks, each `parts` runs of `inner` values (see group_norm.c): y = (x - mean) * scale * weight +
// bias with the block's own mean and scale = 1 / sqrt(variance + epsilon), which are also returned. Block b, counted
// from first_block, has the weights from (b % groups) * parts on. The gradient adds its sums, one each a weight, to
// `sums` (of dy) and `products` (of dy with the normalised x); these and dx may be NULL.
typedef struct {
  size_t blocks, first_block, groups, parts, inner;
} ck_groups;
void ck_group_normalize(
    const ck_groups *s, const float *x, const float *weight, const float *bias, double epsilon, float *y,
    float *centers, float *scales);
void ck_group_gradient(
    const ck_groups *s, const float *dy, const float *x, const float *weight, const float *centers, const float *scales,
    float *dx, double *sums, double *products);

// Dropout: y = x * scale where the upper 24 bits of draw i of the key's stream reach the threshold, else 0; kept[i] is
// then not 0. ck_scale_rows multiplies each row with its factor; a factor of 0 gives 0 even for infinite x.
void ck_dropout(uint64_t key, uint32_t threshold, float scale, const float *x, float *y, uint8_t *kept, size_t n);
void ck_dropout_gradient(const uint8_t *kept, float scale, const float *dy, float *dx, size_t n);
void ck_scale_rows(const float *x, const float *factors, size_t rows, size_t columns, float *y);

// Smooth activations (see activations.c): values, and dy times the slope at x.
typedef enum { ck_gelu, ck_gelu_tanh, ck_silu } ck_activation_kind;
void ck_activation(ck_activation_kind kind, const float *x, float *y, size_t n);
void ck_activation_gradient(ck_activation_kind kind, const float *x, const float *dy, float *dx, size_t n);

// Products with a thin side (see thin.c).
void ck_thin_nt(const float *x, const float *w, const float *bias, float *y, size_t m, size_t n, size_t k);
void ck_thin_tn(const float *dy, const float *x, float *dw, size_t m, size_t k, size_t stride, size_t columns);
void ck_thin_nn(const float *dy, const float *w, float *dx, size_t m, size_t k, size_t n);
void ck_transpose(const float *x, float *y, size_t rows, size_t columns);

// Optimizers (see FusedUpdates.swift for the formulas).
typedef struct {
  float rate, momentum, dampening, coupled_decay;
  int nesterov, first;  // first: no velocity yet
} ck_sgd_settings;
typedef struct {
  float step, epsilon, coupled_decay;
  float beta2, rest1, rest2;  // rest: 1 - beta, rounded once
  float shrink;             // 1 - rate * decoupled decay
  float square_correction;  // 1 / sqrt(1 - beta2^t)
} ck_adam_settings;
void ck_sgd(const ck_sgd_settings *s, float *p, const float *g, float *velocity, size_t n);
void ck_adam(const ck_adam_settings *s, float *p, const float *g, float *mean, float *square, size_t n);

// Attacks (see SignStep.swift for the formula).
typedef struct {
  float size, radius;
  float low, high;  // the range
} ck_sign_step_settings;
void ck_sign_step(const ck_sign_step_settings *s, float *p, const float *g, const float *x, size_t n);

// Attacks in L2 and L1 balls, one sample of n elements a call (see BallStep.swift for the formulas). `g` may be NULL: no
// step, the projection alone. `candidate` is scratch for n floats. ck_steepest knows L2 and L1.
enum { ck_norm_linf = 0, ck_norm_l2 = 1, ck_norm_l1 = 2 };
typedef struct {
  int norm;  // ck_norm_l2 or ck_norm_l1
  float size, radius;
  float low, high;  // the range
} ck_ball_step_settings;
double ck_distance(int norm, const float *a, const float *b, size_t n);
void ck_steepest(int norm, const float *g, float *y, size_t n);
void ck_ball_step(
    const ck_ball_step_settings *s, float *p, const float *g, const float *x, float *candidate, size_t n);

// The shortest change d of a sample t of n elements, in L-infinity or L2, after which value + w·(t + d − p) is 0 and t + d is
// in the range, in which t must lie; as near as the range allows where it cannot be 0.
typedef struct {
  int norm;         // ck_norm_linf or ck_norm_l2
  float low, high;  // the range
} ck_plane_settings;
void ck_plane_change(
    const ck_plane_settings *s, const float *t, const float *p, const float *w, double value, float *d, size_t n);

// Noisy copies of an image of `size` floats, one after the other: y = clamp(x + noise). The noise of all copies is one
// run of ck_random_normal's draws (mean 0) from first_block on.
typedef struct {
  uint64_t key;
  float deviation;
  float low, high;  // the range
} ck_noise;
void ck_noisy_copies(const ck_noise *s, const float *x, size_t size, uint64_t first_block, float *y, size_t copies);

// y[i] = x[rows[i]] / 255, correctly rounded; rows of row_size bytes.
void ck_gather_pixels(const uint8_t *x, size_t row_size, const int64_t *rows, size_t count, float *y);

// C = A B + bias for at most ck_gemm_panel_columns() columns of C (see gemm.c). Strides are in floats. `bias` may be
// NULL; `panel` is scratch for ck_gemm_panel_depth rows of a panel.
enum { ck_gemm_panel_depth = 512 };
typedef struct {
  size_t rows, columns, depth;
  size_t a_row_stride, a_column_stride, b_row_stride, b_column_stride, c_stride;
} ck_gemm_shape;
size_t ck_gemm_panel_columns(void);
// The same in two steps: all of a panel of B packed, s->depth rows of it; then the product.
void ck_gemm_pack(const ck_gemm_shape *s, const float *b, float *packed);
void ck_gemm_packed(const ck_gemm_shape *s, const float *a, const float *packed, const float *bias, float *c);
void ck_gemm_panel(const ck_gemm_shape *s, const float *a, const float *b, const float *bias, float *c, float *panel);

// Direct convolution (see direct.c). Offsets are in floats.
size_t ck_lanes(void);  // floats in a vector

// An image made ready: packed[channel][row][phase][column] = x[channel][row * row_step - top][column * phases + phase - left]
// for the first `kept` phases, zero outside the image and where `gate`, if any, is not positive. Unless it clears, the
// places outside the image are left as they are.
typedef struct {
  size_t channels, height, width, rows, columns, phases, kept, row_step;
  size_t plane;  // floats from one packed channel to the next
  ptrdiff_t top, left;
} ck_pack_shape;
void ck_pack_image(const ck_pack_shape *s, const float *x, const float *gate, int clears, float *packed);

// lanes[i * ck_lanes() + image] = x[image * stride + i] for i < count, 0 where `gate`, if any, is not positive and for
// the lanes of images beyond `images`; and back.
void ck_images_to_lanes(const float *x, const float *gate, size_t images, size_t stride, size_t count, float *lanes);
void ck_lanes_to_images(const float *lanes, size_t images, size_t stride, size_t count, float *x);

// Output channels come in blocks of at most six, as equal as possible; weights are packed [block][tap][channel].
static inline size_t ck_direct_blocks(size_t channels) { return (channels + 5) / 6; }
static inline size_t ck_direct_block_start(size_t channels, size_t block) {
  size_t blocks = ck_direct_blocks(channels);
  return block * (channels / blocks) + (block < channels % blocks ? block : channels % blocks);
}
// The weight of a channel and a tap lies at channel * stride + tap.
void ck_pack_weights(const float *w, size_t channels, size_t stride, const ptrdiff_t *tap, size_t taps, float *packed);
typedef struct {
  size_t channels, taps, vectors;
  const ptrdiff_t *tap;   // from a vector's place to the pixels of each tap
  const int32_t *place;   // from the start of the packed image to each vector
  const int32_t *target;  // from the start of an output plane to each vector
  size_t lanes;           // floats of a vector that are stored
  size_t plane;           // from one output channel to the next
  int narrow;             // vectors of 8 where the instruction set has 16
} ck_direct_shape;
// What is done to each sum: + bias[channel] + addend, ReLU, * scale[channel] + shift[channel]. NULL leaves a part out.
typedef struct {
  const float *bias, *addend, *scale, *shift;
  int relu;
} ck_direct_ending;
void ck_direct(const ck_direct_shape *s, const float *x, const float *w, const ck_direct_ending *e, size_t first_block,
               size_t blocks, float *y);

// dw[channel][tap] += the sum over `steps` vectors of pixels of dy times the tap's pixels. A step is two places, in dy
// and in x; lanes beyond the image are zero in dy.
typedef struct {
  size_t channels, taps;
  const ptrdiff_t *tap;
  size_t dy_plane;
  int narrow;
} ck_weight_shape;
void ck_direct_weights(const ck_weight_shape *s, const float *dy, const float *x, const ptrdiff_t *step, size_t steps,
                       float *dw);

// dx += the gradient with respect to the input of a convolution with stride 1. A tap is a channel of dx and a row of the
// kernel; weights are packed [kernel column][block of taps][channel of dy][tap], blocks as for ck_direct.
typedef struct {
  size_t channels, dy_plane;  // of dy
  size_t taps, kernel_width, column;  // column: from one column of the kernel to the next, in dx
  const ptrdiff_t *target;  // from the corner of dx to where each tap's first column adds
  size_t vectors;
  const int32_t *place;   // of each vector of pixels in a plane of dy
  const int32_t *corner;  // and in a plane of dx
  int narrow;
} ck_scatter_shape;
void ck_direct_scatter(const ck_scatter_shape *s, const float *dy, const float *w, float *dx);

// dx[channel][row * row_step + row_phase][column * column_step + phase] = parts[phase][channel][row][column] for every
// column phase, plus `addend`, shaped as dx, if there is one; a part that is NULL counts as zeros.
typedef struct {
  size_t channels, rows, height, width, row_step, column_step, row_phase;
} ck_spread_shape;
void ck_spread(const ck_spread_shape *s, const float *const *parts, const float *addend, float *dx);
// One output channel at stride 1, with a kernel 3 or 5 high, at least 4 rows and one vector wide. A tap is a channel and
// a column of the kernel, its weights w[tap][kernel row].
typedef struct {
  size_t taps, kernel_height, height, width;
  const ptrdiff_t *tap;  // from an output pixel's place to the first pixel of each tap's column
  size_t row;            // from one row of the packed image to the next
  int narrow;
} ck_band_shape;
void ck_direct_band(const ck_band_shape *s, const float *x, const float *w, float *y);
// y[channel] += the sum of the channel's plane where `gate`, if any, is positive
void ck_add_plane_sums(const float *x, const float *gate, size_t channels, size_t plane, double *y);

// Convolution by lists of non-zero taps (see sparse.c), for one group of channels.
typedef struct {
  size_t inputs, outputs;            // channels of the group
  size_t unit_inputs, unit_outputs;  // channels of an image
  size_t height, width, output_height, output_width;
  size_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  size_t padding_height, padding_width;
  size_t group_channels;             // input channels that are packed at a time
} ck_sparse_shape;
typedef struct {
  uint32_t place;  // from the start of the packed channels to the vectors it is multiplied with
  float weight;
} ck_sparse_tap;
size_t ck_sparse_group_channels(const ck_sparse_shape *s);
// starts[number of channel groups * outputs + 1]: where the taps of each output begin, for each group of input channels.
void ck_sparse_pack(const ck_sparse_shape *s, const float *w, uint32_t *starts, ck_sparse_tap *taps);
// Blocks into which the output of so many images falls, and the floats that a block's outputs need as scratch.
size_t ck_sparse_blocks(const ck_sparse_shape *s, size_t images);
size_t ck_sparse_scratch(const ck_sparse_shape *s, size_t outputs);
// x, y and the ending's addend begin at the group's first channel; taps are the group's.
void ck_sparse(const ck_sparse_shape *s, const float *x, size_t images, const uint32_t *starts, const ck_sparse_tap *taps,
               const ck_direct_ending *e, size_t block, size_t first_output, size_t outputs, float *y, float *scratch);
// y[row][sample] = the sum of a row's elements (see sparse_rows.c) times x[place][sample]. Up to 63 floats after the last
// of x are read.
void ck_sparse_rows(const uint32_t *starts, const ck_sparse_tap *taps, size_t rows, const float *x, size_t samples,
                    float *y);

// Products of bytes (see int8.c). `tap` leads from a pixel's place to what each tap multiplies, `words` words of four
// channels; weights are [blocks of up to 64 outputs][tap][word][output][4]; outputs are a multiple of 16.
typedef struct {
  size_t taps, words, outputs;
  const ptrdiff_t *tap;
  const int8_t *weights;
} ck_int8_product;
// Results are written from each pixel's target on, to `bytes` or to `floats`; the addend, if any, lies as they do. Bytes
// stand for values (byte - zero) * their scale; sums are clamped to lowest ... highest before the zero point is added.
typedef struct {
  const float *scale, *offset;
  const uint8_t *addend;
  float addend_scale, lowest, highest;
  int32_t addend_zero, zero;
  uint8_t *bytes;
  float *floats;
} ck_int8_ending;
int ck_int8_has_vnni(void);
void ck_int8(const ck_int8_product *s, const ck_int8_ending *e, const uint8_t *x, const int32_t *places,
             const int32_t *targets, size_t pixels, int portable);

// Winograd convolution F(4x4, 3x3) (see winograd.c). Output pixels are cut into tiles of 4x4; rows of tiles are counted
// through all images. Output channels are cut into panels of ck_gemm_panel_columns().
typedef struct {
  size_t inputs, outputs;  // channels
  size_t height, width, output_height, output_width;
  ptrdiff_t top, left;     // padding
  size_t tile_rows, tile_columns;  // of an image
} ck_winograd_shape;
size_t ck_winograd_panels(size_t channels);
size_t ck_winograd_weight_count(size_t inputs, size_t outputs);
// Transforms the weights of some input channels. The kernel of an input and an output lies at their numbers times the
// strides; `turned` takes it from its end.
void ck_winograd_weights(const float *w, size_t inputs, size_t outputs, size_t input_stride, size_t output_stride,
                         int turned, size_t first_input, size_t input_count, float *u);
size_t ck_winograd_scratch(const ck_winograd_shape *s, size_t rows, size_t panels);
void ck_winograd(const ck_winograd_shape *s, const float *x, const float *gate, const float *u,
                 const ck_direct_ending *e, size_t first_row, size_t rows, size_t first_panel, size_t panels, float *y,
                 float *scratch);
// The weight gradient over `rows` rows of tiles from first_row on: first the tiles of both operands (some rows a call),
// then for each of 36 numbers the sums of products, then the gradient of some input channels.
size_t ck_winograd_input_count(const ck_winograd_shape *s, size_t rows);
size_t ck_winograd_upstream_count(const ck_winograd_shape *s, size_t rows);
size_t ck_winograd_turned_count(const ck_winograd_shape *s);
size_t ck_winograd_sums_count(const ck_winograd_shape *s);
void ck_winograd_input(const ck_winograd_shape *s, const float *x, size_t first_row, size_t rows, size_t begin,
                       size_t end, float *v, float *turned);
void ck_winograd_upstream(const ck_winograd_shape *s, const float *dy, const float *gate, size_t first_row, size_t rows,
                          size_t begin, size_t end, float *v, float *turned);
void ck_winograd_sums(const ck_winograd_shape *s, const float *x, const float *dy, size_t rows, size_t number, int adds,
                      float *sums);
void ck_winograd_weight_gradient(const ck_winograd_shape *s, const float *sums, size_t first_input, size_t input_count,
                                 float *dw);

// The machine's peak (see peak.c): multiply-adds in registers. The sum of all numbers is ck_peak_numbers() after 2 rounds
// and more.
size_t ck_peak_numbers(void);
double ck_peak_operations(size_t rounds);
double ck_peak_sum(size_t rounds);
