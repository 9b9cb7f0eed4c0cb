// Runs a CUDA kernel on the CPU: a thread for each thread of a block, block by block.
// The test puts the kernel's source where KERNEL is defined to be.

#include <barrier>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

struct Dim {
    unsigned x, y;
};

struct Warp {
    std::barrier<> meeting{32};
    double values[32];
};

thread_local Dim threadIdx, blockIdx;
thread_local Warp* own_warp;
thread_local int lane;
Dim blockDim;
std::unique_ptr<std::barrier<>> own_block;

#define __global__
#define __device__
#define __shared__ static

using std::exp;
using std::fabs;
using std::log1p;

template <typename T> T __shfl_xor_sync(unsigned, T value, int mask)
{
    own_warp->values[lane] = value;
    own_warp->meeting.arrive_and_wait();
    const T other = (T)own_warp->values[lane ^ mask];
    own_warp->meeting.arrive_and_wait();
    return other;
}

void __syncthreads() { own_block->arrive_and_wait(); }

double __longlong_as_double(long long bits)
{
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

#include KERNEL

template <typename Call> void launch(unsigned grid, unsigned width, unsigned height, Call kernel)
{
    blockDim = {width, height};
    for (unsigned block = 0; block < grid; ++block) {
        const unsigned count = width * height;
        own_block = std::make_unique<std::barrier<>>(count);
        std::vector<Warp> warps(count / 32);
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < count; ++i)
            threads.emplace_back([&, i] {
                threadIdx = {i % width, i / width};
                blockIdx = {block, 0};
                own_warp = &warps[i / 32];
                lane = i % 32;
                kernel();
            });
        for (std::thread& thread : threads) thread.join();
    }
}

#define RUN(NAME, T)                                                                          \
    extern "C" void NAME(const T* x, T* y, long long rows, long long length, long long inner, \
                         unsigned grid, unsigned width, unsigned height, int logarithm)       \
    {                                                                                         \
        launch(grid, width, height, [=] {                                                     \
            if (logarithm) softmax<T, true>(x, y, rows, length, inner);                       \
            else softmax<T, false>(x, y, rows, length, inner);                                \
        });                                                                                   \
    }

RUN(run_float32, float)
RUN(run_float64, double)
