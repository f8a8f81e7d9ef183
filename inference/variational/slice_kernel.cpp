#include <credo/inference/contraction/kernel.hpp>
#include <credo/inference/variational/slice_kernel.hpp>

#include <string_view>

// The instruction set is the one that the contraction's loops chose.

namespace credo::slice_kernel {

#if defined(__x86_64__)
namespace x86_64_v3 {
extern const SliceKernels kKernels;
}
namespace x86_64_v4 {
extern const SliceKernels kKernels;
}
#endif
namespace baseline {
extern const SliceKernels kKernels;
}

const SliceKernels& kernels() noexcept {
#if defined(__x86_64__)
  const std::string_view name = contraction::kernels().name;
  if (name == "x86_64_v4") return x86_64_v4::kKernels;
  if (name == "x86_64_v3") return x86_64_v3::kKernels;
#endif
  return baseline::kKernels;
}

}  // namespace credo::slice_kernel
