#include <credo/inference/contraction/kernel.hpp>

namespace credo::contraction {

#if defined(__x86_64__)
namespace x86_64_v3 {
extern const Kernels kKernels;
}
namespace x86_64_v4 {
extern const Kernels kKernels;
}
#endif
namespace baseline {
extern const Kernels kKernels;
}

const Kernels& kernels() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    return x86_64_v4::kKernels;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return x86_64_v3::kKernels;
  }
#endif
  return baseline::kKernels;
}

}  // namespace credo::contraction
