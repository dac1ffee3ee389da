# Everything that is built or run here. `make` alone lists it.
# Needs Rust, Python 3 and a C compiler; whatever else it gets stays under target/.

# GNU make 3.81, which macOS has, is enough.
.PHONY: help wasm clean tools

# A target directory of the user's own would hide what the rules below look for.
export CARGO_TARGET_DIR := $(CURDIR)/target

help:
	@echo 'make wasm    build dist/namespace-jwt.wasm, the filter'
	@echo 'make clean   remove everything that was built or downloaded'

wasm: tools
	@python3 .ci/wasm.py wasm32-wasip1 build --release --lib
	@mkdir -p dist
	@cmp -s target/wasm32-wasip1/release/namespace_jwt.wasm dist/namespace-jwt.wasm || \
	  cp target/wasm32-wasip1/release/namespace_jwt.wasm dist/namespace-jwt.wasm
	@echo "==> dist/namespace-jwt.wasm: $$(($$(wc -c < dist/namespace-jwt.wasm) / 1024)) KiB"

clean:
	rm -rf target dist

tools:
	@command -v cargo >/dev/null || { echo 'error: no cargo: install Rust from https://rustup.rs' >&2; exit 1; }
	@command -v python3 >/dev/null || { echo 'error: no python3: install Python 3.8 or newer' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'error: no cc: install a C compiler, such as gcc or clang' >&2; exit 1; }
