// Generates with oneDNN: arguments and answers as text-process.ts describes them.
//
// One LSTM primitive a layer and character, and a matmul to the logits. In int8 the states are unsigned with one scale,
// the weights signed with a scale an output. The first layer's bias is a row of a table, one a character, and its inputs
// are four zeros, since the primitive wants some: that takes 8 % less time than multiplying a one-hot row.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <omp.h>

#include "oneapi/dnnl/dnnl.hpp"

using dnnl::memory;
using type = memory::data_type;
using tag = memory::format_tag;
using Args = std::unordered_map<int, memory>;

static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
static dnnl::stream queue(engine);

// Of h in -1 .. 1 to 0 .. 255.
constexpr float SCALE = 127, ZERO = 128;
constexpr memory::dim NO_INPUTS = 4;

static std::ifstream weights;

static std::vector<float> take(size_t size) {
  std::vector<float> values(size);
  weights.read(reinterpret_cast<char *>(values.data()), size * sizeof(float));
  if (!weights) throw std::runtime_error("weights.bin is too short");
  return values;
}

static void zero(memory &state, bool bytes) {
  std::memset(state.get_data_handle(), bytes ? int(ZERO) : 0, state.get_desc().get_size());
}

// What multiplies a column of each matrix [inputs, outputs] to -127 .. 127.
static std::vector<float> scales(const std::vector<const std::vector<float> *> &matrices, size_t outputs) {
  std::vector<float> most(outputs, 1e-30f);
  for (auto matrix : matrices)
    for (size_t at = 0; at < matrix->size(); at++) most[at % outputs] = std::max(most[at % outputs], std::fabs((*matrix)[at]));
  for (auto &value : most) value = 127 / value;
  return most;
}

static memory reordered(std::vector<float> &values, memory::dims dims, tag plain, const memory::desc &target,
                        const dnnl::primitive_attr &attr = {}) {
  memory source({dims, type::f32, plain}, engine, values.data()), result(target, engine);
  dnnl::reorder(dnnl::reorder::primitive_desc(source, result, attr)).execute(queue, source, result);
  queue.wait();
  return result;
}

struct Layer {
  std::vector<float> table;  // of the first layer: [vocabulary, 4 * units], bias included
  memory biases;
  dnnl::lstm_forward primitive;
  Args args[2];  // from one pair of states to the other, and back
  memory output;

  Layer(const memory &input, memory::dim inputs, memory::dim units, bool int8, bool first) {
    auto kernel = take(inputs * 4 * units), recurrent = take(units * 4 * units), bias = take(4 * units);
    if (first) {
      for (size_t at = 0; at < kernel.size(); at++) kernel[at] += bias[at % bias.size()];
      table.swap(kernel);
      inputs = NO_INPUTS;
      kernel.assign(inputs * 4 * units, 0);
    }
    const memory::dims layerDims{1, 1, inputs, 4, units}, iterDims{1, 1, units, 4, units};
    const type state = int8 ? type::u8 : type::f32, weight = int8 ? type::s8 : type::f32;
    memory::desc h({1, 1, 1, units}, state, tag::ldnc), c({1, 1, 1, units}, type::f32, tag::ldnc);
    memory::desc out({1, 1, units}, state, tag::tnc), b({1, 1, 4, units}, type::f32, tag::ldgo);
    dnnl::primitive_attr attr;
    if (int8) {
      attr.set_rnn_data_qparams(SCALE, ZERO);
      attr.set_rnn_weights_qparams((1 << 3) + (1 << 4), scales({&kernel, &recurrent}, 4 * units));
    }
    dnnl::lstm_forward::primitive_desc description(
        engine, dnnl::prop_kind::forward_inference, dnnl::rnn_direction::unidirectional_left2right, input.get_desc(), h, c,
        {layerDims, weight, tag::any}, {iterDims, weight, tag::any}, b, out, h, c, attr);
    primitive = dnnl::lstm_forward(description);
    auto layerWeights = reordered(kernel, layerDims, tag::ldigo, description.weights_layer_desc(), attr);
    auto iterWeights = reordered(recurrent, iterDims, tag::ldigo, description.weights_iter_desc(), attr);
    biases = memory(b, engine);
    std::copy(bias.begin(), bias.end(), static_cast<float *>(biases.get_data_handle()));
    memory hs[2]{{h, engine}, {h, engine}}, cs[2]{{c, engine}, {c, engine}};
    for (auto &each : hs) zero(each, int8);
    for (auto &each : cs) zero(each, false);
    output = memory(out, engine);
    for (int from = 0; from < 2; from++)
      args[from] = {{DNNL_ARG_SRC_LAYER, input},           {DNNL_ARG_SRC_ITER, hs[from]},
                    {DNNL_ARG_SRC_ITER_C, cs[from]},       {DNNL_ARG_WEIGHTS_LAYER, layerWeights},
                    {DNNL_ARG_WEIGHTS_ITER, iterWeights},  {DNNL_ARG_BIAS, biases},
                    {DNNL_ARG_DST_LAYER, output},          {DNNL_ARG_DST_ITER, hs[1 - from]},
                    {DNNL_ARG_DST_ITER_C, cs[1 - from]}};
  }
};

int main(int, char **argv) {
  const bool int8 = std::string(argv[2]) == "int8";
  omp_set_num_threads(std::atoi(argv[3]));
  const float temperature = std::atof(argv[4]);
  const memory::dim vocabulary = std::atol(argv[5]);
  weights.open(std::string(argv[1]) + "/weights.bin", std::ios::binary);

  memory below({{1, 1, NO_INPUTS}, int8 ? type::u8 : type::f32, tag::tnc}, engine);
  zero(below, int8);
  std::vector<Layer> layers;
  memory::dim width = vocabulary;
  for (char **units = argv + 6; *units; units++) {
    layers.emplace_back(below, width, std::atol(*units), int8, layers.empty());
    below = layers.back().output;
    width = std::atol(*units);
  }

  auto dense = take(width * vocabulary), bias = take(vocabulary);
  dnnl::primitive_attr attr, packing;
  memory inputScale({{1}, type::f32, tag::a}, engine), zeroPoint({{1}, type::s32, tag::a}, engine);
  memory outputScales({{vocabulary}, type::f32, tag::a}, engine), biases({{1, vocabulary}, type::f32, tag::ab}, engine);
  std::copy(bias.begin(), bias.end(), static_cast<float *>(biases.get_data_handle()));
  if (int8) {
    attr.set_scales_mask(DNNL_ARG_SRC, 0);
    attr.set_zero_points_mask(DNNL_ARG_SRC, 0);
    attr.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 1);
    *static_cast<float *>(inputScale.get_data_handle()) = 1 / SCALE;
    *static_cast<int32_t *>(zeroPoint.get_data_handle()) = ZERO;
    auto by = scales({&dense}, vocabulary);
    for (memory::dim i = 0; i < vocabulary; i++) static_cast<float *>(outputScales.get_data_handle())[i] = 1 / by[i];
    for (size_t at = 0; at < dense.size(); at++) dense[at] *= by[at % vocabulary];
  }
  memory::desc top({1, width}, int8 ? type::u8 : type::f32, tag::ab), row({1, vocabulary}, type::f32, tag::ab);
  dnnl::matmul::primitive_desc product(engine, top, {{width, vocabulary}, int8 ? type::s8 : type::f32, tag::any},
                                       biases.get_desc(), row, attr);
  memory logits(row, engine);
  dnnl::matmul output(product);
  Args outputArgs{{DNNL_ARG_SRC, memory(top, engine, below.get_data_handle())},
                  {DNNL_ARG_WEIGHTS, reordered(dense, {width, vocabulary}, tag::ab, product.weights_desc())},
                  {DNNL_ARG_BIAS, biases},
                  {DNNL_ARG_DST, logits},
                  {DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC, inputScale},
                  {DNNL_ARG_ATTR_ZERO_POINTS | DNNL_ARG_SRC, zeroPoint},
                  {DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, outputScales}};

  int id = 0, parity = 0;
  const float *values = static_cast<float *>(logits.get_data_handle());
  auto step = [&] {
    layers[0].biases.set_data_handle(&layers[0].table[id * (layers[0].table.size() / vocabulary)]);
    for (auto &layer : layers) layer.primitive.execute(queue, layer.args[parity]);
    output.execute(queue, outputArgs);
    parity = 1 - parity;
  };
  std::mt19937 random(1);
  std::vector<float> sums(vocabulary);
  auto sample = [&] {
    const float most = *std::max_element(values, values + vocabulary);
    float sum = 0;
    for (memory::dim i = 0; i < vocabulary; i++) sums[i] = std::exp((values[i] - most) / temperature);
    for (auto &each : sums) each = sum += each;
    const float drawn = random() * (sum / 4294967296.0f);
    id = std::min<long>(std::upper_bound(sums.begin(), sums.end(), drawn) - sums.begin(), vocabulary - 1);
  };

  std::cout << "[";
  for (int count = 0; count < 20; count++) {
    step();
    std::cout << (count ? ",[" : "[");
    for (memory::dim i = 0; i < vocabulary; i++) std::cout << (i ? "," : "") << values[i];
    std::cout << "]";
    id = std::max_element(values, values + vocabulary) - values;
  }
  std::cout << "]" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    using clock = std::chrono::steady_clock;
    const double seconds = std::stod(line) / 1000;
    const auto start = clock::now();
    double elapsed = 0;
    long made = 0;
    for (; elapsed < seconds; made += 16) {
      for (int count = 0; count < 16; count++) step(), sample();
      elapsed = std::chrono::duration<double>(clock::now() - start).count();
    }
    std::cout << made / elapsed << std::endl;
  }
}
