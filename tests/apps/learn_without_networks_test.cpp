// credo learn --method sac, where it is not built.

#include "program.hpp"

#include <doctest/doctest.h>

namespace credo::test {
namespace {

TEST_CASE("learn: soft actor-critic is refused with what to do") {
  const Run run = run_credo({"learn", "pendulum", "--method", "sac"});
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK(contains(run.err, "method sac needs libtorch"));
  CHECK(contains(run.err, "libtorch-dev"));
}

}  // namespace
}  // namespace credo::test
