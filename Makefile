# Thin: every line of work stands in CMake or in a script.
.PHONY: demo test bench format lint

demo:
	@.ci/packages demo
	@tests/checks/demo

test:
	@.ci/packages test
	@tests/checks/run_all

bench:
	@.ci/packages bench
	@cmake --preset bench > /dev/null
	@cmake --build --preset bench -- -j2
	@build/bench/apps/cli/credo bench

format:
	@.ci/packages format
	@tests/checks/format --write

lint:
	@.ci/packages test
	@tests/checks/lint
